//! Memory of the steps' results.

use super::CpuStep;
use super::program::ProgramStep;

/// The memory that each step writes its results to.
#[derive(Debug, Clone)]
pub(crate) struct Slots {
    of_step: Vec<usize>,
    /// Values of a sample in each slot.
    lens: Vec<usize>,
}

impl Slots {
    /// Every step has its own, for a backward pass to read.
    pub fn kept(steps: &[ProgramStep]) -> Self {
        Self {
            of_step: (0..steps.len()).collect(),
            lens: steps.iter().map(|step| step.sizes.out).collect(),
        }
    }

    /// Steps write over results that no later step reads, if these have the same layout: steps rely on zeros around
    /// images that nobody writes again.
    pub fn reused(steps: &[ProgramStep]) -> Self {
        let mut readers: Vec<usize> = (1..=steps.len()).collect();
        for (number, step) in steps.iter().enumerate() {
            if let CpuStep::Add(add) = &step.step
                && let Some(readers) = add.source.checked_sub(1).and_then(|s| readers.get_mut(s))
            {
                *readers = number.max(*readers);
            }
        }
        let (mut kinds, mut free) = (Vec::new(), Vec::new());
        let mut of_step = Vec::with_capacity(steps.len());
        for (number, step) in steps.iter().enumerate() {
            let kind = (step.step.output_layout(), step.sizes.out);
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
