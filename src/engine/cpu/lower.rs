//! From lists of layers to steps.

use super::CpuStep;
use super::activated::Activated;
use super::add::Add;
use super::dense::Dense;
use super::direct::DirectConv;
use super::expanded::{Expanded, Kernel};
use super::finish::Finish;
use super::group_norm::GroupNorm;
use super::identity::Identity;
use super::latent::Latent;
use super::layout::{NhwcLayout, Shape};
use super::rearrange::{ToFlat, ToNhwc};
use super::scatter::ScatterConv;
use super::softmax::Softmax;
use super::tiled::TiledConv;
use super::transposed::TransposedConv;
use super::window::{MaxPool, Upsample, Windows};
use crate::activation::{Activation, ActivationKind, Pointwise};
use crate::engine::lowering::Subnetwork;
use crate::layer::{Conv2d, Layer, LayerSpec};
use crate::network::{Code, LOG_VARIANCE_BOUND};

/// Convolutions from or to at most this many channels use vectors of places: vectors of channels would be mostly
/// padding.
const FEW: usize = 4;

/// Steps for the layers of a network or a part of it, and the number of the first step after the code; none if a layer
/// has no step. For training, steps are chosen for batches of `samples`; zero if weights are prepared once.
pub(crate) fn lower(part: Subnetwork, samples: usize) -> Option<(Vec<CpuStep>, usize)> {
    let mut plan = Plan {
        samples,
        shape: Shape::new(part.input)?,
        steps: Vec::new(),
    };
    plan.add(part.encoder)?;
    if let Code::Gaussian { latent } = part.code {
        let step = CpuStep::Latent(Latent {
            dimensions: latent,
            bound: LOG_VARIANCE_BOUND,
        });
        plan.shape = Shape::flat(latent);
        plan.steps.push((step, plan.shape));
    }
    let code = plan.steps.len();
    plan.add(part.decoder)?;
    Some(plan.connect(code))
}

/// Steps as if every result were stored without border, without the conversions between layouts.
struct Plan {
    /// Samples of a batch in training, or zero.
    samples: usize,
    /// Shape of the last results.
    shape: Shape,
    /// Each with the shape of its results.
    steps: Vec<(CpuStep, Shape)>,
}

impl Plan {
    /// Appends the steps of some layers; none if one of them has no step.
    fn add(&mut self, layers: &[Layer]) -> Option<()> {
        let mut rest = layers;
        while let Some((layer, behind)) = rest.split_first() {
            rest = behind;
            let shape = self.shape;
            let step = match layer.spec() {
                LayerSpec::Dense(dense) => CpuStep::Dense(Dense {
                    inputs: shape.len(),
                    outputs: dense.units,
                    bias: dense.bias,
                }),
                LayerSpec::Conv2d(conv) => {
                    let is_first = self.steps.is_empty();
                    convolution((shape, is_first), 1, conv, &mut rest, self.samples)
                }
                LayerSpec::Upsample(upsample) => match next(rest) {
                    // A convolution after an upsampling includes it.
                    Some((LayerSpec::Conv2d(conv), behind)) if conv.stride == 1 => {
                        rest = behind;
                        convolution(
                            (shape, false),
                            upsample.scale,
                            conv,
                            &mut rest,
                            self.samples,
                        )
                    }
                    _ => CpuStep::Upsample(Upsample(Windows {
                        small: NhwcLayout::plain(shape),
                        large: NhwcLayout::plain(Shape::new(layer.output())?),
                        size: upsample.scale,
                    })),
                },
                LayerSpec::ConvTranspose2d(conv) => CpuStep::Transposed(TransposedConv {
                    from: NhwcLayout::plain(shape),
                    scale: conv.scale,
                    finish: Finish {
                        relu: false,
                        pool: false,
                        to: NhwcLayout::plain(Shape::new(layer.output())?),
                    },
                }),
                LayerSpec::MaxPool2d(pool) => CpuStep::MaxPool(MaxPool(Windows {
                    small: NhwcLayout::plain(Shape::new(layer.output())?),
                    large: NhwcLayout::plain(shape),
                    size: pool.size,
                })),
                LayerSpec::GroupNorm(norm) => CpuStep::GroupNorm(GroupNorm {
                    groups: norm.groups,
                    from: NhwcLayout::plain(shape),
                    to: NhwcLayout::plain(shape),
                }),
                LayerSpec::Residual(_) => {
                    let source = self.steps.len();
                    self.add(layer.body())?;
                    CpuStep::Add(Add {
                        source,
                        shape,
                        x: None,
                        skip: None,
                        out: None,
                    })
                }
                LayerSpec::Activation(Activation::Softmax) => CpuStep::Softmax(Softmax { shape }),
                LayerSpec::Activation(activation) => {
                    let samples = CpuStep::Identity(Identity {
                        shape,
                        x: None,
                        out: None,
                    });
                    activate(samples, activation.pointwise()?)
                }
                LayerSpec::Flatten(_) | LayerSpec::Reshape(_) => {
                    self.shape = Shape::new(layer.output())?;
                    continue;
                }
                _ => return None,
            };
            let step = match step.can_be_activated().then(|| take_function(&mut rest)) {
                Some(Some(function)) => activate(step, function),
                _ => step,
            };
            // After the layer, or the last of those fused into the same step.
            let last = layers.get((layers.len() - rest.len()).checked_sub(1)?)?;
            self.shape = Shape::new(last.output())?;
            self.steps.push((step, self.shape));
        }
        Some(())
    }

