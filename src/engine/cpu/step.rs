//! The interface of the steps of a lowered network.

use pulp::Simd;

use super::lines::{Lines, padded};
use super::product::{panel_place, panels_len};

/// The parameters of a layer, in the layer's order, laid out as in PyTorch.
pub(crate) type LayerParameters<'a> = Vec<&'a [f32]>;

/// Sizes of a step and of its memory; what a step does not need is 0.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StepSizes {
    /// Values of a sample before the step, and after it.
    pub x: usize,
    pub out: usize,
    /// Values of a sample that it keeps for the backward pass.
    pub side: usize,
    /// Samples that are worked on at once; 0 is 1.
    pub at_once: usize,
    /// Scratch memory, and what each sample adds to it.
    pub scratch: usize,
    pub sample_scratch: usize,
    /// Values of the parameters' gradients of a shard, whole cache lines, in the step's own order.
    pub gradient: usize,
    /// Leading gradient values that the first micro-batch overwrites; the rest accumulate.
    pub overwritten: usize,
    /// Values of the weights' gradient in the form of the products; 0 if it is summed in the step's own order directly.
    pub sums: usize,
    /// Whether it packs its weights, and works on images whose values should stay in the caches.
    pub is_convolution: bool,
}

/// The weights of a convolution as its products read them; empty for other steps.
#[derive(Debug, Default)]
pub(crate) struct PackedWeights {
    /// Panels of the matrix (depth, columns) of the forward pass.
    pub forward: Lines,
    /// Panels of its transpose.
    pub backward: Lines,
    pub bias: Lines,
}

impl PackedWeights {
    /// Makes room for a matrix (depth, columns), and takes over the biases of `outputs` channels, or none.
    pub fn reserve(&mut self, (depth, columns): (usize, usize), bias: &[f32], outputs: usize) {
        self.set_bias(bias, outputs);
        self.forward.reserve(panels_len(depth, columns));
        self.backward.reserve(panels_len(columns, depth));
    }

    pub fn set_bias(&mut self, bias: &[f32], outputs: usize) {
        self.bias.reserve(padded(outputs));
        self.bias[..bias.len()].copy_from_slice(bias);
    }

    /// Sets an element of a matrix (depth, columns).
    pub fn put(
        &mut self,
        (depth, columns): (usize, usize),
        (row, column): (usize, usize),
        value: f32,
    ) {
        self.forward[panel_place(depth, columns, row, column)] = value;
        self.backward[panel_place(columns, depth, column, row)] = value;
    }
}

/// Inputs and outputs of a step's forward pass.
pub(crate) struct Forward<'a> {
    pub packed: &'a PackedWeights,
    /// The parameters of the step's layer; none if it has none.
    pub parameters: &'a [&'a [f32]],
    pub x: &'a [f32],
    pub out: &'a mut [f32],
    /// Values kept for the backward pass.
    pub side: &'a mut [f32],
    /// Whether a backward pass follows.
    pub trains: bool,
    /// Noise for the codes of a variational network.
    pub noise: Option<&'a [f32]>,
    /// The sum of the KL divergence.
    pub kl: &'a mut f64,
    pub scratch: &'a mut [f32],
    /// Whether threads that wait for work may take a part of the step's.
    pub is_shared: bool,
}

/// Inputs and outputs of a step's backward pass.
pub(crate) struct Backward<'a> {
    pub packed: &'a PackedWeights,
    pub parameters: &'a [&'a [f32]],
    pub x: &'a [f32],
    pub out: &'a [f32],
    pub side: &'a [f32],
    /// Not read again after the step, which may change it.
    pub gradient: &'a mut [f32],
    /// Gradient of the samples; none if it is not needed.
    pub x_gradient: Option<&'a mut [f32]>,
    /// Sums of the gradients of weights in the form of the products; see [`StepSizes::sums`].
    pub sums: &'a mut [f32],
    /// Sums of the gradients of the parameters, [`StepSizes::gradient`] values in the step's own order.
    pub parameter_gradient: &'a mut [f32],
    /// Whether these are the first samples of the shard.
    pub first: bool,
    pub noise: Option<&'a [f32]>,
    pub kl_scale: f64,
    pub scratch: &'a mut [f32],
    pub is_shared: bool,
}

/// A map of samples from one buffer to the next.
pub(crate) trait Step {
    fn sizes(&self) -> StepSizes;

    fn pack<S: Simd>(&self, _simd: S, _parameters: &[&[f32]], _packed: &mut PackedWeights) {}

    /// Samples to results.
    fn forward<S: Simd>(&self, simd: S, io: Forward);

    /// Gradients of results to those of samples and parameters.
    fn backward<S: Simd>(&self, simd: S, io: Backward);

    /// After the last samples of a shard, converts gradients from the form of the products to the step's own order.
    fn finish_shard<S: Simd>(&self, _simd: S, _sums: &[f32], _gradient: &mut [f32]) {}

    /// Converts gradients from the step's own order to that of the parameters.
    fn unpack(&self, _gradient: &[f32], _parameters: &mut [&mut [f32]]) {}
}

/// Weights and biases of a layer that may have no biases.
pub(super) fn weight_and_bias<'a>(parameters: &[&'a [f32]]) -> (&'a [f32], &'a [f32]) {
    let parameter = |place| parameters.get(place).copied().unwrap_or_default();
    (parameter(0), parameter(1))
}

/// Hands the gradients of weights, `len` values, to `unpack`, and copies those of the biases, which follow them.
pub(super) fn unpack_weight_and_bias(
    (gradient, len): (&[f32], usize),
    parameters: &mut [&mut [f32]],
    unpack: impl FnOnce(&[f32], &mut [f32]),
) {
    let (weights, biases) = gradient.split_at(len);
    let mut parameters = parameters.iter_mut();
    if let Some(weight) = parameters.next() {
        unpack(weights, weight);
    }
    if let Some(bias) = parameters.next() {
        bias.copy_from_slice(&biases[..bias.len()]);
    }
}

/// Declares an enum of steps, a variant for each kind.
macro_rules! steps {
    ($(#[$of:meta])* $steps:ident { $($(#[$doc:meta])* $name:ident($step:ty),)+ }) => {
        $(#[$of])*
        #[derive(Debug, Clone)]
        pub(crate) enum $steps {
            $($(#[$doc])* $name($step),)+
        }

        impl Step for $steps {
            fn sizes(&self) -> StepSizes {
                match self { $(Self::$name(step) => step.sizes(),)+ }
            }

            fn pack<S: Simd>(&self, simd: S, parameters: &[&[f32]], packed: &mut PackedWeights) {
                match self { $(Self::$name(step) => step.pack(simd, parameters, packed),)+ }
            }

            fn forward<S: Simd>(&self, simd: S, io: Forward) {
                match self { $(Self::$name(step) => step.forward(simd, io),)+ }
            }

            fn backward<S: Simd>(&self, simd: S, io: Backward) {
                match self { $(Self::$name(step) => step.backward(simd, io),)+ }
            }

            fn finish_shard<S: Simd>(&self, simd: S, sums: &[f32], gradient: &mut [f32]) {
                match self { $(Self::$name(step) => step.finish_shard(simd, sums, gradient),)+ }
            }

            fn unpack(&self, gradient: &[f32], parameters: &mut [&mut [f32]]) {
                match self { $(Self::$name(step) => step.unpack(gradient, parameters),)+ }
            }
        }
    };
}

pub(super) use steps;
