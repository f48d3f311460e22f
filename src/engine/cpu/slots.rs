//! Memory of the steps' results.

use super::CpuStep;

/// The memory that each step writes its results to. Steps come with the values of a sample's result.
#[derive(Debug, Clone)]
pub(crate) struct Slots {
    of_step: Vec<usize>,
    /// Values of a sample in each slot.
    lens: Vec<usize>,
}

impl Slots {
    /// Every step has its own, for a backward pass to read.
    pub fn kept(steps: &[(&CpuStep, usize)]) -> Self {
        Self {
            of_step: (0..steps.len()).collect(),
            lens: steps.iter().map(|(_, len)| *len).collect(),
        }
    }

    /// Steps write over results that no later step reads, if these have the same layout: steps rely on zeros around
    /// images that nobody writes again.
    pub fn reused(steps: &[(&CpuStep, usize)]) -> Self {
        let mut readers: Vec<usize> = (1..=steps.len()).collect();
        for (number, (step, _)) in steps.iter().enumerate() {
            if let CpuStep::Add(add) = step
                && let Some(readers) = add.source.checked_sub(1).and_then(|s| readers.get_mut(s))
            {
                *readers = number.max(*readers);
            }
        }
        let (mut kinds, mut free) = (Vec::new(), Vec::new());
        let mut of_step = Vec::with_capacity(steps.len());
        for (number, (step, len)) in steps.iter().enumerate() {
            let kind = (step.output_layout(), *len);
            let fits = free.iter().position(|slot| kinds.get(*slot) == Some(&kind));
            let slot = fits.map_or(kinds.len(), |place| free.swap_remove(place));
            if slot == kinds.len() {
                kinds.push(kind);
            }
            of_step.push(slot);
            let read = readers.iter().zip(&of_step);
            free.extend(read.filter_map(|(last, slot)| (*last == number).then_some(*slot)));
        }
        Self {
            of_step,
            lens: kinds.into_iter().map(|(_, len)| len).collect(),
        }
    }

    /// The slot of a step's results.
    pub fn of(&self, step: usize) -> usize {
        self.of_step.get(step).copied().unwrap_or(step)
    }

    /// Values of a sample in each slot.
    pub fn lens(&self) -> &[usize] {
        &self.lens
    }
}
