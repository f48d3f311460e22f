//! The hyperbolic tangent.

use super::formula::Formula;
use crate::arithmetic::Elementary;

pub(crate) struct Tanh;

impl Formula for Tanh {
    const NAME: &'static str = "tanh";

    fn printed(_: f64) -> (String, String) {
        ("tanh x".to_string(), "(-1, 1)".to_string())
    }

    fn value<N: Elementary>(x: N, _: N::Setting) -> N {
        x.tanh()
    }

    fn derivative<N: Elementary>(x: N, _: N::Setting) -> N {
        let y = x.tanh();
        (y.clone() * y).one_minus()
    }
}