    /// Steps in the layouts that their neighbours read, with conversions between them, and the number of the step of
    /// planned step `code`.
    fn connect(self, code: usize) -> (Vec<CpuStep>, usize) {
        let mut steps = Vec::with_capacity(self.steps.len() + 2);
        // The current NHWC layout; none if samples are flat.
        let mut layout = None;
        // For each planned step, the first step and the layout before it.
        let mut before = Vec::with_capacity(self.steps.len());
        let mut planned = self.steps.into_iter().peekable();
        while let Some((mut step, shape)) = planned.next() {
            before.push((steps.len(), layout));
            if let (Some(from), None) = (step.input_layout(), layout) {
                steps.push(CpuStep::ToNhwc(ToNhwc { layout: from }));
                layout = Some(from);
            }
            let plain = NhwcLayout::plain(shape);
            // A reshape between two convolutions changes the shape of an image.
            let wanted = planned.peek().and_then(|(next, _)| next.wanted_layout());
            let wanted = wanted.filter(|wanted| wanted.shape() == shape);
            let to = wanted.unwrap_or(plain);
            layout = match &mut step {
                // A sum is stored like its input.
                CpuStep::Add(add) => {
                    let (source, skip) = before.get(add.source).copied().unwrap_or((0, layout));
                    let out = layout.map(|_| to);
                    (add.source, add.x, add.skip, add.out) = (source, layout, skip, out);
                    out
                }
                step => match step.inner_mut() {
                    CpuStep::Identity(identity) => {
                        let out = layout.map(|_| to);
                        (identity.x, identity.out) = (layout, out);
                        out
                    }
                    step => step.output_layout_mut().map(|layout| {
                        *layout = to;
                        to
                    }),
                },
            };
            steps.push(step);
            if layout.is_some() && wanted.is_none() {
                steps.push(CpuStep::ToFlat(ToFlat { layout: plain }));
                layout = None;
            }
        }
        let first = before.get(code).map_or(0, |&(first, _)| first);
        (steps, first)
    }
}

/// A step with an activation after it: a relu while the results are in registers, if the step has such operations.
fn activate(mut step: CpuStep, function: Pointwise) -> CpuStep {
    let kind = function.plain().map(|(kind, _)| kind);
    match (kind, step.finish_mut()) {
        (Some(ActivationKind::Linear), _) => step,
        (Some(ActivationKind::Relu), Some(finish)) => {
            finish.relu = true;
            step
        }
        _ => CpuStep::Activated(Activated {
            step: Box::new(step),
            function,
        }),
    }
}

