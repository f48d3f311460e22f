//! The elementary functions of vectors, and the activations made of them, beside f64 over the whole range of f32, in
//! every instruction set.

use pulp::{Simd, WithSimd};
use statrs::function::erf::erfc;

use super::super::CpuStep;
use super::super::activated::Activated;
use super::super::identity::Identity;
use super::super::layout::Shape;
use super::super::rows::Rows;
use super::super::step::{Backward, Forward, PackedWeights, Step};
use super::Isa;
use crate::activation::{Activation, Custom, Pointwise};
use crate::arithmetic::{Elementary, Number, Vector};

/// Calls a macro with every function, its value in f64, and the error that it may have where 2 units in the last place
/// are less.
macro_rules! with_functions {
    ($with:ident) => {
        $with! {
            exp: f64::exp, 0.0;
            exp_m1: f64::exp_m1, 0.0;
            exp_m1_minus_self: |x: f64| x.exp_m1() - x, 4e-6;
            ln_1p: f64::ln_1p, 0.0;
            tanh: f64::tanh, 0.0;
            sin: f64::sin, 1e-10;
            cos: f64::cos, 1e-10;
            atan: f64::atan, 0.0;
            asinh: f64::asinh, 0.0;
            hypot_one: |x: f64| x.hypot(1.0), 0.0;
            normal_distribution: |x: f64| 0.5 * erfc(-x * std::f64::consts::FRAC_1_SQRT_2), 1e-7;
            logistic: |x: f64| 1.0 / (1.0 + (-x).exp()), 1e-8;
            ln_1p_exp_minus_abs: |x: f64| (-x.abs()).exp().ln_1p(), 0.0;
        }
    };
}

macro_rules! functions {
    ($($name:ident: $exact:expr, $small:expr;)+) => {
        const FUNCTIONS: &[(&str, fn(f64) -> f64, f64)] =
            &[$((stringify!($name), $exact, $small),)+];

        impl WithSimd for Apply<'_> {
            type Output = ();

            fn with_simd<S: Simd>(self, simd: S) {
                $(if self.name == stringify!($name) {
                    Rows::flat(self.numbers.len()).update(
                        simd,
                        self.numbers,
                        #[inline(always)]
                        |x| Vector::new(simd, x).$name().numbers,
                    );
                })+
            }
        }
    };
}

/// A function of many numbers.
struct Apply<'a> {
    name: &'a str,
    numbers: &'a mut [f32],
}

with_functions!(functions);

/// Results of less than a normal number may be 0.
const LEAST: f64 = f32::MIN_POSITIVE as f64;

/// Bit patterns all over f32, and numbers where most functions are used.
fn arguments() -> Vec<f32> {
    let patterns = (0..=u32::MAX).step_by(10_007).map(f32::from_bits);
    let common = (-400_000..400_000).map(|i| i as f32 / 20_000.0);
    let ends = [
        0.0,
        -0.0,
        f32::MAX,
        f32::MIN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
    ];
    patterns.chain(common).chain(ends).collect()
}

/// The distance from a number to the next, at a value.
fn unit(value: f64) -> f64 {
    let value = (value.abs() as f32).min(f32::MAX.next_down());
    f64::from(value.next_up()) - f64::from(value)
}

