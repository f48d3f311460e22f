//! The steps of a lowered network with their weights, for both passes.

use std::ops::Range;

use super::CpuStep;
use super::slots::Slots;
use super::step::{LayerParameters, PackedWeights, Step, StepSizes};

/// Samples of a micro-batch. Networks with convolutions take few, whose values stay in the caches. Dense
/// networks take more: with few rows, loading the weights takes longer than multiplying; most if they do not fit the
/// caches.
const CONV_SAMPLES: usize = 16;
const DENSE_SAMPLES: usize = 64;
const WIDE_SAMPLES: usize = 256;
/// From this many values on, the gradient of a network without convolutions is kept once: threads share the products
/// of a batch rather than its samples.
const WIDE: usize = 1 << 18;
/// Values after all steps of a micro-batch that stay in the caches. Of images of 3x50x51 with 128 channels, 16 at once take
/// 1.3 times as long as 2, and five times the memory.
const CACHED_VALUES: usize = 1 << 20;
/// Most values after all steps of a micro-batch: a gigabyte, which only samples of millions of values
/// reach.
const MOST_VALUES: usize = 1 << 28;
/// Samples that share a gradient should take so many multiplications for each of its values, which are converted, written
/// and summed. With 16, conv-denoiser has 16 shards of a batch of 128 rather than 8, and its steps take 7% longer on two
/// threads; threads that have no shard take parts of the steps of the others.
const PER_VALUE: usize = 32;

/// Steps, each of which reads the output of the one before it.
#[derive(Debug)]
pub(crate) struct Program {
    pub steps: Vec<ProgramStep>,
    /// Memory of their results.
    pub slots: Slots,
    /// The step that reads the codes.
    pub code: usize,
    /// The first step with parameters: the gradient of its input is not needed.
    pub first_trained: usize,
    /// Samples of a micro-batch.
    pub samples: usize,
    pub gradient_len: usize,
    pub has_convolutions: bool,
    pub has_dense: bool,
    /// About as many multiplications as the forward pass of a sample takes.
    pub work: usize,
    /// So many samples take much longer than writing and adding their gradient once.
    pub worth_a_gradient: usize,
}

#[derive(Debug)]
pub(crate) struct ProgramStep {
    pub step: CpuStep,
    pub sizes: StepSizes,
    pub packed: PackedWeights,
    /// The number of its layer among those with parameters; none if it has none.
    layer: Option<usize>,
    /// Its part of a shard's gradient.
    pub gradient: Range<usize>,
    /// Its part of the gradients in the form of the products.
    pub sums: Range<usize>,
}

impl ProgramStep {
    /// The entry of its layer in `parameters`; none if it has no parameters.
    pub fn own<'a>(&self, parameters: &'a [LayerParameters<'a>]) -> &'a [&'a [f32]] {
        let own = self.layer.and_then(|layer| parameters.get(layer));
        own.map_or(&[], Vec::as_slice)
    }

    pub fn is_trained(&self) -> bool {
        self.layer.is_some()
    }
}

impl Program {
    pub fn new(steps: Vec<CpuStep>, code: usize) -> Self {
        let (mut layers, mut gradient_len, mut sums_len) = (0, 0, 0);
        let mut placed = Vec::with_capacity(steps.len());
        for step in steps {
            let sizes = step.sizes();
            let layer = (sizes.gradient > 0).then_some(layers);
            placed.push(ProgramStep {
                step,
                sizes,
                packed: PackedWeights::default(),
                layer,
                gradient: gradient_len..gradient_len + sizes.gradient,
                sums: sums_len..sums_len + sizes.sums,
            });
            layers += usize::from(layer.is_some());
            gradient_len += sizes.gradient;
            sums_len += sizes.sums;
        }
        let has_convolutions = placed.iter().any(|step| step.sizes.is_convolution);
        let is_dense = |step: &ProgramStep| matches!(step.step.inner(), CpuStep::Dense(_));
        let has_dense = placed.iter().any(is_dense);
        let samples = match has_convolutions {
            true => CONV_SAMPLES,
            false if gradient_len >= WIDE => WIDE_SAMPLES,
            false => DENSE_SAMPLES,
        };
        let values: usize = placed.iter().map(|step| step.sizes.out).sum();
        let work = placed.iter().map(work).sum::<usize>().max(1);
        // The gradient in the form of the products is written and read once more.
        let worth_a_gradient = (PER_VALUE * (gradient_len + 2 * sums_len)).div_ceil(work);
        let most = match has_convolutions {
            true => worth_a_gradient.max(CACHED_VALUES / values.max(1)),
            false => samples,
        };
        let samples = samples.min(most).min(MOST_VALUES / values.max(1));
        Self {
            samples: samples.max(1),
            first_trained: placed.iter().position(ProgramStep::is_trained).unwrap_or(0),
            work,
            worth_a_gradient,
            slots: Slots::kept(&outputs(&placed)),
            steps: placed,
            code,
            gradient_len,
            has_convolutions,
            has_dense,
        }
    }

    /// The same for forward passes alone, with less memory.
    pub fn without_backward(self) -> Self {
        Self {
            slots: Slots::reused(&outputs(&self.steps)),
            ..self
        }
    }

    /// Whether threads share the products of a batch rather than its samples.
    pub fn shares_products(&self) -> bool {
        !self.has_convolutions && self.gradient_len >= WIDE
    }

    /// Values of a sample before the first step and after the last.
    pub fn sizes(&self) -> (usize, usize) {
        let input = self.steps.first().map_or(0, |step| step.sizes.x);
        (input, self.steps.last().map_or(0, |step| step.sizes.out))
    }

    /// Dimensions of the noise that a variational network takes.
    pub fn latent(&self) -> Option<usize> {
        self.steps.iter().find_map(|step| match &step.step {
            CpuStep::Latent(latent) => Some(latent.dimensions),
            _ => None,
        })
    }
}

/// The steps with the values of a sample after each.
fn outputs(steps: &[ProgramStep]) -> Vec<(&CpuStep, usize)> {
    let steps = steps.iter();
    steps.map(|step| (&step.step, step.sizes.out)).collect()
}

/// About as many multiplications as a step takes for a sample: with `a` places of the image, a convolution from `c` to
/// `o` channels has weights, values before and values after it in proportion to `c o`, `a c` and `a o`, and
/// takes `a c o`; a dense layer is one of a single place.
fn work(step: &ProgramStep) -> usize {
    let sizes = step.sizes;
    let product = sizes.gradient as f64 * sizes.x as f64 * sizes.out as f64;
    product.sqrt() as usize + sizes.x + sizes.out
}
