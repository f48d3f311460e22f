//! Elementary functions on vectors.

use pulp::Simd;

/// e^x for x from 0 down, to 2 units in the last place; below -87 about 1e-38 in place of less.
///
/// e^x = 2^n e^r with n the nearest whole number to x / ln 2 and r what is left, at most ln(2)/2 in size, of
/// which the Taylor series to the seventh power is exact to the last bit.
#[inline(always)]
pub(crate) fn exp_of_negative<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let splat = |value: f32| simd.splat_f32s(value);
    let x = simd.max_f32s(x, splat(-87.0));
    // Added to a number this size, what stands behind the point is rounded away, and the whole number lies
    // in the lowest bits.
    let rounder = splat(12_582_912.0);
    let shifted = simd.mul_add_e_f32s(x, splat(std::f32::consts::LOG2_E), rounder);
    let n = simd.sub_f32s(shifted, rounder);
    // ln 2 in two parts, the first with so few digits that its product with n is exact.
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
pub(crate) fn ln_1p_of_fraction<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let splat = |value: f32| simd.splat_f32s(value);
    let s = simd.div_f32s(x, simd.add_f32s(x, splat(2.0)));
    let square = simd.mul_f32s(s, s);
    let mut sum = splat(1.0 / 15.0);
    for term in [13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        sum = simd.mul_add_e_f32s(sum, square, splat(1.0 / term));
    }
    simd.mul_f32s(simd.mul_f32s(splat(2.0), s), sum)
}

/// 1 / (1 + e^-x) from `power` = e^-|x|.
#[inline(always)]
pub(crate) fn logistic_from<S: Simd>(simd: S, x: S::f32s, power: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    let is_positive = simd.greater_than_or_equal_f32s(x, simd.splat_f32s(0.0));
    let above = simd.select_f32s(is_positive, one, power);
    simd.div_f32s(above, simd.add_f32s(one, power))
}

/// -|x|.
#[inline(always)]
pub(crate) fn minus_abs<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    simd.neg_f32s(simd.abs_f32s(x))
}
