//! The memory that a thread works in.

use super::CpuStep;
use super::lines::Lines;

/// The memory that one thread works in.
#[derive(Debug)]
pub(crate) struct Arena {
    /// Behind each step.
    pub values: Vec<Lines>,
    pub sides: Vec<Lines>,
    /// Before each step and behind the last.
    pub gradients: Vec<Lines>,
    pub sums: Vec<Lines>,
    pub scratch: Lines,
}

impl Arena {
    /// For so many samples at once.
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

    /// Makes room for gradients, which inference does without.
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
