//! Arithmetic on one number.

use std::f64::consts::FRAC_1_SQRT_2;
use std::ops::{Add, Div, Mul, Neg, Sub};

use candle_core::cpu::erf::erf_f64;

use super::{Elementary, Number, Side};

/// f32 or f64. Functions called in loops are always inlined, so that constants are converted before the loop.
pub(crate) trait Float:
    Copy
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// The nearest number of this type.
    fn of(value: f64) -> Self;

    /// The same number in f64.
    fn wide(self) -> f64;

    fn sqrt(self) -> Self;

    fn abs(self) -> Self;

    /// e to the power of `self`.
    fn exp(self) -> Self;

    /// The logarithm of 1 + `self`.
    fn ln_1p(self) -> Self;
}

macro_rules! float {
    ($type:ty: $($name:ident),*) => {
        impl Float for $type {
            #[inline(always)]
            fn of(value: f64) -> Self {
                value as Self
            }

            #[inline(always)]
            fn wide(self) -> f64 {
                self.into()
            }

            $(
                #[inline(always)]
                fn $name(self) -> Self {
                    self.$name()
                }
            )*
        }
    };
}

float!(f32: sqrt, abs, exp, ln_1p);
float!(f64: sqrt, abs, exp, ln_1p);

/// One number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scalar<T>(pub T);

operator!([T: Float] Add<Self> for Scalar<T>, add, |a, b| Self(a.0 + b.0));
operator!([T: Float] Sub<Self> for Scalar<T>, sub, |a, b| Self(a.0 - b.0));
operator!([T: Float] Mul<Self> for Scalar<T>, mul, |a, b| Self(a.0 * b.0));
operator!([T: Float] Div<Self> for Scalar<T>, div, |a, b| Self(a.0 / b.0));
operator!([T: Float] Add<f64> for Scalar<T>, add, |a, b| a + a.constant(b));
operator!([T: Float] Mul<f64> for Scalar<T>, mul, |a, b| a * a.constant(b));
operator!([T: Float] Neg for Scalar<T>, neg, |a| Self(-a.0));

impl<T: Float> Number for Scalar<T> {
    type Setting = f64;

    #[inline(always)]
    fn constant(&self, value: impl Into<f64>) -> Self {
        Self(T::of(value.into()))
    }

    #[inline(always)]
    fn choose(&self, side: Side, bound: f64, then: Self, otherwise: Self) -> Self {
        let bound = T::of(bound);
        let holds = match side {
            Side::AtMost => self.0 <= bound,
            Side::AtLeast => self.0 >= bound,
        };
        if holds { then } else { otherwise }
    }

    #[inline(always)]
    fn abs(self) -> Self {
        Self(self.0.abs())
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(self.0.sqrt())
    }

    #[inline(always)]
    fn sign(self) -> Self {
        let zero = T::of(0.0);
        Self(if self.0 > zero {
            T::of(1.0)
        } else if self.0 < zero {
            T::of(-1.0)
        } else {
            zero
        })
    }

    #[inline(always)]
    fn positive(self) -> Self {
        self.if_at_most(0.0, self.constant(0.0), self)
    }

    /// If e^-x is infinite, this is 1 / inf = 0.
    #[inline(always)]
    fn logistic(self) -> Self {
        let one = T::of(1.0);
        Self(one / (one + (-self.0).exp()))
    }

    #[inline(always)]
    fn ln_1p_exp_minus_abs(self) -> Self {
        Self((-self.0.abs()).exp().ln_1p())
    }
}

macro_rules! functions {
    ($($name:ident),*) => {$(
        fn $name(self) -> Self {
            Self(self.0.$name())
        }
    )*};
}

impl Elementary for Scalar<f64> {
    functions! { exp, exp_m1, ln_1p, tanh, sin, cos, atan, asinh }

    fn hypot_one(self) -> Self {
        Self(self.0.hypot(1.0))
    }

    fn normal_distribution(self) -> Self {
        Self(0.5 * (1.0 + erf_f64(self.0 * FRAC_1_SQRT_2)))
    }
}
