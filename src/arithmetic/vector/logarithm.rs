//! The logarithm and the inverse hyperbolic sine.

use std::f64::consts::{FRAC_1_SQRT_2, LN_2 as LN_OF_2};

use pulp::Simd;

use super::exponential::LN_2;
use super::{Number, Vector};

impl<S: Simd> Vector<S> {
    /// ln(1 + x) = k ln 2 + ln(1 + m), where 2^k (1 + m) = 1 + x and 1 + m lies between the square roots of 1/2 and 2.
    ///
    /// With s = m / (2 + m), ln(1 + m) = 2 artanh(s) = 2 s + s^3 L(s^2) and 2 s = m - s m.
    #[inline(always)]
    pub(super) fn ln_1p(self) -> Self {
        /// L.
        const SERIES: [f32; 3] = [0.666_666_87, 0.399_887_8, 0.295_799_5];
        let simd = self.simd;
        let lowest = self.constant(FRAC_1_SQRT_2).bits();
        let offset = simd.sub_u32s((self + 1.0).bits(), lowest);
        // k at the place of the exponent.
        let exponent = simd.and_u32s(offset, simd.splat_u32s(0xFF80_0000));
        // m = x 2^-k + (2^-k - 1), by way of 4 2^-k, which is a normal number for every k.
        let four = self.constant(4.0);
        let scale = four.of_bits(simd.sub_u32s(four.bits(), exponent));
        let m = (self * 0.25).times_plus(scale, scale * 0.25 + -1.0);
        let s = m / (m + 2.0);
        let square = s * s;
        let rest = m - s * (m - square * square.polynomial(SERIES));
        // As numbers of this size are integers that lie 1 apart, k + 127 in the lowest bits makes such a number.
        const INTEGERS: f64 = 8_388_608.0;
        let shifted = simd.add_u32s(exponent, self.constant(1.0).bits());
        let shifted = simd.wrapping_dyn_shr_u32s(shifted, simd.splat_u32s(23));
        let shifted = simd.or_u32s(shifted, self.constant(INTEGERS).bits());
        let k = self.of_bits(shifted) + -(INTEGERS + 127.0);
        let (high, low) = (self.constant(LN_2[0]), self.constant(LN_2[1]));
        let result = k.times_plus(high, k.times_plus(low, rest));
        // Infinity is its own logarithm, and no logarithm of a number is a NaN above -1.
        let result = self.if_at_most(f64::from(f32::MAX), result, self);
        let end = self.if_at_least(
            -1.0,
            self.constant(f64::NEG_INFINITY),
            self.constant(f64::NAN),
        );
        self.if_at_most(-1.0, end, result)
    }

    /// ln(1 + x) for x from 0 to 1, where the series of [`Vector::ln_1p`] needs a term more and no exponent.
    #[inline(always)]
    pub(super) fn ln_1p_of_fraction(self) -> Self {
        /// (2 artanh(s) - 2 s) / s^3 as a polynomial in s^2, for s up to 1/3.
        const SERIES: [f32; 4] = [0.666_664_2, 0.400_215_12, 0.280_020_6, 0.280_106_78];
        let s = self / (self + 2.0);
        let square = s * s;
        self - s * (self - square * square.polynomial(SERIES))
    }

    /// Near 0 a polynomial; elsewhere ln(1 + a) with a = |x| + x^2 / (1 + sqrt(1 + x^2)) and the sign of x.
    #[inline(always)]
    pub(super) fn asinh(self) -> Self {
        /// (asinh(x) / x - 1) / x^2 as a polynomial in x^2, for |x| up to [`NEAR`].
        const SERIES: [f32; 5] = [
            -0.166_666_64,
            0.074_995_82,
            -0.044_506_513,
            0.028_783_606,
            -0.014_288_508,
        ];
        const NEAR: f64 = 0.5;
        let square = self * self;
        let near = (square.polynomial(SERIES) * square).times_plus(self, self);
        let (size, zero) = (self.abs(), self.constant(0.0));
        let a = size + square / ((square + 1.0).sqrt() + 1.0);
        // From here on a = 2 |x| to the last bit, which may overflow: the logarithm of |x| plus ln 2.
        let a = size.if_at_least(FAR, size, a);
        let more = size.if_at_least(FAR, self.constant(LN_OF_2), zero);
        size.if_at_most(NEAR, near, (a.ln_1p() + more).signed_as(self))
    }

    /// sqrt(x^2 + 1).
    #[inline(always)]
    pub(super) fn hypot_one(self) -> Self {
        let size = self.abs();
        // Also where the square overflows.
        size.if_at_least(FAR, size, (size * size + 1.0).sqrt())
    }
}

/// From this size on, 1 is too little to change the square of a number.
const FAR: f64 = 1e8;
