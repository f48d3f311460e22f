//! The rectified linear unit with an upper bound.

use super::formula::Formula;
use crate::arithmetic::Elementary;

pub(crate) struct CappedRelu;

impl Formula for CappedRelu {
    const NAME: &'static str = "capped-relu";

    fn printed(cap: f64) -> (String, String) {
        (format!("min(max(0, x), {cap})"), format!("[0, {cap}]"))
    }

    fn value<N: Elementary>(x: N, cap: N::Setting) -> N {
        let below = x.if_at_least(cap.clone(), x.constant(cap), x.clone());
        x.if_at_most(0.0, x.constant(0.0), below)
    }

    fn derivative<N: Elementary>(x: N, cap: N::Setting) -> N {
        let below = x.if_at_least(cap, x.constant(0.0), x.constant(1.0));
        x.if_at_most(0.0, x.constant(0.0), below)
    }
}
