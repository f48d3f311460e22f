//! A logarithm, odd around 0.

use super::formula::Formula;
use crate::arithmetic::Elementary;

pub(crate) struct Logarithmic;

impl Formula for Logarithmic {
    const NAME: &'static str = "logarithmic";

    fn printed(_: f64) -> (String, String) {
        ("sign(x) ln(1 + |x|)".to_string(), "(-∞, ∞)".to_string())
    }

    fn value<N: Elementary>(x: N, _: N::Setting) -> N {
        x.clone().sign() * x.abs().ln_1p()
    }

    fn derivative<N: Elementary>(x: N, _: N::Setting) -> N {
        (x.abs() + 1.0).recip()
    }
}
