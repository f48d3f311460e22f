//! The largest value of a window, for max-pooling alone or fused into a convolution.

use pulp::Simd;

/// The first of the largest values of a window, or its first NaN, and its place.
#[derive(Clone, Copy)]
pub(crate) struct Largest<S: Simd> {
    simd: S,
    pub value: S::f32s,
    pub place: S::f32s,
}

impl<S: Simd> Largest<S> {
    /// Of a window that begins with this value.
    #[inline(always)]
    pub fn new(simd: S, value: S::f32s) -> Self {
        let place = simd.splat_f32s(0.0);
        Self { simd, value, place }
    }

    /// With the value at another place.
    #[inline(always)]
    pub fn take(&mut self, value: S::f32s, place: f32) {
        let simd = self.simd;
        // A NaN is not at most the largest; one that is the largest is unequal to itself.
        let is_nan = simd.not_m32s(simd.equal_f32s(self.value, self.value));
        let is_less = simd.less_than_or_equal_f32s(value, self.value);
        let stays = simd.or_m32s(is_less, is_nan);
        self.value = simd.select_f32s(stays, self.value, value);
        self.place = simd.select_f32s(stays, self.place, simd.splat_f32s(place));
    }
}

/// The gradient of the values at a place of their windows: that of the result where the largest value came from there.
#[inline(always)]
pub(crate) fn at_place<S: Simd>(
    simd: S,
    gradient: S::f32s,
    largest: S::f32s,
    place: f32,
) -> S::f32s {
    let here = simd.equal_f32s(largest, simd.splat_f32s(place));
    simd.select_f32s(here, gradient, simd.splat_f32s(0.0))
}