/// A convolution of images upsampled by `scale`, with the activation and the max-pool after it, which are removed from
/// `rest`. It takes the maximum first, which an increasing activation does not change. Images of few channels that no step before has written are narrow.
fn convolution(
    (from, is_first): (Shape, bool),
    scale: usize,
    layer: &Conv2d,
    rest: &mut &[Layer],
    samples: usize,
) -> CpuStep {
    if layer.stride == 1 && layer.channels <= FEW && from.channels > FEW {
        return CpuStep::Scatter(ScatterConv::new(from, scale, layer.kernel, layer.channels));
    }
    let function = take_function(rest);
    let is_increasing = function.as_ref().is_none_or(Pointwise::is_increasing);
    let pool = scale == 1 && is_increasing && takes_pool(rest);
    let size = |size: usize| scale * size / layer.stride / if pool { 2 } else { 1 };
    let finish = Finish {
        relu: false,
        pool,
        to: NhwcLayout::plain(Shape {
            channels: layer.channels,
            height: size(from.height),
            width: size(from.width),
        }),
    };
    let kernel = Kernel {
        size: layer.kernel,
        stride: layer.stride,
        padding: layer.padding(),
        scale,
    };
    let is_tiled = layer.stride == 1 && (scale > 1 || from.channels > FEW);
    let tiled = if is_tiled {
        tiled(kernel, from, finish, samples)
    } else {
        None
    };
    let step = match tiled {
        Some(conv) => CpuStep::Tiled(conv),
        None => {
            let from = NhwcLayout {
                narrow: is_first && from.channels <= FEW,
                ..NhwcLayout::plain(from)
            };
            CpuStep::Direct(DirectConv::new(from, kernel, finish))
        }
    };
    match function {
        Some(function) => activate(step, function),
        None => step,
    }
}

/// The fast convolution with the fewest taps; none if there is none, or if a direct one takes less time.
fn tiled(kernel: Kernel, from: Shape, finish: Finish, samples: usize) -> Option<TiledConv> {
    // The others have only zeros under them.
    let most = 2 * kernel.scale * from.height.max(from.width) - 1;
    let needed = (kernel.size.min(most)..=kernel.size).step_by(2);
    let tiled =
        needed.filter_map(|taps| TiledConv::new((kernel.size, taps), kernel.scale, from, finish));
    let tiled = tiled.min_by_key(TiledConv::cost)?;
    let direct = Expanded::new(kernel, (from.channels, finish.to.channels), from);
    // Tiles have to be computed first, and the weights of their products at each step: of a step's time on images of
    // 4x4 to 32x32 with 4 to 256 channels, a weight takes that of about 25 products. An upsampled kernel's weights
    // have to be summed in either form.
    let weights = match (samples, kernel.scale) {
        (0, _) | (_, 2..) => 0,
        _ => 25 * tiled.weight_matrices().saturating_sub(direct.area()) / samples,
    };
    (2 * direct.cost(from) > 5 * tiled.cost() + 2 * weights).then_some(tiled)
}

/// The activation that follows, if it is a function of one number, which is removed from `rest`.
fn take_function(rest: &mut &[Layer]) -> Option<Pointwise> {
    let (LayerSpec::Activation(activation), behind) = next(rest)? else {
        return None;
    };
    let function = activation.pointwise()?;
    *rest = behind;
    Some(function)
}

/// Whether a max-pool of two by two follows, which is removed from `rest`.
fn takes_pool(rest: &mut &[Layer]) -> bool {
    let Some((LayerSpec::MaxPool2d(pool), behind)) = next(rest) else {
        return false;
    };
    if pool.size == 2 {
        *rest = behind;
    }
    pool.size == 2
}

/// The next layer, and those behind it.
fn next(layers: &[Layer]) -> Option<(&LayerSpec, &[Layer])> {
    let (next, behind) = layers.split_first()?;
    Some((next.spec(), behind))
}
