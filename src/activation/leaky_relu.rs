//! The leaky rectified linear unit.

use super::formula::{Basic, Formula, basic};
use crate::arithmetic::Number;

pub(crate) struct LeakyRelu;

impl Formula for LeakyRelu {
    const NAME: &'static str = "leaky-relu";

    fn printed(slope: f64) -> (String, String) {
        (format!("x, {slope} x below 0"), "(-∞, ∞)".to_string())
    }

    basic!();
}

impl Basic for LeakyRelu {
    #[inline(always)]
    fn value<N: Number>(x: N, slope: N::Setting) -> N {
        x.if_at_most(0.0, x.clone() * slope, x.clone())
    }

    #[inline(always)]
    fn backward<N: Number>(y: N, gradient: N, slope: N::Setting) -> N {
        y.if_at_most(0.0, gradient.clone() * slope, gradient)
    }
}
