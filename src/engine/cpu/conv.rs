//! Convolutions of three by three taps through fewer products.
//!
//! Measurements on two cores of an AMD EPYC (Zen 4) with AVX-512, conv-denoiser in batches of 128:
//!
//! - Planes whose distance is a power of two fall on the same cache sets; one line between them ([`plane_stride`])
//!   makes these layers 5% faster (predicted: 10%).
//! - Leaving out products whose outputs all lie outside of the image makes them 10% faster (predicted: 17%; some
//!   products then have only 8 rows): the last tile of 7 = 4 + 3 takes 5 products along an axis, not 6.
//! - Half or twice as many images at once ([`SCRATCH`], [`ROWS`]) are 2 to 4% slower.
//! - Products of bf16 operands, twice as fast by themselves, do not pay. Rounding planes and weights to bf16 gives
//!   results with a relative error of 2.4e-2 (128 channels; f32: 2e-6), eight times that of the direct sum (3.1e-3),
//!   which takes three to four times as many products. Only upsampled images (4.4e-3) would be left, with two fifths of
//!   the products.

use pulp::Simd;

use super::finish::Finish;
use super::grid::Grid;
use super::lines::{Lines, padded, plane_stride};
use super::product::panels_len;
use super::step::{Backward, Forward, Step, unpack_weight_and_bias, weight_and_bias};
use super::tiles::{Square, Tiles};
use super::upsampled::Upsampled2;
use super::weights::Walk;
use super::winograd::Winograd4;

/// A convolution with zero padding that keeps the size, of images as they are or upsampled by two, fused with the
/// operations after it.
#[derive(Debug, Clone)]
pub(crate) struct FastConv {
    pub kind: Kind,
    pub from: Grid,
    pub out_channels: usize,
    pub finish: Finish,
}

/// The images that the taps read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The inputs.
    Plain,
    /// The inputs, each value repeated twice along both axes.
    Upsampled,
}

/// The weights as the products read them.
#[derive(Debug, Default)]
pub(crate) struct ConvWeights {
    /// For each product the matrix (in, out), and (out, in).
    pub(super) forward: Lines,
    pub(super) backward: Lines,
    pub(super) bias: Lines,
}

/// Images and their results, of some samples.
pub(crate) struct ConvImages<'a> {
    pub x: &'a [f32],
    pub out: &'a mut [f32],
    pub pooled: &'a mut [f32],
}

/// Sources and destinations of the gradients of some samples.
pub(crate) struct ConvGradients<'a> {
    pub x: &'a [f32],
    pub out: &'a [f32],
    pub pooled: &'a [f32],
    pub gradient: &'a [f32],
    /// Gradient of the images; none if it is not needed.
    pub x_gradient: Option<&'a mut [f32]>,
    /// Gradient of the products' weights, and of the biases.
    pub weights: &'a mut [f32],
    pub bias: &'a mut [f32],
    /// Whether `weights` holds a sum to add to.
    pub accumulate: bool,
}

/// The values of planes and products that are worked on at once should stay in a core's own cache.
const SCRATCH: usize = 192 * 1024;
/// With fewer rows than this in a product, loading the weights takes longer than multiplying.
const ROWS: usize = 32;

type Plain = Square<Winograd4, 6, 6, 6, 4>;
type Upsampled = Square<Upsampled2, 3, 3, 5, 4>;

impl FastConv {
    /// The grid that images of this shape are read from.
    pub fn grid(kind: Kind, channels: usize, height: usize, width: usize) -> Grid {
        match kind {
            Kind::Plain => Plain::grid(channels, height, width),
            Kind::Upsampled => Upsampled::grid(channels, height, width),
        }
    }

    /// Number of products along both axes.
    fn products(&self) -> usize {
        match self.kind {
            Kind::Plain => Plain::ALL_PRODUCTS,
            Kind::Upsampled => Upsampled::ALL_PRODUCTS,
        }
    }

    fn planes(&self) -> usize {
        match self.kind {
            Kind::Plain => Plain::ALL_PLANES,
            Kind::Upsampled => Upsampled::ALL_PLANES,
        }
    }

    pub(super) fn tiles(&self) -> Tiles {
        match self.kind {
            Kind::Plain => Plain::tiles(self.from.height, self.from.width),
            Kind::Upsampled => Upsampled::tiles(self.from.height, self.from.width),
        }
    }

    /// Number of images processed at once.
    pub(super) fn images(&self) -> usize {
        let tiles = self.tiles();
        let tiles = tiles.down * tiles.across;
        let values =
            self.planes() * self.from.padded() + self.products() * padded(self.out_channels);
        let fitting = SCRATCH / (tiles * values).max(1);
        fitting.max(ROWS.div_ceil(tiles)).max(1)
    }

    pub(super) fn planes_len(&self, images: usize) -> usize {
        self.planes() * self.tiles().stride(images, self.from.padded())
    }

    fn products_len(&self, images: usize) -> usize {
        self.products() * self.tiles().stride(images, padded(self.out_channels))
    }

    /// Length of the gradient of the products' weights.
    fn weights_len(&self) -> usize {
        self.products() * self.product_len()
    }

    /// Distance from one product's gradient to the next.
    pub(super) fn product_len(&self) -> usize {
        plane_stride(self.from.channels * padded(self.out_channels))
    }

