//! The inverse of the hyperbolic sine.

use super::formula::Formula;
use crate::arithmetic::Elementary;

pub(crate) struct Arcsinh;

impl Formula for Arcsinh {
    const NAME: &'static str = "arcsinh";

    fn printed(_: f64) -> (String, String) {
        ("ln(x + √(x² + 1))".to_string(), "(-∞, ∞)".to_string())
    }

    fn value<N: Elementary>(x: N, _: N::Setting) -> N {
        x.asinh()
    }

    fn derivative<N: Elementary>(x: N, _: N::Setting) -> N {
        x.hypot_one().recip()
    }
}
