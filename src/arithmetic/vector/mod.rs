//! Arithmetic on a SIMD vector of f32.
//!
//! The elementary functions are exact to 2 units in the last place, except where one says otherwise, in every
//! instruction set. They reduce the argument to a short interval and evaluate a polynomial there that interpolates the
//! function at Chebyshev points, so that its error is about the least possible; with coefficients rounded to f32 it is
//! below a third of a unit. Results below the least normal number, 1.2e-38, may become 0. A NaN remains one.

mod exponential;
mod logarithm;
mod normal;
mod trigonometry;

use std::ops::{Add, Div, Mul, Neg, Sub};

use pulp::Simd;

use super::{Elementary, Number, Side};

/// A SIMD vector, with the token of the instruction set that works on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vector<S: Simd> {
    simd: S,
    pub numbers: S::f32s,
}

impl<S: Simd> Vector<S> {
    #[inline(always)]
    pub fn new(simd: S, numbers: S::f32s) -> Self {
        Self { simd, numbers }
    }

    /// `self + factor * other`, rounded once where the instruction set can.
    #[inline(always)]
    pub fn plus(self, factor: f32, other: Self) -> Self {
        let factor = self.simd.splat_f32s(factor);
        self.with(
            self.simd
                .mul_add_e_f32s(factor, other.numbers, self.numbers),
        )
    }

    #[inline(always)]
    fn with(self, numbers: S::f32s) -> Self {
        Self { numbers, ..self }
    }

    #[inline(always)]
    fn splat(self, value: f64) -> S::f32s {
        self.simd.splat_f32s(value as f32)
    }

    /// `self * factor + term`, rounded once where the instruction set can.
    #[inline(always)]
    fn times_plus(self, factor: Self, term: Self) -> Self {
        let (a, b, c) = (self.numbers, factor.numbers, term.numbers);
        self.with(self.simd.mul_add_e_f32s(a, b, c))
    }

    /// c\[0\] + c\[1\] x + c\[2\] x^2 + ...
    #[inline(always)]
    fn polynomial<const N: usize>(self, coefficients: [f32; N]) -> Self {
        let mut sum = self.with(self.simd.splat_f32s(0.0));
        for (place, &coefficient) in coefficients.iter().enumerate().rev() {
            let coefficient = self.with(self.simd.splat_f32s(coefficient));
            sum = match place + 1 {
                last if last == N => coefficient,
                _ => sum.times_plus(self, coefficient),
            };
        }
        sum
    }

    #[inline(always)]
    fn bits(self) -> S::u32s {
        self.simd.transmute_u32s_f32s(self.numbers)
    }

    #[inline(always)]
    fn of_bits(self, bits: S::u32s) -> Self {
        self.with(self.simd.transmute_f32s_u32s(bits))
    }

    /// The nearest integer n, and a vector that has n in the lowest bits of each number, for |n| below 2^22.
    #[inline(always)]
    fn nearest(self) -> (Self, S::u32s) {
        // Numbers of this size are integers that lie 1 apart.
        const ROUNDER: f64 = 12_582_912.0;
        let shifted = self + ROUNDER;
        (shifted + -ROUNDER, shifted.bits())
    }

    /// This size with the sign of x.
    #[inline(always)]
    fn signed_as(self, x: Self) -> Self {
        let simd = self.simd;
        let sign = simd.and_u32s(x.bits(), simd.splat_u32s(1 << 31));
        self.of_bits(simd.or_u32s(self.bits(), sign))
    }
}

operator!([S: Simd] Add<Self> for Vector<S>, add, |a, b| {
    a.with(a.simd.add_f32s(a.numbers, b.numbers))
});
operator!([S: Simd] Sub<Self> for Vector<S>, sub, |a, b| {
    a.with(a.simd.sub_f32s(a.numbers, b.numbers))
});
operator!([S: Simd] Mul<Self> for Vector<S>, mul, |a, b| {
    a.with(a.simd.mul_f32s(a.numbers, b.numbers))
});
operator!([S: Simd] Div<Self> for Vector<S>, div, |a, b| {
    a.with(a.simd.div_f32s(a.numbers, b.numbers))
});
operator!([S: Simd] Add<f64> for Vector<S>, add, |a, b| a + a.constant(b));
operator!([S: Simd] Mul<f64> for Vector<S>, mul, |a, b| a * a.constant(b));
operator!([S: Simd] Neg for Vector<S>, neg, |a| a.with(a.simd.neg_f32s(a.numbers)));

impl<S: Simd> Number for Vector<S> {
    type Setting = f64;

    #[inline(always)]
    fn constant(&self, value: impl Into<f64>) -> Self {
        self.with(self.splat(value.into()))
    }

    #[inline(always)]
    fn choose(&self, side: Side, bound: f64, then: Self, otherwise: Self) -> Self {
        let (simd, bound) = (self.simd, self.splat(bound));
        let holds = match side {
            Side::AtMost => simd.less_than_or_equal_f32s(self.numbers, bound),
            Side::AtLeast => simd.greater_than_or_equal_f32s(self.numbers, bound),
        };
        self.with(simd.select_f32s(holds, then.numbers, otherwise.numbers))
    }

    #[inline(always)]
    fn abs(self) -> Self {
        self.with(self.simd.abs_f32s(self.numbers))
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        self.with(self.simd.sqrt_f32s(self.numbers))
    }

    #[inline(always)]
    fn sign(self) -> Self {
        let (simd, zero, one) = (self.simd, self.splat(0.0), self.splat(1.0));
        let above = simd.select_f32s(simd.greater_than_f32s(self.numbers, zero), one, zero);
        let below = simd.select_f32s(simd.less_than_f32s(self.numbers, zero), one, zero);
        self.with(simd.sub_f32s(above, below))
    }

    #[inline(always)]
    fn positive(self) -> Self {
        self.with(self.simd.max_f32s(self.numbers, self.splat(0.0)))
    }

    /// e^x / (1 + e^x) below 0, so that neither side overflows. Exact to 2 units in the last place or to 1e-8.
    #[inline(always)]
    fn logistic(self) -> Self {
        let (one, power) = (self.constant(1.0), (-self.abs()).exp());
        self.if_at_least(0.0, one, power) / (one + power)
    }

    #[inline(always)]
    fn ln_1p_exp_minus_abs(self) -> Self {
        (-self.abs()).exp().ln_1p_of_fraction()
    }
}

macro_rules! functions {
    ($($name:ident),*) => {$(
        #[inline(always)]
        fn $name(self) -> Self {
            self.$name()
        }
    )*};
}

impl<S: Simd> Elementary for Vector<S> {
    functions! { exp, exp_m1, ln_1p, tanh, sin, cos, atan, asinh, hypot_one, normal_distribution }
}
