//! The closed set of layers: one file a kind, with everything that is true of it on any device.
//!
//! A kind says what its parameters are, which shapes it takes and gives, how it is written, and what it computes, as a
//! composition of candle operations that is right on every device (`Kind`). With its line in [`LayerSpec`] it is
//! read from recipes, trained by automatic differentiation, summarised, drawn, saved and checked; a fast step in an
//! engine is a second, optional thing.

mod activation;
mod conv2d;
mod conv_transpose2d;
mod dense;
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
pub use function::Function;
pub use group_norm::GroupNorm;
pub use init::Initialization;
use kind::Written;
pub(crate) use kind::{Kind, count};
pub use max_pool2d::MaxPool2d;
pub use placed::Layer;
pub(crate) use placed::{build, forward, output_shape};
pub use reshape::{Flatten, Reshape};
pub use residual::Residual;
pub use upsample::Upsample;
pub(crate) use words::MAX_UNITS;

use crate::activation::Activation;

/// Declares [`LayerSpec`] with a variant for each kind.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident,)+) => {
        /// What a layer is, before it has weights.
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

        /// Reads the words of each kind.
        const PARSERS: &[kind::Parser] = &[
            $(|text| Some(<$kind as Written>::parse(text)?.map(LayerSpec::$kind)),)+
        ];

        /// How each kind is written.
        const FORMS: &[&str] = &[$(<$kind as Written>::FORM,)+];
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
    /// Any shape to another one of as many values.
    Reshape,
    /// Channels normalised in groups, within each sample; any shape, kept.
    GroupNorm,
    /// x plus what a list of layers makes of it; any shape, kept.
    Residual,
    /// A function of each value, or of the values beside it; any shape, kept.
    Activation,
    /// A function of the library's user; any shape, kept.
    Function,
}
