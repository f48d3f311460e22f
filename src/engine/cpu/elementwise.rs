//! Activations that follow no convolution, on flat samples.

use pulp::Simd;

use super::flat::{map, zip};
use super::math::{exp_of_negative, logistic_from, minus_abs};
use crate::ops::Scalar;

/// A function of each value by itself.
#[derive(Debug, Clone)]
pub(crate) enum Elementwise {
    Relu,
    LeakyRelu(f32),
    Sigmoid,
    /// In f64, a value at a time.
    Other(Scalar),
}

impl Elementwise {
    /// The function of an activation.
    pub fn new(function: Scalar) -> Self {
        match function {
            Scalar::Relu => Self::Relu,
            Scalar::LeakyRelu(slope) => Self::LeakyRelu(slope as f32),
            Scalar::Sigmoid => Self::Sigmoid,
            other => Self::Other(other),
        }
    }

    pub fn forward<S: Simd>(&self, simd: S, x: &[f32], out: &mut [f32]) {
        let zero = simd.splat_f32s(0.0);
        match self {
            // Written so that NaN stays NaN, here and below.
            Self::Relu => map(
                simd,
                x,
                out,
                #[inline(always)]
                |x| simd.select_f32s(simd.less_than_or_equal_f32s(x, zero), zero, x),
            ),
            Self::LeakyRelu(slope) => {
                let slope = simd.splat_f32s(*slope);
                map(
                    simd,
                    x,
                    out,
                    #[inline(always)]
                    |x| {
                        let below = simd.less_than_or_equal_f32s(x, zero);
                        simd.select_f32s(below, simd.mul_f32s(slope, x), x)
                    },
                );
            }
            Self::Sigmoid => map(
                simd,
                x,
                out,
                #[inline(always)]
                |x| {
                    let power = exp_of_negative(simd, minus_abs(simd, x));
                    let result = logistic_from(simd, x, power);
                    simd.select_f32s(simd.equal_f32s(x, x), result, x)
                },
            ),
            Self::Other(function) => {
                for (out, &x) in out.iter_mut().zip(x) {
                    *out = function.value(f64::from(x)) as f32;
                }
            }
        }
    }

    /// The gradient of the inputs from the inputs, the results and the results' gradient.
    pub fn backward<S: Simd>(
        &self,
        simd: S,
        (x, out, gradient): (&[f32], &[f32], &[f32]),
        x_gradient: &mut [f32],
    ) {
        let (zero, one) = (simd.splat_f32s(0.0), simd.splat_f32s(1.0));
        match self {
            Self::Relu => zip(
                simd,
                out,
                gradient,
                x_gradient,
                #[inline(always)]
                |y, g| simd.select_f32s(simd.less_than_or_equal_f32s(y, zero), zero, g),
            ),
            Self::LeakyRelu(slope) => {
                let slope = simd.splat_f32s(*slope);
                zip(
                    simd,
                    out,
                    gradient,
                    x_gradient,
                    #[inline(always)]
                    |y, g| {
                        let below = simd.less_than_or_equal_f32s(y, zero);
                        simd.select_f32s(below, simd.mul_f32s(slope, g), g)
                    },
                );
            }
            Self::Sigmoid => zip(
                simd,
                out,
                gradient,
                x_gradient,
                #[inline(always)]
                |y, g| simd.mul_f32s(g, simd.mul_f32s(y, simd.sub_f32s(one, y))),
            ),
            Self::Other(function) => {
                for ((to, &x), &gradient) in x_gradient.iter_mut().zip(x).zip(gradient) {
                    *to = (function.derivative(f64::from(x)) * f64::from(gradient)) as f32;
                }
            }
        }
    }
}
