//! The closed set of layers: one file per kind, with everything about it that does not depend on the device.
//!
//! A kind defines its parameters, its input and output shapes, its text form and its computation, as a composition of
//! candle operations that is right on every device (`Kind`). With its line in [`LayerSpec`] it is read from recipes,
//! trained by automatic differentiation, summarised, drawn, saved and checked. A fast step in an engine is optional.

mod activation;
mod conv2d;
mod conv_transpose2d;
mod dense;
mod field;
mod function;
mod group_norm;
mod init;
mod kind;
mod max_pool2d;
mod placed;
mod reshape;
mod residual;
mod text;
mod upsample;
mod words;

pub use conv_transpose2d::ConvTranspose2d;
pub use conv2d::Conv2d;
pub use dense::Dense;
pub(crate) use field::{Field, Fields};
pub use function::Function;
pub use group_norm::GroupNorm;
pub use init::Initialization;
use kind::Written;
pub(crate) use kind::{Kind, count};
pub use max_pool2d::MaxPool2d;
pub use placed::Layer;
pub(crate) use placed::{build, checked_output, forward, output_shape, resized};
pub use reshape::{Flatten, Reshape};
pub use residual::Residual;
pub use upsample::Upsample;
pub(crate) use words::MAX_UNITS;

use crate::activation::Activation;

/// Declares [`LayerSpec`] with a variant for each kind.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident,)+) => {
        /// The description of a layer, before it has weights.
        #[derive(Debug, Clone, PartialEq)]
        pub enum LayerSpec {
            $($(#[$doc])* $kind($kind),)+
        }

        impl LayerSpec {
            pub(crate) fn kind(&self) -> &dyn Kind {
                match self {
                    $(Self::$kind(kind) => kind,)+
                }
            }
        }

        $(impl From<$kind> for LayerSpec {
            fn from(kind: $kind) -> Self {
                Self::$kind(kind)
            }
        })+

        /// The text form of each kind.
        const FORMS: &[kind::Form] = &[$((<$kind as Written>::FORM, |text| {
            Some(<$kind as Written>::parse(text)?.map(LayerSpec::$kind))
        }),)+];
    };
}

kinds! {
    /// `(in)` to `(units)`.
    Dense,
    /// `(C, H, W)` to `(channels, H / stride, W / stride)`.
    Conv2d,
    /// `(C, H, W)` to `(channels, H * scale, W * scale)`.
    ConvTranspose2d,
    /// `(C, H, W)` to `(C, H / size, W / size)`.
    MaxPool2d,
    /// `(C, H, W)` to `(C, H * scale, W * scale)`, each value repeated.
    Upsample,
    /// Any shape to one dimension.
    Flatten,
    /// Any shape to another with the same number of values.
    Reshape,
    /// Channels normalised in groups, within each sample; any shape, kept.
    GroupNorm,
    /// x plus the output of a list of layers; any shape, kept.
    Residual,
    /// A function of each value, or of several values together (softmax); any shape, kept.
    Activation,
    /// A function of the library's user; any shape, kept.
    Function,
}
