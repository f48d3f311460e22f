//! The activations as curves.

use candle_core::{Device, Tensor, Var};

use crate::Result;
use crate::activation::Activation;
use crate::picture::{Chart, Panel, Series, panels};

/// An activation and its derivative on the interval from -3 to 3.
#[derive(Debug, Clone, PartialEq)]
pub struct ActivationCurve {
    /// Its name.
    pub name: String,
    /// Its notation.
    pub formula: String,
    /// Its range.
    pub range: String,
    /// Its name in recipes. None for a form that is infinite or undefined somewhere, which no network can train with.
    pub activation: Option<Activation>,
    /// `(x, f(x))` in order of x, where the form is defined.
    pub values: Vec<(f64, f64)>,
    /// `(x, f'(x))` at the same x. For softmax, the derivative of each value with respect to its own x.
    pub derivatives: Vec<(f64, f64)>,
}

/// Number of points on a curve.
const POINTS: usize = 400;
const END: f64 = 3.0;

/// Caps small enough to be seen in the drawing.
const CAP: f64 = 2.0;

/// Every activation of recipes, computed and differentiated in f64 as in networks. Three of them are followed by the
/// published form for x >= 0, which networks cannot use.
///
/// # Errors
/// Only candle's own.
pub fn curves() -> Result<Vec<ActivationCurve>> {
    let scaled = Activation::Scaled {
        of: Box::new(Activation::Sigmoid),
        a: 3.0,
        b: 0.1,
    };
    let mut curves = Vec::new();
    for activation in Activation::all().into_iter().chain([scaled]) {
        curves.extend(as_printed(&activation));
        curves.push(curve(match activation {
            Activation::CappedLinear { .. } => Activation::CappedLinear { cap: CAP },
            Activation::CappedRelu { .. } => Activation::CappedRelu { cap: CAP },
            other => other,
        })?);
    }
    Ok(curves)
}

/// The value and the derivative at x.
type ValueAndDerivative = fn(f64) -> (f64, f64);

/// The published form of an activation for x >= 0: a function and its derivative.
fn as_printed(activation: &Activation) -> Option<ActivationCurve> {
    let (formula, range, both): (_, _, ValueAndDerivative) = match activation {
        Activation::Isru { .. } => ("√x/(1 + x²), x ≥ 0", "[0, 0.570]", |x| {
            let (root, below) = (x.sqrt(), 1.0 + x * x);
            let slope = 0.5 / (root * below) - 2.0 * x * root / (below * below);
            (root / below, slope)
        }),
        Activation::Elliot => ("x/(1 + x), x ≥ 0", "[0, 1)", |x| {
            (x / (1.0 + x), 1.0 / ((1.0 + x) * (1.0 + x)))
        }),
        Activation::Logarithmic => ("ln(1 + x), x ≥ 0", "[0, ∞)", |x| {
            (x.ln_1p(), 1.0 / (1.0 + x))
        }),
        _ => return None,
    };
    let xs = || points().filter(|x| *x >= 0.0);
    Some(ActivationCurve {
        name: format!("{}, as printed", activation.name()),
        formula: formula.to_string(),
        range: range.to_string(),
        activation: None,
        values: xs().map(|x| (x, both(x).0)).collect(),
        derivatives: xs().map(|x| (x, both(x).1)).collect(),
    })
}

/// Evenly spaced values, both ends included.
fn points() -> impl Iterator<Item = f64> {
    (0..POINTS).map(|i| END * (2.0 * i as f64 / (POINTS - 1) as f64 - 1.0))
}

fn curve(activation: Activation) -> Result<ActivationCurve> {
    let xs: Vec<f64> = points().collect();
    // One sample with one unit per point.
    let x = Var::from_tensor(&Tensor::new(xs.as_slice(), &Device::Cpu)?.unsqueeze(0)?)?;
    let y = activation.apply(&x)?;
    let slope = if activation.couples() {
        // The gradient of softmax's sum would be 0.
        (&y * y.affine(-1.0, 1.0)?)?
    } else {
        let gradient = y.sum_all()?.backward()?.remove(&x);
        gradient.map_or_else(|| y.zeros_like(), Ok)?
    };
    let over = |y: &Tensor| -> Result<Vec<(f64, f64)>> {
        Ok(points().zip(y.flatten_all()?.to_vec1()?).collect())
    };
    let (formula, range) = activation.printed();
    Ok(ActivationCurve {
        name: activation.to_string(),
        formula,
        range,
        values: over(&y)?,
        derivatives: over(&slope)?,
        activation: Some(activation),
    })
}

/// Panels in a row, and the largest value shown.
const COLUMNS: usize = 3;
const LIMIT: f64 = 3.0;

/// Draws functions with their derivatives, one panel each.
///
/// # Errors
/// If there are none, or more than 200.
pub fn draw_curves(curves: &[ActivationCurve]) -> Result<Chart> {
    let drawn = curves.iter().map(|curve| Panel {
        title: curve.name.clone(),
        caption: curve.formula.clone(),
        series: vec![
            Series::new("function", curve.values.clone()),
            Series::new("derivative", curve.derivatives.clone()),
        ],
        ..Panel::default()
    });
    panels(&drawn.collect::<Vec<_>>(), COLUMNS, LIMIT)
}
