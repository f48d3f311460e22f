//! Distances between outputs and targets: one file a loss, with its term and derivatives, and here their closed set.

mod bce;
mod custom;
mod mae;
mod mse;

use serde::{Deserialize, Serialize};

pub(crate) use bce::Bce;
pub use custom::CustomLoss;
pub(crate) use mae::Mae;
pub(crate) use mse::Mse;

use crate::arithmetic::Number;

/// What a value of the output and one of the target, x and t, add to a loss. All is to be inlined into loops.
pub(crate) trait Loss {
    fn term<N: Number>(x: N, t: N) -> N;

    /// By x. At a kink 0.
    fn derivative<N: Number>(x: N, t: N) -> N;

    /// By t.
    fn target_derivative<N: Number>(x: N, t: N) -> N;
}

/// Declares [`Reconstruction`]: losses with their names in recipes and on pictures.
macro_rules! losses {
    ($($(#[$doc:meta])* $loss:ident: $name:literal, $label:literal;)+) => {
        /// The distance between output and target, a mean over all values of the batch.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Reconstruction {
            $($(#[$doc])* $loss,)+
            /// A loss of the library's user, which recipes cannot name.
            #[serde(skip)]
            Custom(CustomLoss),
        }

        /// The losses, numbered for kernels.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(i32)]
        pub(crate) enum LossKind {
            $($loss,)+
        }

        impl LossKind {
            #[cfg(test)]
            pub const ALL: &[Self] = &[$(Self::$loss,)+];

            pub fn term<N: Number>(self, x: N, t: N) -> N {
                match self {
                    $(Self::$loss => $loss::term(x, t),)+
                }
            }

            pub fn derivative<N: Number>(self, x: N, t: N) -> N {
                match self {
                    $(Self::$loss => $loss::derivative(x, t),)+
                }
            }

            pub fn target_derivative<N: Number>(self, x: N, t: N) -> N {
                match self {
                    $(Self::$loss => $loss::target_derivative(x, t),)+
                }
            }
        }

        impl Reconstruction {
            /// The formula, or the loss of the library's user.
            pub(crate) fn formula(self) -> Result<LossKind, CustomLoss> {
                match self {
                    $(Self::$loss => Ok(LossKind::$loss),)+
                    Self::Custom(loss) => Err(loss),
                }
            }

            /// Its name in recipes.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$loss => $name,)+
                    Self::Custom(loss) => loss.name(),
                }
            }

            /// In metrics files, by itself and with a penalty on the codes.
            pub(crate) fn metrics(self) -> [&'static str; 2] {
                match self {
                    $(Self::$loss => [
                        concat!($name, "_per_pixel"),
                        concat!($name, "_per_pixel_plus_penalty"),
                    ],)+
                    Self::Custom(loss) => [loss.name(); 2],
                }
            }

            /// On pictures and in tables, likewise.
            pub(crate) fn labels(self) -> [&'static str; 2] {
                match self {
                    $(Self::$loss => [$label, concat!($label, " + penalty")],)+
                    Self::Custom(loss) => [loss.name(); 2],
                }
            }
        }
    };
}

losses! {
    /// Binary cross-entropy in nats a pixel; needs a final sigmoid, whose logits it reads.
    Bce: "bce", "BCE";
    /// Mean squared error.
    Mse: "mse", "MSE";
    /// Mean absolute error.
    Mae: "mae", "MAE";
}

/// Works out an expression with a type for the [`Loss`] of a kind.
macro_rules! with_loss {
    ($kind:expr, $F:ident => $work:expr) => {
        match $kind {
            crate::loss::LossKind::Bce => {
                type $F = crate::loss::Bce;
                $work
            }
            crate::loss::LossKind::Mse => {
                type $F = crate::loss::Mse;
                $work
            }
            crate::loss::LossKind::Mae => {
                type $F = crate::loss::Mae;
                $work
            }
        }
    };
}

pub(crate) use with_loss;
