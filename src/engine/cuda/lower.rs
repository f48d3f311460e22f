//! From lists of layers to steps on the card.

use super::launch::Launcher;
use super::layer::GemmLayer;
use super::product::Product;
use super::step::{CudaStep, Function, Pool, Transpose, Upsample};
use crate::Result;
use crate::activation::Activation;
use crate::engine::cpu::{Latent, Shape};
use crate::engine::lowering::Part;
use crate::layer::{Conv2d, Layer, LayerSpec};
use crate::network::{Code, LOG_VARIANCE_BOUND};
use crate::ops::{Pointwise, Scalar};
use crate::recipe::Precision;

/// The largest window whose places the kernels count.
const MOST_POOL: usize = 64;

/// Steps for the layers of a network, and the number of the first behind the code; none if there is a layer that the
/// card has no kernel for, or nothing on one side of the code.
pub(super) fn lower(
    card: &Launcher,
    part: Part,
    precision: Precision,
) -> Result<Option<(Vec<CudaStep>, usize)>> {
    let Some(shape) = Shape::new(part.input) else {
        return Ok(None);
    };
    let mut lowering = Lowering {
        specs: Vec::new(),
        shape,
        is_planar: true,
    };
    let Some(code) = lowering.network(part) else {
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
    /// Specifies the steps of a network; returns the number of the first behind the code.
    fn network(&mut self, part: Part) -> Option<usize> {
        self.add(part.encoder)?;
        if let Code::Gaussian { latent } = part.code {
            self.shape = Shape::flat(latent);
            self.specs.push(StepSpec::Latent(Latent {
                dimensions: latent,
                bound: LOG_VARIANCE_BOUND,
            }));
        }
        let code = self.specs.len();
        self.add(part.decoder)?;
        self.lay_out(true);
        (code > 0 && code < self.specs.len()).then_some(code)
    }

    /// Some layers in a row; none if one has no kernel.
    fn add(&mut self, layers: &[Layer]) -> Option<()> {
        let mut rest = layers;
        while let Some((layer, behind)) = rest.split_first() {
            rest = behind;
            match layer.spec() {
                LayerSpec::Dense(dense) => {
                    let layer = GemmLayer {
                        input: Shape::flat(self.shape.len()),
                        results: dense.units,
                        kernel: 1,
                        scale: 1,
                        has_bias: dense.bias,
                        has_relu: false,
                    };
                    self.layer(layer, &mut rest);
                }
                LayerSpec::Conv2d(conv) if conv.stride == 1 => {
                    self.convolution(*conv, 1, &mut rest);
                }
                LayerSpec::Upsample(upsample) => {
                    if let Some((conv, behind)) = rest.split_first()
                        && let LayerSpec::Conv2d(conv) = conv.spec()
                        && conv.stride == 1
                        && upsample.scale.is_power_of_two()
                    {
                        // No upsampled image is made: the convolution reads through it.
                        rest = behind;
                        self.convolution(*conv, upsample.scale, &mut rest);
                    } else {
                        self.upsample(upsample.scale);
                    }
                }
                LayerSpec::MaxPool2d(pool) if pool.size <= MOST_POOL => {
                    self.lay_out(false);
                    self.shape.height /= pool.size;
                    self.shape.width /= pool.size;
                    self.specs.push(StepSpec::Pool(Pool {
                        output: self.shape,
                        size: pool.size,
                    }));
                }
                LayerSpec::Flatten(_) | LayerSpec::Reshape(_) => {
                    self.lay_out(true);
                    self.shape = Shape::new(layer.output())?;
                }
                LayerSpec::Activation(activation) => self.specs.push(StepSpec::Activation {
                    function: scalar(&activation.scalar()?),
                    len: self.shape.len(),
                }),
                _ => return None,
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

    fn convolution(&mut self, conv: Conv2d, scale: usize, rest: &mut &[Layer]) {
        self.lay_out(false);
        let layer = GemmLayer {
            input: self.shape,
            results: conv.channels,
            kernel: conv.kernel,
            scale,
            has_bias: conv.bias,
            has_relu: false,
        };
        self.layer(layer, rest);
    }

    /// A layer with weights, and the relu that follows it, which is taken from `rest`.
    fn layer(&mut self, mut layer: GemmLayer, rest: &mut &[Layer]) {
        let relu = LayerSpec::Activation(Activation::Relu);
        if let Some((_, behind)) = rest.split_first().filter(|(next, _)| *next.spec() == relu) {
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
