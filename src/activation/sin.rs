//! The sine.

use super::formula::Formula;
use crate::arithmetic::Elementary;

pub(crate) struct Sin;

impl Formula for Sin {
    const NAME: &'static str = "sin";

    fn printed(_: f64) -> (String, String) {
        ("sin x".to_string(), "[-1, 1]".to_string())
    }

    fn value<N: Elementary>(x: N, _: N::Setting) -> N {
        x.sin()
    }

    fn derivative<N: Elementary>(x: N, _: N::Setting) -> N {
        x.cos()
    }
}
