//! The logistic function.

use super::formula::{Basic, Formula, basic};
use crate::arithmetic::Number;

pub(crate) struct Sigmoid;

impl Formula for Sigmoid {
    const NAME: &'static str = "sigmoid";

    fn printed(_: f64) -> (String, String) {
        ("1/(1 + e^-x)".to_string(), "(0, 1)".to_string())
    }

    basic!();
}

impl Basic for Sigmoid {
    #[inline(always)]
    fn value<N: Number>(x: N, _: N::Setting) -> N {
        x.logistic()
    }

    #[inline(always)]
    fn backward<N: Number>(y: N, gradient: N, _: N::Setting) -> N {
        gradient * y.clone() * y.one_minus()
    }
}
