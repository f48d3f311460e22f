//! The steps of a lowered network with their weights, for both passes.

use super::step::Parameters;
use super::{CpuStep, Packed};

/// Samples of a micro-batch. Networks with convolutions take few, whose values stay in the caches. Dense
/// networks take more: with few rows, loading the weights takes longer than multiplying.
const CONV_SAMPLES: usize = 16;
const DENSE_SAMPLES: usize = 64;
/// Most values after all steps of a micro-batch: a gigabyte, which only samples of millions of values
/// reach.
const MOST_VALUES: usize = 1 << 28;

/// Steps, each of which reads the output of the one before it.
#[derive(Debug)]
pub(crate) struct Program {
    pub steps: Vec<CpuStep>,
    /// The step that reads the codes.
    pub code: usize,
    /// Samples of a micro-batch.
    pub samples: usize,
    pub packed: Vec<Packed>,
    /// Start and length of each step's part of a shard's gradient.
    pub places: Vec<usize>,
    pub gradient_len: usize,
}

impl Program {
    pub fn new(steps: Vec<CpuStep>, code: usize) -> Self {
        let samples = match steps.iter().any(CpuStep::is_convolution) {
            true => CONV_SAMPLES,
            false => DENSE_SAMPLES,
        };
        let values: usize = steps.iter().map(CpuStep::out_len).sum();
        let mut places = Vec::with_capacity(steps.len());
        let mut gradient_len = 0;
        for step in &steps {
            places.push(gradient_len);
            gradient_len += step.gradient_len();
        }
        Self {
            packed: steps.iter().map(CpuStep::unpacked).collect(),
            samples: samples.min(MOST_VALUES / values.max(1)).max(1),
            steps,
            code,
            places,
            gradient_len,
        }
    }

    /// Values of a sample before the first step and after the last.
    pub fn sizes(&self) -> (usize, usize) {
        let input = self.steps.first().map_or(0, CpuStep::x_len);
        (input, self.steps.last().map_or(0, CpuStep::out_len))
    }

    /// Dimensions of the noise that a variational network takes.
    pub fn latent(&self) -> Option<usize> {
        self.steps.iter().find_map(|step| match step {
            CpuStep::Latent(latent) => Some(latent.dimensions),
            _ => None,
        })
    }
}

/// The parameters of a step: the next ones of `parameters` if its layer has any.
pub(super) fn own<'a>(
    step: &CpuStep,
    parameters: &mut impl Iterator<Item = &'a Parameters<'a>>,
) -> &'a [&'a [f32]] {
    match step.is_trained() {
        true => parameters.next().map_or(&[], Vec::as_slice),
        false => &[],
    }
}
