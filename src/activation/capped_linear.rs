//! The identity with an upper bound.

use super::formula::Formula;
use crate::arithmetic::Elementary;

pub(crate) struct CappedLinear;

impl Formula for CappedLinear {
    const NAME: &'static str = "capped-linear";

    fn printed(cap: f64) -> (String, String) {
        (format!("min(x, {cap})"), format!("(-∞, {cap}]"))
    }

    fn value<N: Elementary>(x: N, cap: N::Setting) -> N {
        x.if_at_least(cap.clone(), x.constant(cap), x.clone())
    }

    fn derivative<N: Elementary>(x: N, cap: N::Setting) -> N {
        x.if_at_least(cap, x.constant(0.0), x.constant(1.0))
    }
}
