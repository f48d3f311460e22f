//! The rectified linear unit.

use super::formula::{Basic, Formula, basic};
use crate::arithmetic::Number;

pub(crate) struct Relu;

impl Formula for Relu {
    const NAME: &'static str = "relu";

    fn printed(_: f64) -> (String, String) {
        ("max(0, x)".to_string(), "[0, ∞)".to_string())
    }

    basic!();
}

impl Basic for Relu {
    #[inline(always)]
    fn value<N: Number>(x: N, _: N::Setting) -> N {
        x.if_at_most(0.0, x.constant(0.0), x.clone())
    }

    #[inline(always)]
    fn backward<N: Number>(y: N, gradient: N, _: N::Setting) -> N {
        y.if_at_most(0.0, y.constant(0.0), gradient)
    }
}
