//! From lists of layers to steps on the card.

use super::launch::Launcher;
use super::layer::GemmLayer;
use super::product::Product;
use super::step::{CudaStep, Function, Pool, Transpose, Upsample};
use crate::Result;
use crate::engine::cpu::{Elementwise, Latent, Shape, Stage};
use crate::ops::{Pointwise, Scalar};
use crate::recipe::Precision;

/// The largest window whose places the kernels count.
const MOST_POOL: usize = 64;

/// Steps for an encoder's and a decoder's layers on samples of a shape, and the number of the decoder's first; none
/// if there is a layer that the card has no kernel for, or nothing on one side of the code.
pub(super) fn lower(
    card: &Launcher,
    (encoder, decoder): (&[Stage], &[Stage]),
    input: Shape,
    precision: Precision,
) -> Result<Option<(Vec<CudaStep>, usize)>> {
    let mut lowering = Lowering {
        specs: Vec::new(),
        shape: input,
        is_planar: true,
    };
    let Some(code) = lowering.network(encoder, decoder) else {
        return Ok(None);
    };
    let steps = lowering.specs.into_iter().map(|spec| {
        Ok(match spec {
            StepSpec::Product(layer) => {
                CudaStep::Product(Box::new(Product::new(card, layer, precision)?))
            }
            StepSpec::Pool(pool) => CudaStep::Pool(pool),
            StepSpec::Upsample(upsample) => CudaStep::Upsample(upsample),
            StepSpec::Transpose(transpose) => CudaStep::Transpose(transpose),
            StepSpec::Activation { function, len } => CudaStep::Activation { function, len },
            StepSpec::Latent(latent) => CudaStep::Latent(latent),
        })
    });
    Ok(Some((steps.collect::<Result<_>>()?, code)))
}

/// A step without its memory.
#[derive(Debug)]
enum StepSpec {
    Product(GemmLayer),
    Pool(Pool),
    Upsample(Upsample),
    Transpose(Transpose),
    Activation { function: Function, len: usize },
    Latent(Latent),
}

/// The specs so far, and what they lead to.
struct Lowering {
    specs: Vec<StepSpec>,
    shape: Shape,
    /// Whether values lie as (N, C, H, W), as people see them, or as (N, H, W, C).
    is_planar: bool,
}

impl Lowering {
    /// Outlines an encoder and a decoder; returns the number of the decoder's first.
    fn network(&mut self, encoder: &[Stage], decoder: &[Stage]) -> Option<usize> {
        self.add(encoder)?;
        let code = self.specs.len();
        self.add(decoder)?;
        self.lay_out(true);
        (code > 0 && code < self.specs.len()).then_some(code)
    }

    /// Some layers in a row; none if one has no kernel.
    fn add(&mut self, stages: &[Stage]) -> Option<()> {
        let mut rest = stages;
        while let Some((stage, behind)) = rest.split_first() {
            rest = behind;
            match *stage {
                Stage::Dense { units, bias } => {
                    let layer = GemmLayer {
                        input: flat(self.shape.len()),
                        results: units,
                        kernel: 1,
                        scale: 1,
                        has_bias: bias,
                        has_relu: false,
                    };
                    self.layer(layer, &mut rest);
                }
                Stage::Conv { channels, kernel } => {
                    self.convolution(channels, kernel, 1, &mut rest);
                }
                Stage::Upsample { scale } => match rest.split_first() {
                    // Then no upsampled image is made: the convolution reads through it.
                    Some((Stage::Conv { channels, kernel }, behind)) if scale.is_power_of_two() => {
                        rest = behind;
                        self.convolution(*channels, *kernel, scale, &mut rest);
                    }
                    _ => self.upsample(scale),
                },
                Stage::MaxPool { size } if size <= MOST_POOL => {
                    self.lay_out(false);
                    self.shape.height /= size;
                    self.shape.width /= size;
                    self.specs.push(StepSpec::Pool(Pool {
                        output: self.shape,
                        size,
                    }));
                }
                Stage::Reshape(to) => {
                    self.lay_out(true);
                    self.shape = to;
                }
                Stage::Elementwise(ref elementwise) => self.specs.push(StepSpec::Activation {
                    function: function(elementwise),
                    len: self.shape.len(),
                }),
                Stage::Latent(latent) => {
                    self.shape = flat(latent.dimensions);
                    self.specs.push(StepSpec::Latent(latent));
                }
                Stage::MaxPool { .. } | Stage::Softmax => return None,
            }
        }
        Some(())
    }

