//! Group normalisation of NHWC images.
//!
//! With the normalised values n = (x - mean) / sqrt(variance + epsilon) of a group of N values, y = w n + b, and the
//! gradient g of y gives that of x as (w g - (S + n T) / N) / sqrt(variance + epsilon), where S and T are the sums of
//! w g and of w g n over the group.
//!
//! # Source
//! Wu and He, "Group normalization", ECCV 2018, section 3.

use pulp::Simd;

use super::isa::vectorize;
use super::layout::NhwcLayout;
use super::lines::padded;
use super::product::{load, store};
use super::step::{Backward, Forward, Step, StepSizes, weight_and_bias};
use crate::arithmetic::Vector;
use crate::layer;

/// Normalises each group of channels within a sample.
#[derive(Debug, Clone)]
pub(crate) struct GroupNorm {
    pub groups: usize,
    pub from: NhwcLayout,
    pub to: NhwcLayout,
}

impl GroupNorm {
    fn channels(&self) -> usize {
        self.from.padded()
    }

    /// Values of a group.
    fn count(&self) -> f64 {
        (self.from.shape().len() / self.groups) as f64
    }

    /// Calls `work` for each group with its channels.
    fn each(&self, mut work: impl FnMut(std::ops::Range<usize>)) {
        let size = self.from.channels / self.groups;
        (0..self.groups).for_each(|group| work(group * size..(group + 1) * size));
    }

    /// Asserts that all vectors of an image lie inside of slices of these lengths, and all channels inside of each of
    /// `channels`.
    fn check(&self, from: usize, to: usize, channels: &[&[f32]]) {
        for (layout, len) in [(self.from, from), (self.to, to)] {
            assert!(layout.is_inside() && layout.len() <= len);
            assert!(!layout.narrow);
        }
        assert!(self.from.shape() == self.to.shape());
        let fits = |values: &&[f32]| values.len() >= self.channels();
        assert!(channels.iter().all(fits));
    }

    /// For each channel the sum over all pixels of a term, of which `term` is given the offsets in both layouts and the
    /// channel.
    #[inline(always)]
    fn sums<S: Simd>(
        &self,
        simd: S,
        sums: &mut [f32],
        term: impl Fn(usize, usize, usize) -> Vector<S>,
    ) {
        let zero = Vector::new(simd, simd.splat_f32s(0.0));
        vectorize(
            simd,
            #[inline(always)]
            || {
                for c in (0..self.channels()).step_by(S::F32_LANES) {
                    let mut total = zero;
                    for y in 0..self.from.height {
                        // Short sums keep their precision.
                        let mut row = zero;
                        for x in 0..self.from.width {
                            row = row + term(self.from.at(y, x) + c, self.to.at(y, x) + c, c);
                        }
                        total = total + row;
                    }
                    // SAFETY: `check` has shown that there are values for all channels.
                    unsafe { store::<S>(sums.as_mut_ptr().add(c), total.numbers) };
                }
            },
        );
    }

    /// Calls `work` with the offsets of all vectors in both layouts and their channel.
    #[inline(always)]
    fn pixels<S: Simd>(&self, simd: S, mut work: impl FnMut(usize, usize, usize)) {
        vectorize(
            simd,
            #[inline(always)]
            || {
                for y in 0..self.from.height {
                    for x in 0..self.from.width {
                        for c in (0..self.channels()).step_by(S::F32_LANES) {
                            work(self.from.at(y, x) + c, self.to.at(y, x) + c, c);
                        }
                    }
                }
            },
        );
    }
}

/// A vector of a slice.
///
/// # Safety
/// All of its values lie inside of the slice.
#[inline(always)]
unsafe fn vector<S: Simd>(simd: S, values: &[f32], at: usize) -> Vector<S> {
    // SAFETY: as the caller guarantees.
    Vector::new(simd, unsafe { load::<S>(values.as_ptr().add(at)) })
}

/// The normalised values of channels that begin at `c`.
///
/// # Safety
/// Their vectors lie inside of all slices.
#[inline(always)]
unsafe fn normal<S: Simd>(
    simd: S,
    x: &[f32],
    at: usize,
    [mean, deviation]: [&[f32]; 2],
    c: usize,
) -> Vector<S> {
    // SAFETY: as the caller guarantees.
    unsafe { (vector(simd, x, at) - vector(simd, mean, c)) * vector(simd, deviation, c) }
}

impl Step for GroupNorm {
    fn sizes(&self) -> StepSizes {
        StepSizes {
            x: self.from.len(),
            out: self.to.len(),
            // Mean and reciprocal deviation of each channel's group.
            side: 2 * self.channels(),
            scratch: 3 * self.channels(),
            gradient: 2 * padded(self.from.channels),
            ..StepSizes::default()
        }
    }

    fn unpack(&self, gradient: &[f32], parameters: &mut [&mut [f32]]) {
        let rows = gradient.chunks_exact(padded(self.from.channels));
        for (parameter, row) in parameters.iter_mut().zip(rows) {
            parameter.copy_from_slice(&row[..parameter.len()]);
        }
    }

