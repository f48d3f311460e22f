//! Lowering of lists of layers to steps on the device.

mod activation;
mod add;
mod conv_transpose;
mod gemm;
mod latent;
mod pool;
mod transpose;
mod upsample;

use self::add::Add;
use self::conv_transpose::ConvTranspose;
use self::pool::{MOST_SIZE, Pool};
use self::transpose::Transpose;
use self::upsample::Upsample;
use super::launch::Launcher;
use super::layer::GemmLayer;
use super::product::LayerProducts;
use super::step::CudaStep;
use crate::Result;
use crate::activation::Activation;
use crate::engine::cpu::{Latent, Shape};
use crate::engine::lowering::Subnetwork;
use crate::layer::{Conv2d, Layer, LayerSpec, Upsample as UpsampleLayer};
use crate::network::{Code, LOG_VARIANCE_BOUND};
use crate::recipe::Precision;

/// A network's steps.
pub(super) type CudaSteps = Vec<Box<dyn CudaStep>>;

/// Steps for the layers of a network, and the number of the first step after the code; none if a layer has no kernel,
/// or there is no step at all.
pub(super) fn lower(
    card: &Launcher,
    part: Subnetwork,
    precision: Precision,
) -> Result<Option<(CudaSteps, usize)>> {
    let Some(shape) = Shape::new(part.input) else {
        return Ok(None);
    };
    let mut lowering = Lowering {
        card,
        precision,
        steps: Vec::new(),
        shape,
        is_planar: true,
    };
    if !lowering.add(part.encoder)? {
        return Ok(None);
    }
    if let Code::Gaussian { latent } = part.code {
        lowering.lay_out(true);
        lowering.shape = Shape::flat(latent);
        lowering.push(Latent {
            dimensions: latent,
            bound: LOG_VARIANCE_BOUND,
        });
    }
    let code = lowering.steps.len();
    if !lowering.add(part.decoder)? {
        return Ok(None);
    }
    lowering.lay_out(true);
    let steps = lowering.steps;
    Ok((!steps.is_empty()).then_some((steps, code)))
}

/// The steps so far, and the shape and layout of their results.
struct Lowering<'a> {
    card: &'a Launcher,
    precision: Precision,
    steps: CudaSteps,
    shape: Shape,
    /// Whether values are laid out as (N, C, H, W), the order outside of the kernels, or as (N, H, W, C).
    is_planar: bool,
}

impl Lowering<'_> {
    fn push(&mut self, step: impl CudaStep + 'static) {
        self.steps.push(Box::new(step));
    }

    /// Lowers consecutive layers; false if one has no kernel.
    fn add(&mut self, layers: &[Layer]) -> Result<bool> {
        let mut rest = layers;
        while let Some((layer, behind)) = rest.split_first() {
            rest = behind;
            match layer.spec() {
                LayerSpec::Dense(dense) => {
                    let input = Shape::flat(self.shape.len());
                    let layer = GemmLayer::new(input, dense.units, 1, dense.bias);
                    self.gemm(layer, &mut rest)?;
                }
                LayerSpec::Conv2d(conv) => self.convolution(*conv, 1, &mut rest)?,
                LayerSpec::Upsample(upsample) => self.upsample(*upsample, &mut rest)?,
                LayerSpec::ConvTranspose2d(conv) => {
                    self.lay_out(false);
                    let (input, has_relu) = (self.shape, take_relu(&mut rest));
                    self.shape = Shape {
                        channels: conv.channels,
                        height: input.height * conv.scale,
                        width: input.width * conv.scale,
                    };
                    self.push(ConvTranspose::new(
                        self.card,
                        input,
                        *conv,
                        has_relu,
                        self.precision,
                    )?);
                }
                LayerSpec::MaxPool2d(pool) if pool.size <= MOST_SIZE => {
                    self.lay_out(false);
                    self.shape.height /= pool.size;
                    self.shape.width /= pool.size;
                    self.push(Pool {
                        output: self.shape,
                        size: pool.size,
                    });
                }
                LayerSpec::Flatten(_) | LayerSpec::Reshape(_) => {
                    self.lay_out(true);
                    let Some(shape) = Shape::new(layer.output()) else {
                        return Ok(false);
                    };
                    self.shape = shape;
                }
                LayerSpec::Activation(activation) => {
                    let (function, len) = (activation.pointwise(), self.shape.len());
                    let step = function.and_then(|f| activation::Activation::new(&f, len));
                    let Some(step) = step else {
                        return Ok(false);
                    };
                    self.push(step);
                }
                LayerSpec::Residual(_) => {
                    let (source, is_planar) = (self.steps.len(), self.is_planar);
                    if !self.add(layer.body())? {
                        return Ok(false);
                    }
                    self.lay_out(is_planar);
                    let len = self.shape.len();
                    self.push(Add { source, len });
                }
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// A convolution after an upsampling by a power of two includes the upsampling.
    fn upsample(&mut self, upsample: UpsampleLayer, rest: &mut &[Layer]) -> Result<()> {
        if let Some((conv, behind)) = rest.split_first()
            && let LayerSpec::Conv2d(conv) = conv.spec()
            && conv.stride == 1
            && upsample.scale.is_power_of_two()
        {
            *rest = behind;
            return self.convolution(*conv, upsample.scale, rest);
        }
        self.lay_out(false);
        self.push(Upsample {
            input: self.shape,
            scale: upsample.scale,
        });
        self.shape.height *= upsample.scale;
        self.shape.width *= upsample.scale;
        Ok(())
    }

    fn convolution(&mut self, conv: Conv2d, scale: usize, rest: &mut &[Layer]) -> Result<()> {
        self.lay_out(false);
        let layer = GemmLayer {
            scale,
            stride: conv.stride,
            padding: conv.padding(),
            ..GemmLayer::new(self.shape, conv.channels, conv.kernel, conv.bias)
        };
        self.gemm(layer, rest)
    }

    /// A layer with weights, and the relu after it, which is removed from `rest`.
    fn gemm(&mut self, mut layer: GemmLayer, rest: &mut &[Layer]) -> Result<()> {
        layer.has_relu = take_relu(rest);
        let (height, width) = layer.grid();
        self.shape = Shape {
            channels: layer.results,
            height,
            width,
        };
        self.push(LayerProducts::new(self.card, layer, self.precision)?);
        Ok(())
    }

    /// Transposes the values if they are not laid out as asked.
    fn lay_out(&mut self, is_planar: bool) {
        let (channels, pixels) = (self.shape.channels, self.shape.area());
        if self.is_planar != is_planar && channels > 1 && pixels > 1 {
            let (rows, columns) = match is_planar {
                true => (pixels, channels),
                false => (channels, pixels),
            };
            self.push(Transpose { rows, columns });
        }
        self.is_planar = is_planar;
    }
}

/// Whether a relu follows, which is removed from `rest`.
fn take_relu(rest: &mut &[Layer]) -> bool {
    match *rest {
        [next, behind @ ..] if *next.spec() == LayerSpec::Activation(Activation::Relu) => {
            *rest = behind;
            true
        }
        _ => false,
    }
}
