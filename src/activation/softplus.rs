//! The logarithm of 1 + e^x, in a form that does not overflow.

use super::formula::Formula;
use crate::arithmetic::Elementary;

pub(crate) struct Softplus;

impl Formula for Softplus {
    const NAME: &'static str = "softplus";

    fn printed(_: f64) -> (String, String) {
        ("ln(1 + e^x)".to_string(), "(0, ∞)".to_string())
    }

    fn value<N: Elementary>(x: N, _: N::Setting) -> N {
        x.clone().positive() + x.ln_1p_exp_minus_abs()
    }

    fn derivative<N: Elementary>(x: N, _: N::Setting) -> N {
        x.logistic()
    }
}
