//! The exponential linear unit.

use super::formula::{Formula, factor};
use crate::arithmetic::Elementary;

pub(crate) struct Elu;

impl Formula for Elu {
    const NAME: &'static str = "elu";

    fn printed(alpha: f64) -> (String, String) {
        (
            format!("x, {}(e^x - 1) below 0", factor(alpha)),
            format!("(-{alpha}, ∞)"),
        )
    }

    fn value<N: Elementary>(x: N, alpha: N::Setting) -> N {
        x.if_at_most(0.0, x.clone().exp_m1() * alpha, x.clone())
    }

    fn derivative<N: Elementary>(x: N, alpha: N::Setting) -> N {
        x.if_at_most(0.0, x.clone().exp() * alpha, x.constant(1.0))
    }
}
