//! The working memory of a thread.

use super::lines::Lines;
use super::program::{Program, ProgramStep};
use super::step::StepSizes;

/// The working memory of one thread.
#[derive(Debug)]
pub(crate) struct Arena {
    /// Results of the steps, by their slots.
    pub values: Vec<Lines>,
    pub sides: Vec<Lines>,
    /// Gradients before each step and after the last.
    pub gradients: Vec<Lines>,
    /// Gradients in the form of the products.
    pub sums: Lines,
    pub scratch: Lines,
}

impl Arena {
    /// Memory for a micro-batch.
    pub fn new(program: &Program) -> Self {
        let (steps, samples) = (&program.steps, program.samples);
        let zeros = |len: fn(&StepSizes) -> usize| {
            let lens = steps.iter().map(|step| samples * len(&step.sizes));
            lens.map(Lines::zeros).collect()
        };
        let scratch = steps.iter().map(|step| &step.sizes);
        let scratch = scratch.map(|sizes| sizes.scratch + samples * sizes.sample_scratch);
        Self {
            values: program
                .slots
                .lens()
                .iter()
                .map(|len| Lines::zeros(samples * len))
                .collect(),
            sides: zeros(|sizes| sizes.side),
            gradients: Vec::new(),
            sums: Lines::default(),
            scratch: Lines::zeros(scratch.max().unwrap_or(0)),
        }
    }

    /// Allocates the gradients, which inference does not need.
    pub fn prepare(&mut self, steps: &[ProgramStep], samples: usize) {
        if !self.gradients.is_empty() {
            return;
        }
        let before = steps.iter().map(|step| step.sizes.x);
        let lens = before.chain(steps.last().map(|step| step.sizes.out));
        self.gradients = lens.map(|len| Lines::zeros(samples * len)).collect();
        self.sums = Lines::zeros(steps.last().map_or(0, |step| step.sums.end));
    }
}