    fn upsample(&mut self, scale: usize) {
        self.lay_out(false);
        self.specs.push(StepSpec::Upsample(Upsample {
            input: self.shape,
            scale,
        }));
        self.shape.height *= scale;
        self.shape.width *= scale;
    }

    fn convolution(&mut self, channels: usize, kernel: usize, scale: usize, rest: &mut &[Stage]) {
        self.lay_out(false);
        let layer = GemmLayer {
            input: self.shape,
            results: channels,
            kernel,
            scale,
            has_bias: true,
            has_relu: false,
        };
        self.layer(layer, rest);
    }

    /// A layer with weights, and the relu that follows it, which is taken from `rest`.
    fn layer(&mut self, mut layer: GemmLayer, rest: &mut &[Stage]) {
        if let Some((Stage::Elementwise(Elementwise::Relu), behind)) = rest.split_first() {
            layer.has_relu = true;
            *rest = behind;
        }
        self.shape = Shape {
            channels: layer.results,
            height: layer.height(),
            width: layer.width(),
        };
        self.specs.push(StepSpec::Product(layer));
    }

    /// Sees to it that values lie as is asked.
    fn lay_out(&mut self, is_planar: bool) {
        let (channels, pixels) = (self.shape.channels, self.shape.height * self.shape.width);
        if self.is_planar != is_planar && channels > 1 && pixels > 1 {
            let (rows, columns) = match is_planar {
                true => (pixels, channels),
                false => (channels, pixels),
            };
            self.specs
                .push(StepSpec::Transpose(Transpose { rows, columns }));
        }
        self.is_planar = is_planar;
    }
}

fn flat(channels: usize) -> Shape {
    Shape {
        channels,
        height: 1,
        width: 1,
    }
}

fn function(elementwise: &Elementwise) -> Function {
    match elementwise {
        Elementwise::Relu => scalar(&Scalar::Relu),
        Elementwise::LeakyRelu(slope) => scalar(&Scalar::LeakyRelu(f64::from(*slope))),
        Elementwise::Sigmoid => scalar(&Scalar::Sigmoid),
        Elementwise::Other(function) => scalar(function),
    }
}

/// In the order of `Function` in `kernels/layers.cu`.
fn scalar(function: &Scalar) -> Function {
    let (number, parameter) = match function {
        Scalar::Relu => (0, 0.0),
        Scalar::LeakyRelu(slope) => (1, *slope),
        Scalar::Sigmoid => (2, 0.0),
        Scalar::Tanh => (3, 0.0),
        Scalar::Sin => (4, 0.0),
        Scalar::Pointwise(Pointwise::Elu { alpha }) => (5, *alpha),
        Scalar::Pointwise(Pointwise::Swish { beta }) => (6, *beta),
        Scalar::Pointwise(Pointwise::Gelu) => (7, 0.0),
        Scalar::Pointwise(Pointwise::GeluTanh) => (8, 0.0),
        Scalar::Pointwise(Pointwise::Softplus) => (9, 0.0),
        Scalar::Pointwise(Pointwise::CappedRelu { cap }) => (10, *cap),
        Scalar::Pointwise(Pointwise::CappedLinear { cap }) => (11, *cap),
        Scalar::Pointwise(Pointwise::Isru { alpha }) => (12, *alpha),
        Scalar::Pointwise(Pointwise::Arctan) => (13, 0.0),
        Scalar::Pointwise(Pointwise::Arcsinh) => (14, 0.0),
        Scalar::Pointwise(Pointwise::Elliot) => (15, 0.0),
        Scalar::Pointwise(Pointwise::Logarithmic) => (16, 0.0),
        Scalar::Linear => (17, 0.0),
        Scalar::Scaled { of, a, b } => {
            let within = scalar(of);
            return Function {
                outer: *a as f32 * within.outer,
                inner: *b as f32 * within.inner,
                ..within
            };
        }
    };
    Function {
        number,
        parameter: parameter as f32,
        outer: 1.0,
        inner: 1.0,
    }
}
