//! The identity.

use super::formula::{Basic, Formula, basic};
use crate::arithmetic::Number;

pub(crate) struct Linear;

impl Formula for Linear {
    const NAME: &'static str = "linear";

    fn printed(_: f64) -> (String, String) {
        ("x".to_string(), "(-∞, ∞)".to_string())
    }

    basic!();
}

impl Basic for Linear {
    #[inline(always)]
    fn value<N: Number>(x: N, _: N::Setting) -> N {
        x
    }

    #[inline(always)]
    fn backward<N: Number>(_: N, gradient: N, _: N::Setting) -> N {
        gradient
    }
}