    /// Length of the gradient of the taps.
    fn taps_len(&self) -> usize {
        9 * self.product_len()
    }

    /// The gradient of (out, in, 3, 3) from that of the taps.
    fn unpack_taps(&self, taps: &[f32], weight: &mut [f32]) {
        let (inputs, outputs) = (self.from.channels, padded(self.out_channels));
        for (o, kernels) in weight.chunks_exact_mut(9 * inputs).enumerate() {
            for (c, kernel) in kernels.chunks_exact_mut(9).enumerate() {
                for (tap, value) in kernel.iter_mut().enumerate() {
                    *value = taps[tap * self.product_len() + c * outputs + o];
                }
            }
        }
    }

    /// The weights of the products, from (out, in, 3, 3) and (out), or no biases.
    fn pack_weights<S: Simd>(
        &self,
        simd: S,
        weight: &[f32],
        bias: &[f32],
        packed: &mut ConvWeights,
    ) {
        let (inputs, outputs) = (self.from.channels, self.out_channels);
        assert!(weight.len() == outputs * inputs * 9 && bias.len() <= outputs);
        packed.bias.reserve(padded(outputs));
        packed.bias[..bias.len()].copy_from_slice(bias);
        let (forward, backward) = (
            panels_stride(inputs, outputs),
            panels_stride(outputs, inputs),
        );
        packed.forward.reserve(self.products() * forward);
        packed.backward.reserve(self.products() * backward);
        let outer = Walk {
            count: inputs,
            stride: 9,
        };
        let inner = Walk {
            count: outputs,
            stride: inputs * 9,
        };
        match self.kind {
            Kind::Plain => {
                Plain::weights(simd, weight, outer, inner, &mut packed.forward, forward);
                Plain::weights(simd, weight, inner, outer, &mut packed.backward, backward);
            }
            Kind::Upsampled => {
                Upsampled::weights(simd, weight, outer, inner, &mut packed.forward, forward);
                Upsampled::weights(simd, weight, inner, outer, &mut packed.backward, backward);
            }
        }
    }
}

impl Step for FastConv {
    type Packed = ConvWeights;

    fn x_len(&self) -> usize {
        self.from.len()
    }

    fn out_len(&self) -> usize {
        self.finish.to.len()
    }

    fn side_len(&self) -> usize {
        self.finish.side_len()
    }

    fn scratch(&self, _: usize) -> usize {
        self.planes_len(self.images()) + self.products_len(self.images())
    }

    fn is_convolution(&self) -> bool {
        true
    }

    fn gradient_len(&self) -> usize {
        self.taps_len() + padded(self.out_channels)
    }

    /// The gradient of the taps is computed from the sums after the last samples.
    fn overwritten(&self) -> usize {
        self.taps_len()
    }

    fn sums_len(&self) -> usize {
        self.weights_len()
    }

    fn pack<S: Simd>(&self, simd: S, parameters: &[&[f32]], packed: &mut ConvWeights) {
        let (weight, bias) = weight_and_bias(parameters);
        self.pack_weights(simd, weight, bias, packed);
    }

    fn forward<S: Simd>(
        &self,
        simd: S,
        (packed, _): (&ConvWeights, &[&[f32]]),
        io: Forward,
    ) -> f64 {
        let images = io.x.len() / self.from.len();
        let results = ConvImages {
            x: io.x,
            out: io.out,
            pooled: io.side,
        };
        match self.kind {
            Kind::Plain => Plain::forward(self, simd, packed, results, images, io.scratch),
            Kind::Upsampled => Upsampled::forward(self, simd, packed, results, images, io.scratch),
        }
        0.0
    }

    fn backward<S: Simd>(&self, simd: S, (packed, _): (&ConvWeights, &[&[f32]]), io: Backward) {
        let images = io.x.len() / self.from.len();
        let (_, bias) = io.parameters.split_at_mut(self.taps_len());
        let gradients = ConvGradients {
            x: io.x,
            out: io.out,
            pooled: io.side,
            gradient: io.gradient,
            x_gradient: io.x_gradient,
            weights: io.sums,
            bias,
            accumulate: !io.first,
        };
        match self.kind {
            Kind::Plain => Plain::backward(self, simd, packed, gradients, images, io.scratch),
            Kind::Upsampled => {
                Upsampled::backward(self, simd, packed, gradients, images, io.scratch)
            }
        }
    }

    /// Gradients of the products' weights to those of the taps, (3, 3, in, out) with the outputs padded.
    fn finish_shard<S: Simd>(&self, simd: S, sums: &[f32], gradient: &mut [f32]) {
        match self.kind {
            Kind::Plain => Plain::taps(simd, sums, self.product_len(), gradient),
            Kind::Upsampled => Upsampled::taps(simd, sums, self.product_len(), gradient),
        }
    }

    fn unpack(&self, gradient: &[f32], parameters: &mut [&mut [f32]]) {
        let gradient = (gradient, self.taps_len());
        unpack_weight_and_bias(gradient, parameters, |taps, weight| {
            self.unpack_taps(taps, weight);
        });
    }
}

/// Distance from the panels of one product to those of the next.
pub(super) fn panels_stride(depth: usize, columns: usize) -> usize {
    plane_stride(panels_len(depth, columns))
}
