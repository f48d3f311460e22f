//! Reading and writing a slice a vector at a time.

use pulp::Simd;

use super::isa::vectorize;

/// Calls `f` on whole vectors of `a` and `b`, and on the rest padded with zeros, for `out`.
pub(crate) fn zip<S: Simd>(
    simd: S,
    a: &[f32],
    b: &[f32],
    out: &mut [f32],
    f: impl Fn(S::f32s, S::f32s) -> S::f32s + Copy,
) {
    vectorize(
        simd,
        #[inline(always)]
        || {
            let (a, a_rest) = S::as_simd_f32s(a);
            let (b, b_rest) = S::as_simd_f32s(b);
            let (out, out_rest) = S::as_mut_simd_f32s(out);
            for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
                *out = f(a, b);
            }
            if !out_rest.is_empty() {
                let result = f(
                    simd.partial_load_f32s(a_rest),
                    simd.partial_load_f32s(b_rest),
                );
                simd.partial_store_f32s(out_rest, result);
            }
        },
    );
}

/// `sum += values`.
pub(crate) fn add<S: Simd>(simd: S, sum: &mut [f32], values: &[f32]) {
    vectorize(
        simd,
        #[inline(always)]
        || add_inlined(simd, sum, values),
    );
}

/// The same within a kernel.
#[inline(always)]
pub(crate) fn add_inlined<S: Simd>(simd: S, sum: &mut [f32], values: &[f32]) {
    let (values, values_rest) = S::as_simd_f32s(values);
    let (sum, sum_rest) = S::as_mut_simd_f32s(sum);
    for (sum, &value) in sum.iter_mut().zip(values) {
        *sum = simd.add_f32s(*sum, value);
    }
    for (sum, &value) in sum_rest.iter_mut().zip(values_rest) {
        *sum += value;
    }
}
