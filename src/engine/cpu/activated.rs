//! Activations, applied where the step before them leaves its results.

use pulp::Simd;

use super::CpuStep;
use super::rows::Rows;
use super::step::{Backward, Forward, PackedWeights, Step, StepSizes};
use crate::activation::{Form, Formula, Pointwise, WithFormula};
use crate::arithmetic::Vector;

/// A step whose results are replaced by a function of them, few samples at a time, while they are in the caches. On the
/// way back the gradient of the values is replaced by that of the results first.
///
/// The step's backward pass must not read its results. What the derivative needs is the value, if it follows from that;
/// otherwise the derivative is computed with the value, which often shares most of the work, and kept beside it.
#[derive(Debug, Clone)]
pub(crate) struct Activated {
    pub step: Box<CpuStep>,
    pub function: Pointwise,
}

impl Activated {
    /// Whether derivatives are kept.
    fn keeps_slopes(&self) -> bool {
        struct SlopeOfValue;

        impl WithFormula for SlopeOfValue {
            type Output = bool;

            fn with_formula<F: Formula>(self) -> bool {
                F::SLOPE_OF_VALUE
            }
        }

        let plain = self.function.plain();
        !plain.is_some_and(|(kind, _)| kind.run(SlopeOfValue))
    }

    /// The results of some samples.
    fn rows(&self, samples: usize) -> Rows {
        match self.step.output_layout() {
            Some(layout) => Rows::images(samples, layout),
            None => Rows::flat(samples * self.step.sizes().out),
        }
    }

    /// A custom function, in f64.
    fn one_by_one(&self, rows: Rows, values: &mut [f32], mut slopes: Option<&mut [f32]>) {
        rows.each(|row| {
            if let Some(slopes) = &mut slopes {
                for (slope, &x) in slopes[row.clone()].iter_mut().zip(&values[row.clone()]) {
                    *slope = self.function.derivative(f64::from(x)) as f32;
                }
            }
            for value in &mut values[row] {
                *value = self.function.value(f64::from(*value)) as f32;
            }
        });
    }
}

/// The part of values that `samples` samples have after the first ones, each of `len` values.
fn part(first: usize, samples: usize) -> impl Fn(usize) -> std::ops::Range<usize> {
    move |len| first * len..(first + samples) * len
}

impl Step for Activated {
    fn sizes(&self) -> StepSizes {
        let sizes = self.step.sizes();
        let slopes = if self.keeps_slopes() { sizes.out } else { 0 };
        StepSizes {
            side: sizes.side + slopes,
            ..sizes
        }
    }

    fn pack<S: Simd>(&self, simd: S, parameters: &[&[f32]], packed: &mut PackedWeights) {
        self.step.pack(simd, parameters, packed);
    }

    fn forward<S: Simd>(&self, simd: S, io: Forward) {
        let (sizes, keeps_slopes) = (self.step.sizes(), io.trains && self.keeps_slopes());
        let all = io.x.len() / sizes.x;
        let (side, slopes) = io.side.split_at_mut(all * sizes.side);
        let at_once = sizes.at_once.clamp(1, all.max(1));
        for first in (0..all).step_by(at_once) {
            let samples = at_once.min(all - first);
            let part = part(first, samples);
            let out = &mut io.out[part(sizes.out)];
            let step = Forward {
                packed: io.packed,
                parameters: io.parameters,
                x: &io.x[part(sizes.x)],
                out: &mut *out,
                side: &mut side[part(sizes.side)],
                trains: io.trains,
                noise: io.noise,
                kl: &mut *io.kl,
                scratch: &mut *io.scratch,
                is_shared: io.is_shared,
            };
            self.step.forward(simd, step);
            let slopes = keeps_slopes.then(|| &mut slopes[part(sizes.out)]);
            let rows = self.rows(samples);
            match &self.function.f {
                Form::Formula { kind, parameter } => kind.run(Values {
                    simd,
                    rows,
                    parameter: *parameter,
                    function: &self.function,
                    values: out,
                    slopes,
                }),
                Form::Custom(_) => self.one_by_one(rows, out, slopes),
            }
        }
    }

