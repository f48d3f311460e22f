//! The steps of a lowered network with their weights: what both passes go over.

use super::step::Parameters;
use super::{CpuStep, Packed};

/// Samples of a micro-batch. Networks with convolutions work on few, whose values stay in the caches; the
/// products of dense networks take more, or loading the weights would take longer than multiplying.
const CONV_SAMPLES: usize = 16;
const DENSE_SAMPLES: usize = 64;
/// Values behind all steps of a micro-batch: a gigabyte of them, which only samples of millions of values
/// reach.
const MOST_VALUES: usize = 1 << 28;

/// Steps, each of which reads what the one before it writes.
#[derive(Debug)]
pub(crate) struct Program {
    pub steps: Vec<CpuStep>,
    /// The step that reads the codes.
    pub code: usize,
    /// Samples of a micro-batch.
    pub samples: usize,
    pub packed: Vec<Packed>,
    /// Where each step's part of a shard's gradient begins, and its length.
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

    /// Values of a sample before the first step and behind the last.
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

/// The parameters of a step: the next of those that are given, for a step whose layer has some.
pub(super) fn own<'a>(
    step: &CpuStep,
    parameters: &mut impl Iterator<Item = &'a Parameters<'a>>,
) -> &'a [&'a [f32]] {
    match step.is_trained() {
        true => parameters.next().map_or(&[], Vec::as_slice),
        false => &[],
    }
}
