//! Sine, cosine and the arc tangent.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2, FRAC_PI_4};

use pulp::Simd;

use super::{Number, Vector};

/// pi/2 in three parts. The first two have so few digits that their products with integers below 2^13 are exact.
const HALF_PI: [f32; 3] = [1.570_312_5, 4.837_513e-4, 7.549_79e-8];

/// The largest argument that is reduced with [`HALF_PI`].
const MOST: f32 = 8192.0;

/// (sin(r) / r - 1) / r^2 and (cos(r) - 1 + r^2 / 2) / r^4 as polynomials in r^2, for |r| up to pi/4.
const SINE: [f32; 3] = [-0.166_666_64, 0.008_332_746, -1.958_738_7e-4];
const COSINE: [f32; 3] = [0.041_666_664, -0.001_388_83, 2.454_743_7e-5];

impl<S: Simd> Vector<S> {
    /// The sine, exact to 2 units in the last place or to 1e-10.
    #[inline(always)]
    pub(super) fn sin(self) -> Self {
        self.wave(0, f64::sin)
    }

    /// The cosine, exact to 2 units in the last place or to 1e-10.
    #[inline(always)]
    pub(super) fn cos(self) -> Self {
        self.wave(1, f64::cos)
    }

    /// sin(x + quarters pi/2), which is `exact`: with x = n pi/2 + r and |r| up to pi/4, it is the sine or the cosine
    /// of r, or its negative.
    #[inline(always)]
    fn wave(self, quarters: u32, exact: fn(f64) -> f64) -> Self {
        let simd = self.simd;
        let (n, bits) = (self * FRAC_2_PI).nearest();
        let mut r = self;
        for part in HALF_PI {
            r = n.times_plus(self.constant(-part), r);
        }
        let square = r * r;
        let sine = (square.polynomial(SINE) * square).times_plus(r, r);
        let cosine = (square * square).times_plus(
            square.polynomial(COSINE),
            square.times_plus(self.constant(-0.5), self.constant(1.0)),
        );
        let n = simd.add_u32s(bits, simd.splat_u32s(quarters));
        let is_odd = simd.and_u32s(n, simd.splat_u32s(1));
        let is_even = simd.equal_u32s(is_odd, simd.splat_u32s(0));
        let size = self.with(simd.select_f32s(is_even, sine.numbers, cosine.numbers));
        let is_negative = simd.and_u32s(n, simd.splat_u32s(2));
        let sign = simd.wrapping_dyn_shl_u32s(is_negative, simd.splat_u32s(30));
        let result = self.of_bits(simd.xor_u32s(size.bits(), sign));
        let is_far = simd.greater_than_f32s(self.abs().numbers, simd.splat_f32s(MOST));
        let (one, zero) = (simd.splat_f32s(1.0), simd.splat_f32s(0.0));
        if simd.reduce_max_f32s(simd.select_f32s(is_far, one, zero)) == 0.0 {
            return result;
        }
        let mut far = [self.numbers];
        one_by_one(bytemuck::cast_slice_mut(&mut far), exact);
        let [far] = far;
        self.with(simd.select_f32s(is_far, far, result.numbers))
    }

    /// pi/2 - atan(1/x), pi/4 + atan((x - 1) / (x + 1)) or atan(x) itself for positive x, so that the argument of the
    /// polynomial is at most 1/2.
    #[inline(always)]
    pub(super) fn atan(self) -> Self {
        /// (atan(t) / t - 1) / t^2 as a polynomial in t^2.
        const SERIES: [f32; 5] = [
            -0.333_333_25,
            0.199_982_12,
            -0.142_272_04,
            0.104_227_16,
            -0.055_816_628,
        ];
        let (size, zero, one) = (self.abs(), self.constant(0.0), self.constant(1.0));
        let above = size.by_part(size, size - one, -one);
        let t = above / size.by_part(one, size + one, size);
        let (quarter, half) = (self.constant(FRAC_PI_4), self.constant(FRAC_PI_2));
        let base = size.by_part(zero, quarter, half);
        // What rounding took from the bases.
        let quarter = self.constant(FRAC_PI_4 - f64::from(FRAC_PI_4 as f32));
        let rest = size.by_part(zero, quarter, quarter + quarter);
        let square = t * t;
        let result = (square.polynomial(SERIES) * square).times_plus(t, t + rest);
        (base + result).signed_as(self)
    }

    /// `near` for sizes below 1/2, `between` below 2, and `beyond` from there on.
    #[inline(always)]
    fn by_part(self, near: Self, between: Self, beyond: Self) -> Self {
        let value = self.if_at_least(0.5, between, near);
        self.if_at_least(2.0, beyond, value)
    }
}

/// Reducing large arguments takes many digits of pi, and they are rare.
#[cold]
#[inline(never)]
fn one_by_one(numbers: &mut [f32], function: fn(f64) -> f64) {
    for number in numbers {
        *number = function(f64::from(*number)) as f32;
    }
}