    fn backward<S: Simd>(&self, simd: S, io: Backward) {
        let (sizes, keeps_slopes) = (self.step.sizes(), self.keeps_slopes());
        let all = io.x.len() / sizes.x;
        let (side, slopes) = io.side.split_at(all * sizes.side);
        let at_once = sizes.at_once.clamp(1, all.max(1));
        let mut x_gradient = io.x_gradient;
        for first in (0..all).step_by(at_once) {
            let samples = at_once.min(all - first);
            let part = part(first, samples);
            let (out, gradient) = (&io.out[part(sizes.out)], &mut io.gradient[part(sizes.out)]);
            let rows = self.rows(samples);
            match self.function.plain() {
                Some((kind, parameter)) if !keeps_slopes => kind.run(Gradients {
                    simd,
                    rows,
                    parameter,
                    values: out,
                    gradient: &mut *gradient,
                }),
                _ => rows.combine(
                    simd,
                    &slopes[part(sizes.out)],
                    &mut *gradient,
                    #[inline(always)]
                    |slope, gradient| simd.mul_f32s(slope, gradient),
                ),
            }
            let step = Backward {
                packed: io.packed,
                parameters: io.parameters,
                x: &io.x[part(sizes.x)],
                out,
                side: &side[part(sizes.side)],
                gradient,
                x_gradient: x_gradient.as_deref_mut().map(|all| &mut all[part(sizes.x)]),
                sums: &mut *io.sums,
                parameter_gradient: &mut *io.parameter_gradient,
                first: io.first && first == 0,
                noise: io.noise,
                kl_scale: io.kl_scale,
                scratch: &mut *io.scratch,
                is_shared: io.is_shared,
            };
            self.step.backward(simd, step);
        }
    }

    fn finish_shard<S: Simd>(&self, simd: S, sums: &[f32], gradient: &mut [f32]) {
        self.step.finish_shard(simd, sums, gradient);
    }

    fn unpack(&self, gradient: &[f32], parameters: &mut [&mut [f32]]) {
        self.step.unpack(gradient, parameters);
    }
}

/// Replaces results by the values of a formula, with or without their derivatives.
struct Values<'a, S: Simd> {
    simd: S,
    rows: Rows,
    parameter: f64,
    function: &'a Pointwise,
    values: &'a mut [f32],
    slopes: Option<&'a mut [f32]>,
}

impl<S: Simd> WithFormula for Values<'_, S> {
    type Output = ();

    fn with_formula<F: Formula>(self) {
        let Self {
            simd,
            rows,
            parameter,
            values,
            ..
        } = self;
        let (outer, inner) = (self.function.outer, self.function.inner);
        match self.slopes {
            None => rows.update(
                simd,
                values,
                #[inline(always)]
                |x| (F::value(Vector::new(simd, x) * inner, parameter) * outer).numbers,
            ),
            Some(slopes) => rows.split(
                simd,
                values,
                slopes,
                #[inline(always)]
                |x| {
                    let x = Vector::new(simd, x) * inner;
                    let value = F::value(x, parameter) * outer;
                    let slope = F::derivative(x, parameter) * (outer * inner);
                    (value.numbers, slope.numbers)
                },
            ),
        }
    }
}

/// Replaces the gradient of a formula's values by that of its arguments, if it follows from the values.
struct Gradients<'a, S: Simd> {
    simd: S,
    rows: Rows,
    parameter: f64,
    values: &'a [f32],
    gradient: &'a mut [f32],
}

impl<S: Simd> WithFormula for Gradients<'_, S> {
    type Output = ();

    fn with_formula<F: Formula>(self) {
        let (simd, parameter) = (self.simd, self.parameter);
        if F::SLOPE_OF_VALUE {
            self.rows.combine(
                simd,
                self.values,
                self.gradient,
                #[inline(always)]
                |y, gradient| {
                    let (y, gradient) = (Vector::new(simd, y), Vector::new(simd, gradient));
                    F::backward(y, gradient, parameter).numbers
                },
            );
        }
    }
}
