//! Distances between outputs and targets: their closed set.

mod custom;
mod formula;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, Serializer};

pub use custom::CustomLoss;
pub(crate) use formula::{Bce, Loss, Mae, Mse};

use crate::arithmetic::Number;
use crate::registry::registered;

/// Declares [`Reconstruction`]: losses with their names in recipes and on plots.
macro_rules! losses {
    ($($(#[$doc:meta])* $loss:ident: $name:literal, $label:literal;)+) => {
        /// The distance between output and target, a mean over all values of the batch.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Reconstruction {
            $($(#[$doc])* $loss,)+
            /// A custom loss, which recipes can name once it is registered.
            Custom(CustomLoss),
        }

        /// The names of the losses in recipes.
        const NAMES: &[&str] = &[$($name,)+];

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
            /// The loss of that name.
            fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$loss),)+
                    _ => registered(name).map(Self::Custom),
                }
            }

            /// The formula, or the custom loss.
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

            /// Its names in metrics files, alone and with a penalty on the codes.
            pub(crate) fn metrics(self) -> [&'static str; 2] {
                match self {
                    $(Self::$loss => [
                        concat!($name, "_per_pixel"),
                        concat!($name, "_per_pixel_plus_penalty"),
                    ],)+
                    Self::Custom(loss) => [loss.name(); 2],
                }
            }

            /// Its names on plots and in tables, likewise.
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
    /// Binary cross-entropy in nats per pixel; needs a final sigmoid, whose logits it reads.
    Bce: "bce", "BCE";
    /// Mean squared error.
    Mse: "mse", "MSE";
    /// Mean absolute error.
    Mae: "mae", "MAE";
}

impl Reconstruction {
    fn is_built_in(name: &str) -> bool {
        NAMES.contains(&name)
    }
}

/// Recipes write the name.
impl Serialize for Reconstruction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = self.name();
        if Self::named(name) == Some(*self) {
            return serializer.serialize_str(name);
        }
        Err(S::Error::custom(format_args!(
            "the loss {name}, which is not registered (see CustomLoss::register)"
        )))
    }
}

impl<'de> Deserialize<'de> for Reconstruction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| D::Error::unknown_variant(&name, NAMES))
    }
}

/// Evaluates an expression with a type for the [`Loss`] of a kind.
macro_rules! with_loss {
    ($kind:expr, $F:ident => $work:expr) => {
        crate::loss::with_loss!($kind, $F => $work, [Bce, Mse, Mae])
    };
    ($kind:expr, $F:ident => $work:expr, [$($loss:ident),+]) => {
        match $kind {
            $(crate::loss::LossKind::$loss => {
                type $F = crate::loss::$loss;
                $work
            })+
        }
    };
}

pub(crate) use with_loss;
