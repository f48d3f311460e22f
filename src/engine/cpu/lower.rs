//! From lists of layers to steps.

use super::CpuStep;
use super::activated::Activated;
use super::add::Add;
use super::conv::{UpsampledConv, WinogradConv};
use super::dense::Dense;
use super::finish::Finish;
use super::gather::GatherConv;
use super::identity::Identity;
use super::latent::Latent;
use super::layout::{NhwcLayout, Shape};
use super::pool::Pool;
use super::rearrange::{MaxPool, ToFlat, ToNhwc, Upsample};
use super::scatter::ScatterConv;
use super::softmax::Softmax;
use super::transposed::TransposedConv;
use crate::activation::{Activation, ActivationKind, Pointwise};
use crate::engine::lowering::Subnetwork;
use crate::layer::{Conv2d, Layer, LayerSpec};
use crate::network::{Code, LOG_VARIANCE_BOUND};

/// Convolutions from or to at most this many channels use vectors of places: vectors of channels would be mostly
/// padding.
const FEW: usize = 4;

/// Steps for the layers of a network or a part of it, and the number of the first step after the code; none if a layer
/// has no step.
pub(crate) fn lower(part: Subnetwork) -> Option<(Vec<CpuStep>, usize)> {
    let mut plan = Plan {
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
                LayerSpec::Conv2d(conv) => convolution(shape, 1, conv, &mut rest),
                LayerSpec::Upsample(upsample) => match next(rest) {
                    // A 3x3 convolution after an upsampling by two includes the upsampling.
                    Some((LayerSpec::Conv2d(conv), behind))
                        if (upsample.scale, conv.kernel, conv.stride) == (2, 3, 1) =>
                    {
                        rest = behind;
                        convolution(shape, 2, conv, &mut rest)
                    }
                    _ => CpuStep::Upsample(Upsample {
                        shape,
                        scale: upsample.scale,
                    }),
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
                LayerSpec::MaxPool2d(pool) => {
                    // Sums and samples as they are lie out as the results before them.
                    let mut steps = self.steps.iter().map(|(step, _)| step.inner()).rev();
                    let last =
                        steps.find(|step| !matches!(step, CpuStep::Identity(_) | CpuStep::Add(_)));
                    let is_nhwc = last.is_some_and(|step| step.output_layout().is_some());
                    match pool.size {
                        2 if is_nhwc => CpuStep::Pool(Pool {
                            from: NhwcLayout::plain(shape),
                            finish: Finish {
                                relu: false,
                                pool: true,
                                to: NhwcLayout::plain(Shape::new(layer.output())?),
                            },
                        }),
                        size => CpuStep::MaxPool(MaxPool { shape, size }),
                    }
                }
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
                    step => step.finish_mut().map(|finish| {
                        finish.to = to;
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

impl CpuStep {
    /// The step without the activation after it.
    fn inner(&self) -> &Self {
        match self {
            Self::Activated(activated) => activated.step.inner(),
            step => step,
        }
    }

    fn inner_mut(&mut self) -> &mut Self {
        match self {
            Self::Activated(activated) => activated.step.inner_mut(),
            step => step,
        }
    }

    /// Whether an activation can change its results where they lie: its own backward pass does not read them.
    fn can_be_activated(&self) -> bool {
        match self {
            Self::Softmax(_) | Self::Latent(_) | Self::Add(_) | Self::Activated(_) => false,
            step => step.finish().is_none_or(|finish| !finish.relu),
        }
    }

    /// The NHWC layout that it reads; none if it reads flat samples, or any.
    fn input_layout(&self) -> Option<NhwcLayout> {
        match self.inner() {
            Self::Winograd(conv) => Some(conv.from),
            Self::Upsampled(conv) => Some(conv.from),
            Self::Scatter(conv) => Some(conv.from),
            Self::Transposed(conv) => Some(conv.from),
            Self::Pool(pool) => Some(pool.from),
            _ => None,
        }
    }

    /// The NHWC layout of results that it can read as they are.
    fn wanted_layout(&self) -> Option<NhwcLayout> {
        match self.inner() {
            Self::Add(Add { shape, .. }) | Self::Identity(Identity { shape, .. }) => {
                Some(NhwcLayout::plain(*shape))
            }
            step => step.input_layout(),
        }
    }

    /// The NHWC layout of its results; none if they are flat.
    pub(super) fn output_layout(&self) -> Option<NhwcLayout> {
        match self.inner() {
            Self::Add(add) => add.out,
            Self::Identity(identity) => identity.out,
            step => step.finish().map(|finish| finish.to),
        }
    }

    /// The last operations of a step whose results are NHWC.
    fn finish(&self) -> Option<&Finish> {
        match self {
            Self::Winograd(conv) => Some(&conv.finish),
            Self::Upsampled(conv) => Some(&conv.finish),
            Self::Gather(conv) => Some(&conv.finish),
            Self::Transposed(conv) => Some(&conv.finish),
            Self::Pool(pool) => Some(&pool.finish),
            _ => None,
        }
    }

    fn finish_mut(&mut self) -> Option<&mut Finish> {
        match self {
            Self::Winograd(conv) => Some(&mut conv.finish),
            Self::Upsampled(conv) => Some(&mut conv.finish),
            Self::Gather(conv) => Some(&mut conv.finish),
            Self::Transposed(conv) => Some(&mut conv.finish),
            Self::Pool(pool) => Some(&mut pool.finish),
            _ => None,
        }
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

/// A convolution of images upsampled by `scale` with the activation and the max-pool after it, which are removed from
/// `rest`. It takes the maximum first, which an increasing activation does not change.
fn convolution(from: Shape, scale: usize, layer: &Conv2d, rest: &mut &[Layer]) -> CpuStep {
    let is_small = layer.kernel == 3 && layer.stride == 1;
    if is_small && layer.channels <= FEW && from.channels > FEW {
        return CpuStep::Scatter(ScatterConv {
            scale,
            from: NhwcLayout::plain(from),
            out_channels: layer.channels,
        });
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
    let step = if scale == 2 {
        CpuStep::Upsampled(UpsampledConv::new(from, finish))
    } else if is_small && from.channels > FEW {
        CpuStep::Winograd(WinogradConv::new(from, finish))
    } else {
        CpuStep::Gather(GatherConv {
            from,
            kernel: layer.kernel,
            stride: layer.stride,
            padding: layer.padding(),
            finish,
        })
    };
    match function {
        Some(function) => activate(step, function),
        None => step,
    }
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
