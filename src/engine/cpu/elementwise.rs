//! Activations that follow no convolution, on flat samples.

use pulp::Simd;

use super::flat::{map, zip};
use super::step::{Backward, Forward, Step, StepSizes};
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
    fn sizes(&self) -> StepSizes {
        StepSizes {
            x: self.len,
            out: self.len,
            ..StepSizes::default()
        }
    }

    /// In vectors if the function supports them, else in f64, one value at a time.
    fn forward<S: Simd>(&self, simd: S, io: Forward) {
        if let Some((kind, parameter)) = self.function.plain() {
            with_basic!(
                kind,
                F => return map(
                    simd,
                    io.x,
                    io.out,
                    #[inline(always)]
                    |x| F::value(Vector::new(simd, x), parameter).numbers,
                ),
                ()
            );
        }
        for (out, &x) in io.out.iter_mut().zip(io.x) {
            *out = self.function.value(f64::from(x)) as f32;
        }
    }

    fn backward<S: Simd>(&self, simd: S, io: Backward) {
        let Some(x_gradient) = io.x_gradient else {
            return;
        };
        if let Some((kind, parameter)) = self.function.plain() {
            with_basic!(
                kind,
                F => return zip(
                    simd,
                    io.out,
                    io.gradient,
                    x_gradient,
                    #[inline(always)]
                    |y, gradient| {
                        let (y, gradient) = (Vector::new(simd, y), Vector::new(simd, gradient));
                        F::backward(y, gradient, parameter).numbers
                    },
                ),
                ()
            );
        }
        for ((to, &x), &gradient) in x_gradient.iter_mut().zip(io.x).zip(io.gradient) {
            let derivative = self.function.derivative(f64::from(x));
            *to = (derivative * f64::from(gradient)) as f32;
        }
    }
}
