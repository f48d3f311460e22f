//! The arithmetic of formulas. An activation, a loss or an optimiser's rule is written once, over [`Number`], and
//! evaluated for one number ([`Scalar`]), a vector of them ([`Vector`]) or a tensor ([`Composed`]). The CUDA kernels
//! include it as text generated from the same source.

/// Implements an operator for a kind of number.
macro_rules! operator {
    (
        [$($generics:tt)*] $operator:ident<$other:ty> for $number:ty, $method:ident,
        |$a:ident, $b:ident| $result:expr
    ) => {
        impl<$($generics)*> $operator<$other> for $number {
            type Output = Self;

            #[inline(always)]
            fn $method(self, other: $other) -> Self {
                let ($a, $b) = (self, other);
                $result
            }
        }
    };
    ([$($generics:tt)*] $operator:ident for $number:ty, $method:ident, |$a:ident| $result:expr) => {
        impl<$($generics)*> $operator for $number {
            type Output = Self;

            #[inline(always)]
            fn $method(self) -> Self {
                let $a = self;
                $result
            }
        }
    };
}

mod composed;
mod scalar;
#[cfg(test)]
mod text;
mod vector;

use std::ops::{Add, Div, Mul, Neg, Sub};

pub(crate) use composed::Composed;
pub(crate) use scalar::{Float, Scalar};
#[cfg(test)]
pub(crate) use text::{Listing, Text};
pub(crate) use vector::Vector;

/// A side of a bound, including the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    AtMost,
    AtLeast,
}

/// The operations that every kind of number has. Constants are rounded to the number's type
/// before use.
pub(crate) trait Number:
    Clone
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Add<f64, Output = Self>
    + Mul<f64, Output = Self>
    + Add<<Self as Number>::Setting, Output = Self>
    + Mul<<Self as Number>::Setting, Output = Self>
{
    /// A parameter of a formula: a plain number, or its name where text is written.
    type Setting: Clone + From<f64>;

    /// A constant, the same for every element.
    fn constant(&self, value: impl Into<Self::Setting>) -> Self;

    /// `then` if this is on that side of `bound`; a NaN is on neither side.
    fn choose(&self, side: Side, bound: Self::Setting, then: Self, otherwise: Self) -> Self;

    fn abs(self) -> Self;

    fn sqrt(self) -> Self;

    /// -1, 0 or 1; 0 for a NaN.
    fn sign(self) -> Self;

    /// max(x, 0).
    fn positive(self) -> Self;

    /// 1 / (1 + e^-x); 0 or 1 where it saturates.
    fn logistic(self) -> Self;

    /// ln(1 + e^-|x|).
    fn ln_1p_exp_minus_abs(self) -> Self;

    /// `then` if this is at most `bound`.
    #[inline(always)]
    fn if_at_most(&self, bound: impl Into<Self::Setting>, then: Self, otherwise: Self) -> Self {
        self.choose(Side::AtMost, bound.into(), then, otherwise)
    }

    /// `then` if this is at least `bound`.
    #[inline(always)]
    fn if_at_least(&self, bound: impl Into<Self::Setting>, then: Self, otherwise: Self) -> Self {
        self.choose(Side::AtLeast, bound.into(), then, otherwise)
    }

    #[inline(always)]
    fn one_minus(self) -> Self {
        self.constant(1.0) - self
    }

    /// 1 / x.
    #[inline(always)]
    fn recip(self) -> Self {
        self.constant(1.0) / self
    }

    /// x clamped between -`end` and `end`.
    #[inline(always)]
    fn within(self, end: f64) -> Self {
        let below = self.if_at_least(end, self.constant(end), self.clone());
        self.if_at_most(-end, self.constant(-end), below)
    }
}

/// Functions beyond basic arithmetic. One number has them in f64 only.
pub(crate) trait Elementary: Number {
    fn exp(self) -> Self;

    /// e^x - 1.
    fn exp_m1(self) -> Self;

    /// ln(1 + x).
    fn ln_1p(self) -> Self;

    fn tanh(self) -> Self;

    fn sin(self) -> Self;

    fn cos(self) -> Self;

    fn atan(self) -> Self;

    fn asinh(self) -> Self;

    /// sqrt(x^2 + 1).
    fn hypot_one(self) -> Self;

    /// The normal distribution function.
    fn normal_distribution(self) -> Self;
}
