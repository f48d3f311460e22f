//! Arithmetic on a SIMD vector of f32.

use std::ops::{Add, Div, Mul, Neg, Sub};

use pulp::Simd;

use super::{Number, Side};

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

    /// e^-|x|.
    #[inline(always)]
    fn exp_minus_abs(self) -> S::f32s {
        exp_of_negative(self.simd, (-self.abs()).numbers)
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

    /// e^x / (1 + e^x) below 0, so that neither side overflows.
    #[inline(always)]
    fn logistic(self) -> Self {
        let (one, power) = (self.constant(1.0), self.with(self.exp_minus_abs()));
        let above = self.if_at_least(0.0, one, power);
        let is_number = self.simd.equal_f32s(self.numbers, self.numbers);
        let result = (above / (one + power)).numbers;
        self.with(self.simd.select_f32s(is_number, result, self.numbers))
    }

    #[inline(always)]
    fn ln_1p_exp_minus_abs(self) -> Self {
        self.with(ln_1p_of_fraction(self.simd, self.exp_minus_abs()))
    }
}

/// e^x for x <= 0, to 2 units in the last place; below -87 about 1e-38 instead of less.
///
/// e^x = 2^n e^r, where n is the integer nearest to x / ln 2 and r the remainder, at most ln(2)/2 in size. The Taylor
/// series of e^r to the seventh power is exact to the last bit.
#[inline(always)]
fn exp_of_negative<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let splat = |value: f32| simd.splat_f32s(value);
    let x = simd.max_f32s(x, splat(-87.0));
    // Adding a number of this size rounds to an integer, which is then in the lowest bits.
    let rounder = splat(12_582_912.0);
    let shifted = simd.mul_add_e_f32s(x, splat(std::f32::consts::LOG2_E), rounder);
    let n = simd.sub_f32s(shifted, rounder);
    // ln 2 in two parts; the first has few enough digits that its product with n is exact.
    let r = simd.mul_add_e_f32s(n, splat(-0.693_359_4), x);
    let r = simd.mul_add_e_f32s(n, splat(2.121_944_4e-4), r);
    let mut sum = splat(1.0 / 5040.0);
    for term in [
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ] {
        sum = simd.mul_add_e_f32s(sum, r, splat(term));
    }
    let bits = simd.transmute_u32s_f32s(shifted);
    let exponent = simd.wrapping_dyn_shl_u32s(bits, simd.splat_u32s(23));
    simd.transmute_f32s_u32s(simd.add_u32s(simd.transmute_u32s_f32s(sum), exponent))
}

/// ln(1 + x) for x from 0 to 1, to 2 units in the last place.
///
/// ln(1 + x) = 2 artanh(s) with s = x / (2 + x), at most a third, where the series s + s^3/3 + ... + s^15/15
/// is exact to the last bit.
#[inline(always)]
fn ln_1p_of_fraction<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let splat = |value: f32| simd.splat_f32s(value);
    let s = simd.div_f32s(x, simd.add_f32s(x, splat(2.0)));
    let square = simd.mul_f32s(s, s);
    let mut sum = splat(1.0 / 15.0);
    for term in [13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        sum = simd.mul_add_e_f32s(sum, square, splat(1.0 / term));
    }
    simd.mul_f32s(simd.mul_f32s(splat(2.0), s), sum)
}
