//! x divided by 1 + |x|.

use super::formula::Formula;
use crate::arithmetic::Elementary;

pub(crate) struct Elliot;

impl Formula for Elliot {
    const NAME: &'static str = "elliot";

    fn printed(_: f64) -> (String, String) {
        ("x/(1 + |x|)".to_string(), "(-1, 1)".to_string())
    }

    fn value<N: Elementary>(x: N, _: N::Setting) -> N {
        x.clone() / (x.abs() + 1.0)
    }

    fn derivative<N: Elementary>(x: N, _: N::Setting) -> N {
        let r = (x.abs() + 1.0).recip();
        r.clone() * r
    }
}
