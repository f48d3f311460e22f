//! The layouts in which each step reads and writes images, and what it does to its results in registers.

use super::CpuStep;
use super::add::Add;
use super::finish::Finish;
use super::identity::Identity;
use super::layout::NhwcLayout;

impl CpuStep {
    /// The step without the activation after it.
    pub(super) fn inner(&self) -> &Self {
        match self {
            Self::Activated(activated) => activated.step.inner(),
            step => step,
        }
    }

    pub(super) fn inner_mut(&mut self) -> &mut Self {
        match self {
            Self::Activated(activated) => activated.step.inner_mut(),
            step => step,
        }
    }

    /// Whether an activation can change its results where they lie: its own backward pass does not read them.
    pub(super) fn can_be_activated(&self) -> bool {
        match self {
            Self::Softmax(_) | Self::Latent(_) | Self::Add(_) | Self::Activated(_) => false,
            step => step.finish().is_none_or(|finish| !finish.relu),
        }
    }

    /// The NHWC layout that it reads; none if it reads flat samples, or any.
    pub(super) fn input_layout(&self) -> Option<NhwcLayout> {
        match self.inner() {
            Self::Tiled(conv) => Some(conv.from()),
            Self::Direct(conv) => Some(conv.from),
            Self::Scatter(conv) => Some(conv.from),
            Self::Transposed(conv) => Some(conv.from),
            Self::MaxPool(pool) => Some(pool.0.large),
            Self::Upsample(upsample) => Some(upsample.0.small),
            Self::GroupNorm(norm) => Some(norm.from),
            _ => None,
        }
    }

    /// The NHWC layout of results that it can read as they are.
    pub(super) fn wanted_layout(&self) -> Option<NhwcLayout> {
        match self.inner() {
            Self::Add(Add { shape, .. }) | Self::Identity(Identity { shape, .. }) => {
                Some(NhwcLayout::plain(*shape))
            }
            step => step.input_layout(),
        }
    }

    /// The NHWC layout that it writes; none if it writes flat samples.
    pub(super) fn output_layout(&self) -> Option<NhwcLayout> {
        match self.inner() {
            Self::ToNhwc(rearrange) => Some(rearrange.layout),
            Self::Add(add) => add.out,
            Self::Identity(identity) => identity.out,
            Self::MaxPool(pool) => Some(pool.0.small),
            Self::Upsample(upsample) => Some(upsample.0.large),
            Self::GroupNorm(norm) => Some(norm.to),
            step => step.finish().map(|finish| finish.to),
        }
    }

    pub(super) fn output_layout_mut(&mut self) -> Option<&mut NhwcLayout> {
        match self {
            Self::MaxPool(pool) => Some(&mut pool.0.small),
            Self::Upsample(upsample) => Some(&mut upsample.0.large),
            Self::GroupNorm(norm) => Some(&mut norm.to),
            step => step.finish_mut().map(|finish| &mut finish.to),
        }
    }

    /// The operations on sums in registers.
    pub(super) fn finish(&self) -> Option<&Finish> {
        match self {
            Self::Tiled(conv) => Some(conv.finish()),
            Self::Direct(conv) => Some(&conv.finish),
            Self::Transposed(conv) => Some(&conv.finish),
            _ => None,
        }
    }

    pub(super) fn finish_mut(&mut self) -> Option<&mut Finish> {
        match self {
            Self::Tiled(conv) => Some(conv.finish_mut()),
            Self::Direct(conv) => Some(&mut conv.finish),
            Self::Transposed(conv) => Some(&mut conv.finish),
            _ => None,
        }
    }
}
