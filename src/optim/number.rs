//! The arithmetic in which the formulas of the optimisers are written: each stands in the code once,
//! and is worked out for one weight after the other or for whole tensors.

use std::ops::{Add, Div, Mul, Sub};
use std::sync::Arc;

use candle_core::{Error, Result, Tensor};

use crate::ops::Real;

/// What a formula is made of: a weight or a tensor of weights, and plain numbers.
pub(super) trait Number:
    Clone
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Add<f64, Output = Self>
    + Mul<f64, Output = Self>
{
    fn sqrt(self) -> Self;
}

/// One number. Plain numbers are rounded to its type before they meet it, as candle does.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scalar<T>(pub T);

/// A tensor, or the first error on the way to it.
#[derive(Debug, Clone)]
pub(super) struct Composed(std::result::Result<Tensor, Arc<Error>>);

impl Composed {
    pub fn new(tensor: Tensor) -> Self {
        Self(Ok(tensor))
    }

    pub fn tensor(self) -> Result<Tensor> {
        self.0.map_err(Error::wrap)
    }

    fn map(self, operation: impl FnOnce(Tensor) -> Result<Tensor>) -> Self {
        Self(
            self.0
                .and_then(|tensor| operation(tensor).map_err(Arc::new)),
        )
    }

    fn zip(self, other: Self, operation: impl FnOnce(&Tensor, &Tensor) -> Result<Tensor>) -> Self {
        match other.0 {
            Ok(other) => self.map(|tensor| operation(&tensor, &other)),
            error => Self(self.0.and(error)),
        }
    }
}

macro_rules! arithmetic {
    ($($trait:ident, $method:ident, $operator:tt;)*) => {$(
        impl<T: Real> $trait for Scalar<T> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self(self.0 $operator other.0)
            }
        }

        impl $trait for Composed {
            type Output = Self;

            fn $method(self, other: Self) -> Self {
                self.zip(other, Tensor::$method)
            }
        }
    )*};
}

macro_rules! arithmetic_with_constants {
    ($($trait:ident, $method:ident, $operator:tt;)*) => {$(
        impl<T: Real> $trait<f64> for Scalar<T> {
            type Output = Self;

            #[inline(always)]
            fn $method(self, constant: f64) -> Self {
                Self(self.0 $operator T::of(constant))
            }
        }

        impl $trait<f64> for Composed {
            type Output = Self;

            fn $method(self, constant: f64) -> Self {
                self.map(|tensor| tensor $operator constant)
            }
        }
    )*};
}

arithmetic! { Add, add, +; Sub, sub, -; Mul, mul, *; Div, div, /; }
arithmetic_with_constants! { Add, add, +; Mul, mul, *; }

impl<T: Real> Number for Scalar<T> {
    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(self.0.sqrt())
    }
}

impl Number for Composed {
    fn sqrt(self) -> Self {
        self.map(|tensor| tensor.sqrt())
    }
}
