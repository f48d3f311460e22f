//! Activations that follow no convolution, on flat samples.

use pulp::Simd;

use super::flat::{map, zip};
use super::step::{Backward, Forward, Step};
use crate::activation::{Basic, Pointwise, with_basic};
use crate::arithmetic::Vector;

/// The function of each value of a sample.
#[derive(Debug, Clone)]
pub(crate) struct Elementwise {
    pub function: Pointwise,
    /// Values of a sample.
    pub len: usize,
}

impl Step for Elementwise {
    type Packed = ();

    fn x_len(&self) -> usize {
        self.len
    }

    fn out_len(&self) -> usize {
        self.len
    }

    fn forward<S: Simd>(&self, simd: S, _: (&(), &[&[f32]]), io: Forward) -> f64 {
        self.function.forward_values(simd, io.x, io.out);
        0.0
    }

    fn backward<S: Simd>(&self, simd: S, _: (&(), &[&[f32]]), io: Backward) {
        if let Some(x_gradient) = io.x_gradient {
            let results = (io.x, io.out, io.gradient);
            self.function.backward_values(simd, results, x_gradient);
        }
    }
}

impl Pointwise {
    /// The function of each value: in vectors if they support it, else in f64, one value at a time.
    fn forward_values<S: Simd>(&self, simd: S, x: &[f32], out: &mut [f32]) {
        let one_by_one = |out: &mut [f32]| {
            for (out, &x) in out.iter_mut().zip(x) {
                *out = self.value(f64::from(x)) as f32;
            }
        };
        match self.plain() {
            Some((kind, parameter)) => with_basic!(
                kind,
                F => map(
                    simd,
                    x,
                    out,
                    #[inline(always)]
                    |x| F::value(Vector::new(simd, x), parameter).numbers,
                ),
                one_by_one(out)
            ),
            None => one_by_one(out),
        }
    }

    /// The gradient of the inputs from the inputs, the results and the results' gradient.
    fn backward_values<S: Simd>(
        &self,
        simd: S,
        (x, out, gradient): (&[f32], &[f32], &[f32]),
        x_gradient: &mut [f32],
    ) {
        let one_by_one = |x_gradient: &mut [f32]| {
            for ((to, &x), &gradient) in x_gradient.iter_mut().zip(x).zip(gradient) {
                *to = (self.derivative(f64::from(x)) * f64::from(gradient)) as f32;
            }
        };
        match self.plain() {
            Some((kind, parameter)) => with_basic!(
                kind,
                F => zip(
                    simd,
                    out,
                    gradient,
                    x_gradient,
                    #[inline(always)]
                    |y, gradient| {
                        let (y, gradient) = (Vector::new(simd, y), Vector::new(simd, gradient));
                        F::backward(y, gradient, parameter).numbers
                    },
                ),
                one_by_one(x_gradient)
            ),
            None => one_by_one(x_gradient),
        }
    }
}
