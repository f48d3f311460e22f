//! The interface of the steps of a lowered network.

use std::fmt::Debug;

use pulp::Simd;

/// The parameters of a step's layer, in the layer's order, laid out as in PyTorch; none if it has none.
pub(crate) type Parameters<'a> = Vec<&'a [f32]>;

/// Inputs and outputs of a step's forward pass.
pub(crate) struct Forward<'a> {
    pub x: &'a [f32],
    pub out: &'a mut [f32],
    /// Values kept for the backward pass.
    pub side: &'a mut [f32],
    /// Noise for the codes of a variational network.
    pub noise: Option<&'a [f32]>,
    pub scratch: &'a mut [f32],
}

/// Inputs and outputs of a step's backward pass.
pub(crate) struct Backward<'a> {
    pub x: &'a [f32],
    pub out: &'a [f32],
    pub side: &'a [f32],
    pub gradient: &'a [f32],
    /// Gradient of the samples; none if it is not needed.
    pub x_gradient: Option<&'a mut [f32]>,
    /// Sums of the gradients of weights in the form of the products; see [`Step::sums_len`].
    pub sums: &'a mut [f32],
    /// Sums of the gradients of the parameters, [`Step::gradient_len`] values in the step's own order.
    pub parameters: &'a mut [f32],
    /// Whether these are the first samples of the shard.
    pub first: bool,
    pub noise: Option<&'a [f32]>,
    pub kl_scale: f64,
    pub scratch: &'a mut [f32],
}

/// A map of samples from one buffer to the next.
pub(crate) trait Step {
    /// The weights as its products read them; empty if they are read as they are.
    type Packed: Debug + Default + Send + Sync;

    /// Values of a sample before the step.
    fn x_len(&self) -> usize;

    /// Values of a sample after it.
    fn out_len(&self) -> usize;

    /// Values of a sample that it keeps for the backward pass.
    fn side_len(&self) -> usize {
        0
    }

    /// Scratch memory for `samples` samples.
    fn scratch(&self, _samples: usize) -> usize {
        0
    }

    /// Whether it works on images whose values should stay in the caches.
    fn is_convolution(&self) -> bool {
        false
    }

    /// Values of the parameters' gradients of a shard, whole cache lines, in the step's own order.
    fn gradient_len(&self) -> usize {
        0
    }

    /// Leading gradient values that the first micro-batch overwrites; the rest accumulate.
    fn overwritten(&self) -> usize {
        0
    }

    /// Values of the weights' gradient in the form of the products; 0 if it is summed in the step's own order directly.
    fn sums_len(&self) -> usize {
        0
    }

    fn pack<S: Simd>(&self, _simd: S, _parameters: &[&[f32]], _packed: &mut Self::Packed) {}

    /// Samples to results; returns what the step adds to the KL divergence.
    fn forward<S: Simd>(&self, simd: S, weights: (&Self::Packed, &[&[f32]]), io: Forward) -> f64;

    /// Gradients of results to those of samples and parameters.
    fn backward<S: Simd>(&self, simd: S, weights: (&Self::Packed, &[&[f32]]), io: Backward);

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

/// Declares [`CpuStep`], a variant for each kind of [`Step`], and its packed weights.
macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident($step:ty),)+) => {
        /// A step of any kind.
        #[derive(Debug, Clone)]
        pub(crate) enum CpuStep {
            $($(#[$doc])* $name($step),)+
        }

        /// The packed weights of a step of the same kind.
        #[derive(Debug)]
        pub(crate) enum Packed {
            $($name(<$step as Step>::Packed),)+
        }

        /// The methods of [`Step`].
        impl CpuStep {
            pub fn x_len(&self) -> usize {
                match self { $(Self::$name(step) => step.x_len(),)+ }
            }

            pub fn out_len(&self) -> usize {
                match self { $(Self::$name(step) => step.out_len(),)+ }
            }

            pub fn side_len(&self) -> usize {
                match self { $(Self::$name(step) => step.side_len(),)+ }
            }

            pub fn scratch(&self, samples: usize) -> usize {
                match self { $(Self::$name(step) => step.scratch(samples),)+ }
            }

            pub fn is_convolution(&self) -> bool {
                match self { $(Self::$name(step) => step.is_convolution(),)+ }
            }

            pub fn gradient_len(&self) -> usize {
                match self { $(Self::$name(step) => step.gradient_len(),)+ }
            }

            pub fn overwritten(&self) -> usize {
                match self { $(Self::$name(step) => step.overwritten(),)+ }
            }

            pub fn sums_len(&self) -> usize {
                match self { $(Self::$name(step) => step.sums_len(),)+ }
            }

            pub fn unpack(&self, gradient: &[f32], parameters: &mut [&mut [f32]]) {
                match self { $(Self::$name(step) => step.unpack(gradient, parameters),)+ }
            }

            /// Whether its products read weights that have to be packed.
            pub fn is_packed(&self) -> bool {
                match self { $(Self::$name(_) => size_of::<<$step as Step>::Packed>() > 0,)+ }
            }

            /// Whether its layer has parameters.
            pub fn is_trained(&self) -> bool {
                self.gradient_len() > 0
            }

            /// An empty place for its packed weights.
            pub fn unpacked(&self) -> Packed {
                match self {
                    $(Self::$name(_) => Packed::$name(Default::default()),)+
                }
            }

            pub fn pack<S: Simd>(&self, simd: S, parameters: &[&[f32]], packed: &mut Packed) {
                match (self, packed) {
                    $((Self::$name(step), Packed::$name(packed)) => {
                        step.pack(simd, parameters, packed)
                    })+
                    _ => {}
                }
            }

            pub fn forward<S: Simd>(
                &self,
                simd: S,
                (packed, parameters): (&Packed, &[&[f32]]),
                io: Forward,
            ) -> f64 {
                match (self, packed) {
                    $((Self::$name(step), Packed::$name(packed)) => {
                        step.forward(simd, (packed, parameters), io)
                    })+
                    _ => 0.0,
                }
            }

            pub fn backward<S: Simd>(
                &self,
                simd: S,
                (packed, parameters): (&Packed, &[&[f32]]),
                io: Backward,
            ) {
                match (self, packed) {
                    $((Self::$name(step), Packed::$name(packed)) => {
                        step.backward(simd, (packed, parameters), io)
                    })+
                    _ => {}
                }
            }

            pub fn finish_shard<S: Simd>(&self, simd: S, sums: &[f32], gradient: &mut [f32]) {
                match self { $(Self::$name(step) => step.finish_shard(simd, sums, gradient),)+ }
            }
        }
    };
}

pub(super) use steps;