#[test]
fn functions_are_exact_over_all_numbers() {
    let (x, mut wrong) = (arguments(), Vec::new());
    for &(name, exact, small) in FUNCTIONS {
        for isa in Isa::available() {
            let mut out = x.clone();
            isa.run(Apply {
                name,
                numbers: &mut out,
            });
            let mut worst = (0f64, 0f32);
            for (&x, &ours) in x.iter().zip(&out) {
                let reference = exact(f64::from(x));
                let (ours, rounded) = (f64::from(ours), f64::from(reference as f32));
                let same = ours == rounded || ours.is_nan() && rounded.is_nan();
                let error = (ours - reference).abs();
                if same || error <= small.max(LEAST) {
                    continue;
                }
                let units = error / unit(reference);
                // Also where only one of the two is finite.
                if units > worst.0 || units.is_nan() {
                    worst = (units, x);
                }
            }
            let (units, x) = worst;
            if units > 2.0 || units.is_nan() {
                wrong.push(format!("{name} in {isa:?}: {units:.2} units at {x}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// An activation of many numbers: its values, and its derivatives.
struct Both<'a> {
    function: &'a Pointwise,
    x: &'a [f32],
}

impl WithSimd for Both<'_> {
    type Output = (Vec<f32>, Vec<f32>);

    fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
        // Samples of a length that is no multiple of a vector's.
        let shape = Shape::flat(45);
        let step = Activated {
            step: Box::new(CpuStep::Identity(Identity {
                shape,
                x: None,
                out: None,
            })),
            function: self.function.clone(),
        };
        let x = &self.x[..self.x.len() / shape.len() * shape.len()];
        let packed = PackedWeights::default();
        let mut out = vec![0f32; x.len()];
        let mut side = vec![0f32; x.len() / shape.len() * step.sizes().side];
        let mut slopes = vec![0f32; x.len()];
        step.forward(
            simd,
            Forward {
                packed: &packed,
                parameters: &[],
                x,
                out: &mut out,
                side: &mut side,
                trains: true,
                noise: None,
                kl: &mut 0.0,
                scratch: &mut [],
                is_shared: false,
            },
        );
        step.backward(
            simd,
            Backward {
                packed: &packed,
                parameters: &[],
                x,
                out: &out,
                side: &side,
                gradient: &mut vec![1.0; x.len()],
                x_gradient: Some(&mut slopes),
                sums: &mut [],
                parameter_gradient: &mut [],
                first: true,
                noise: None,
                kl_scale: 0.0,
                scratch: &mut [],
                is_shared: false,
            },
        );
        (out, slopes)
    }
}

#[test]
fn activations_are_right_over_all_numbers() {
    let mut activations = Activation::all().to_vec();
    activations.extend([
        Activation::LeakyRelu { slope: 0.3 },
        Activation::Elu { alpha: 0.3 },
        Activation::Swish { beta: 2.5 },
        Activation::CappedRelu { cap: 1.0 },
        Activation::Isru { alpha: 100.0 },
        Activation::Isru { alpha: 1e-6 },
        Activation::Scaled {
            of: Box::new(Activation::Gelu),
            a: -1.5,
            b: 0.3,
        },
        Activation::Scaled {
            of: Box::new(Activation::Tanh),
            a: 1.5,
            b: -0.3,
        },
        Activation::Custom(Custom::new("own", f64::sin, f64::cos)),
    ]);
    let x = arguments();
    for activation in activations {
        let Some(function) = activation.pointwise() else {
            continue;
        };
        for isa in Isa::available() {
            let (values, slopes) = isa.run(Both {
                function: &function,
                x: &x,
            });
            for ((&x, value), slope) in x.iter().zip(values).zip(slopes) {
                let wide = f64::from(x);
                for (what, found, expected) in [
                    ("value", value, function.value(wide)),
                    ("derivative", slope, function.derivative(wide)),
                ] {
                    let apart = (f64::from(found) - expected).abs();
                    let right = match x.is_nan() {
                        true => found.is_nan() == expected.is_nan(),
                        // At the infinities the limit may do for a NaN.
                        false if x.is_infinite() => expected.is_nan() || found == expected as f32,
                        false => found.is_finite() && apart <= 1e-6 * expected.abs().max(1.0),
                    };
                    assert!(
                        right,
                        "{activation} in {isa:?}, {what} at {x}: {found}, expected {expected}"
                    );
                }
            }
        }
    }
}

/// e^x - 1 - x = x^2 / 2 (1 + x/3 + ...), the KL divergence of a variance near 1, keeps its digits.
#[test]
fn small_divergences_keep_their_digits() {
    let x: Vec<f32> = (-3000..3000).map(|i| i as f32 * 1e-5).collect();
    for isa in Isa::available() {
        let mut out = x.clone();
        let name = "exp_m1_minus_self";
        isa.run(Apply {
            name,
            numbers: &mut out,
        });
        for (&x, &found) in x.iter().zip(&out) {
            let x = f64::from(x);
            let series = [1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5];
            let expected = x * x * series.into_iter().fold(1.0 / 720.0, |sum, c| sum * x + c);
            let apart = (f64::from(found) - expected).abs();
            assert!(
                apart <= 3e-7 * expected,
                "{isa:?} at {x}: {found}, {expected}"
            );
        }
    }
}
