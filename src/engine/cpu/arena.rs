//! The working memory of a thread.

use super::CpuStep;
use super::lines::Lines;

/// The working memory of one thread.
#[derive(Debug)]
pub(crate) struct Arena {
    /// Results of each step.
    pub values: Vec<Lines>,
    pub sides: Vec<Lines>,
    /// Gradients before each step and after the last.
    pub gradients: Vec<Lines>,
    pub sums: Vec<Lines>,
    pub scratch: Lines,
}

impl Arena {
    /// Memory for `samples` samples at once.
    pub fn new(steps: &[CpuStep], samples: usize) -> Self {
        let zeros = |len: fn(&CpuStep) -> usize| {
            let lens = steps.iter().map(len);
            lens.map(|len| Lines::zeros(samples * len))
                .collect::<Vec<_>>()
        };
        let scratch = steps.iter().map(|step| step.scratch(samples)).max();
        Self {
            values: zeros(CpuStep::out_len),
            sides: zeros(CpuStep::side_len),
            gradients: Vec::new(),
            sums: Vec::new(),
            scratch: Lines::zeros(scratch.unwrap_or(0)),
        }
    }

    /// Allocates the gradients, which inference does not need.
    pub fn prepare(&mut self, steps: &[CpuStep], samples: usize) {
        if !self.gradients.is_empty() {
            return;
        }
        let before = steps.iter().map(CpuStep::x_len);
        let behind = steps.last().map(CpuStep::out_len);
        let lens = before.chain(behind);
        self.gradients = lens.map(|len| Lines::zeros(samples * len)).collect();
        self.sums = steps
            .iter()
            .map(|step| Lines::zeros(step.sums_len()))
            .collect();
    }
}
