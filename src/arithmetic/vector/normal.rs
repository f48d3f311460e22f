//! The normal distribution function.

use pulp::Simd;

use super::{Number, Vector};

impl<S: Simd> Vector<S> {
    /// Exact to 2 units in the last place or to 1e-7.
    ///
    /// Near 0 it is 1/2 + x N(x^2). Elsewhere it is t = e^(-x^2/2) P(u) / (|x| + 3) below 0 and 1 - t above, with
    /// u = (|x| - 3) / (|x| + 3), which maps all large |x| to a short interval.
    ///
    /// # Source
    /// The map: Shepherd and Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x in 0 <= x < infinity",
    /// Mathematics of Computation 36, 1981.
    #[inline(always)]
    pub(super) fn normal_distribution(self) -> Self {
        /// N, for |x| up to 1.
        const NEAR: [f32; 6] = [
            0.398_942_3,
            -0.066_490_36,
            0.009_973_329,
            -0.001_186_344,
            1.135_023e-4,
            -7.660_538e-6,
        ];
        /// P, for |x| from 1 to 14, beyond which the power is 0.
        const TAIL: [f32; 8] = [
            0.729_083_7,
            -0.509_331_9,
            0.230_016_96,
            -0.047_266_245,
            -0.010_446_668,
            0.006_990_475,
            9.155_925_4e-4,
            -0.001_036_631_6,
        ];
        const SHIFT: f64 = 3.0;
        let (size, square) = (self.abs(), self * self);
        let near = square.polynomial(NEAR).times_plus(self, self.constant(0.5));
        let share = (size + SHIFT).recip();
        let u = share.times_plus(self.constant(-2.0 * SHIFT), self.constant(1.0));
        let tail = (self * -0.5 * self).exp() * (share * u.polynomial(TAIL));
        let far = self.if_at_least(0.0, tail.one_minus(), tail);
        size.if_at_most(1.0, near, far)
    }
}
