//! The exponential function and the hyperbolic tangent.

use std::f64::consts::LOG2_E;

use pulp::Simd;

use super::{Number, Vector};

/// ln 2 in two parts. The first has so few digits that its product with an exponent is exact.
pub(super) const LN_2: [f32; 2] = [355.0 / 512.0, -2.121_944_4e-4];

/// (e^r - 1 - r) / r^2 for |r| up to ln(2)/2.
const SERIES: [f32; 5] = [
    0.5,
    0.166_665_76,
    0.041_666_552,
    0.008_363_353,
    0.001_392_64,
];

/// The argument of the exponential function as n ln 2 + r with an integer n and |r| up to ln(2)/2.
struct Reduced<S: Simd> {
    /// n at the place of the exponent in a number's bits.
    exponent: S::u32s,
    /// e^r - 1.
    rest: Vector<S>,
}

impl<S: Simd> Vector<S> {
    /// e^x.
    #[inline(always)]
    pub(super) fn exp(self) -> Self {
        let Reduced { exponent, rest } = self.reduced();
        let power = rest + 1.0;
        let result = power.of_bits(self.simd.add_u32s(power.bits(), exponent));
        // The exponent of a result that is no normal number does not fit its bits.
        let result = self.if_at_least(LEAST, result, self.constant(0.0));
        self.if_at_most(MOST, result, self + f64::INFINITY)
    }

    /// e^x - 1 = 2 (2^(n-1) (e^r - 1) + (2^(n-1) - 1/2)), which is e^x - 1 = e^r - 1 for n = 0, and does not overflow
    /// before the result does.
    #[inline(always)]
    pub(super) fn exp_m1(self) -> Self {
        // Below this it is -1 to the last bit.
        let x = self.if_at_most(-20.0, self.constant(-20.0), self);
        let Reduced { exponent, rest } = x.reduced();
        let half = self.constant(0.5);
        let power = half.of_bits(self.simd.add_u32s(half.bits(), exponent));
        let result = power.times_plus(rest, power - half);
        self.if_at_most(MOST, result + result, self + f64::INFINITY)
    }

    /// e^x - 1 - x, exact to 2 units in the last place of e^x - 1, or to 4e-6. Near 0, where it is about x^2 / 2, it keeps its
    /// digits.
    #[inline(always)]
    pub fn exp_m1_minus_self(self) -> Self {
        // The argument needs no reduction here.
        const NEAR: f64 = 0.34;
        let near = self * self * self.polynomial(SERIES);
        self.abs().if_at_most(NEAR, near, self.exp_m1() - self)
    }

    /// Near 0 a polynomial; elsewhere 1 - 2 / (e^(2|x|) + 1) with the sign of x.
    #[inline(always)]
    pub(super) fn tanh(self) -> Self {
        /// (tanh(x) / x - 1) / x^2 as a polynomial in x^2, for |x| up to [`NEAR`].
        const SERIES: [f32; 5] = [
            -0.333_333_28,
            0.133_327_7,
            -0.053_850_908,
            0.020_997_18,
            -0.006_096_714,
        ];
        const NEAR: f64 = 0.625;
        let square = self * self;
        let near = (square.polynomial(SERIES) * square).times_plus(self, self);
        let size = self.abs();
        let power = (size + size).exp();
        let far = self.constant(1.0) - self.constant(2.0) / (power + 1.0);
        size.if_at_most(NEAR, near, far.signed_as(self))
    }

    #[inline(always)]
    fn reduced(self) -> Reduced<S> {
        let (n, bits) = (self * LOG2_E).nearest();
        let (high, low) = (self.constant(-LN_2[0]), self.constant(-LN_2[1]));
        let r = n.times_plus(low, n.times_plus(high, self));
        Reduced {
            exponent: self
                .simd
                .wrapping_dyn_shl_u32s(bits, self.simd.splat_u32s(23)),
            rest: (r * r).times_plus(r.polynomial(SERIES), r),
        }
    }
}

/// The logarithms of the least normal number and of the largest.
const LEAST: f64 = -87.336_54;
const MOST: f64 = 88.722_83;