    fn forward<S: Simd>(&self, simd: S, io: Forward) {
        let channels = self.channels();
        let parameters = weight_and_bias(io.parameters);
        let (weight, rest) = io.scratch.split_at_mut(channels);
        let (bias, rest) = rest.split_at_mut(channels);
        let sums = &mut rest[..channels];
        weight[..parameters.0.len()].copy_from_slice(parameters.0);
        bias[..parameters.1.len()].copy_from_slice(parameters.1);
        let images = io.x.chunks_exact(self.from.len());
        let results = io.out.chunks_exact_mut(self.to.len());
        let results = results.zip(io.side.chunks_exact_mut(2 * channels));
        for (x, (out, side)) in images.zip(results) {
            let (mean, deviation) = side.split_at_mut(channels);
            self.check(x.len(), out.len(), &[mean, deviation, weight, bias, sums]);
            // SAFETY, of all vectors: `check` has shown that they lie inside of their slices.
            self.sums(
                simd,
                sums,
                #[inline(always)]
                |at, _, _| unsafe { vector(simd, x, at) },
            );
            self.each(|group| {
                let sum: f64 = sums[group.clone()].iter().copied().map(f64::from).sum();
                mean[group].fill((sum / self.count()) as f32);
            });
            self.sums(
                simd,
                sums,
                #[inline(always)]
                |at, _, c| unsafe {
                    let apart = vector(simd, x, at) - vector(simd, mean, c);
                    apart * apart
                },
            );
            self.each(|group| {
                let sum: f64 = sums[group.clone()].iter().copied().map(f64::from).sum();
                let variance = sum / self.count();
                let reciprocal = (variance + layer::GroupNorm::EPSILON).sqrt().recip();
                deviation[group].fill(reciprocal as f32);
            });
            self.pixels(
                simd,
                #[inline(always)]
                |at, to, c| unsafe {
                    let normal = normal(simd, x, at, [mean, deviation], c);
                    let y = normal * vector(simd, weight, c) + vector(simd, bias, c);
                    store::<S>(out.as_mut_ptr().add(to), y.numbers);
                },
            );
        }
    }

    fn backward<S: Simd>(&self, simd: S, mut io: Backward) {
        let channels = self.channels();
        let (weight, _) = weight_and_bias(io.parameters);
        let (sums, rest) = io.scratch.split_at_mut(channels);
        let (normal_sums, rest) = rest.split_at_mut(channels);
        let factor = &mut rest[..channels];
        let (from, to) = (self.from.len(), self.to.len());
        let images = io.x.chunks_exact(from).zip(io.gradient.chunks_exact(to));
        let images = images.zip(io.side.chunks_exact(2 * channels));
        for (number, ((x, gradient), side)) in images.enumerate() {
            let (mean, deviation) = side.split_at(channels);
            let lens: [&[f32]; 5] = [mean, deviation, sums, normal_sums, factor];
            self.check(x.len(), gradient.len(), &lens);
            // SAFETY, of all vectors: `check` has shown that they lie inside of their slices.
            let norm = [mean, deviation];
            self.sums(
                simd,
                sums,
                #[inline(always)]
                |_, to, _| unsafe { vector(simd, gradient, to) },
            );
            self.sums(
                simd,
                normal_sums,
                #[inline(always)]
                |at, to, c| unsafe { vector(simd, gradient, to) * normal(simd, x, at, norm, c) },
            );
            let (weight_sum, bias_sum) = io
                .parameter_gradient
                .split_at_mut(padded(self.from.channels));
            for (total, sums) in [(weight_sum, &*normal_sums), (bias_sum, &*sums)] {
                for (total, sum) in total.iter_mut().zip(sums) {
                    *total += sum;
                }
            }
            let Some(x_gradient) = &mut io.x_gradient else {
                continue;
            };
            let x_gradient = &mut x_gradient[number * from..][..from];
            // The sums become S / N and T / N, times the reciprocal deviation.
            self.each(|group| {
                let scale = f64::from(deviation[group.start]) / self.count();
                for sums in [&mut *sums, &mut *normal_sums] {
                    let terms = sums[group.clone()].iter().zip(&weight[group.clone()]);
                    let sum: f64 = terms.map(|(&s, &w)| f64::from(s) * f64::from(w)).sum();
                    sums[group.clone()].fill((sum * scale) as f32);
                }
                for ((factor, &w), &d) in factor[group.clone()]
                    .iter_mut()
                    .zip(&weight[group.clone()])
                    .zip(&deviation[group])
                {
                    *factor = w * d;
                }
            });
            self.pixels(
                simd,
                #[inline(always)]
                |at, to, c| unsafe {
                    let group = vector(simd, sums, c)
                        + normal(simd, x, at, norm, c) * vector(simd, normal_sums, c);
                    let gradient = vector(simd, gradient, to) * vector(simd, factor, c) - group;
                    store::<S>(x_gradient.as_mut_ptr().add(at), gradient.numbers);
                },
            );
        }
    }
}
