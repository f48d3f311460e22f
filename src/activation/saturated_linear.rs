//! The identity clamped to the range from 0 to 1.

use super::capped_relu::CappedRelu;
use super::formula::Formula;
use crate::arithmetic::Elementary;

pub(crate) struct SaturatedLinear;

impl Formula for SaturatedLinear {
    const NAME: &'static str = "saturated-linear";

    fn printed(_: f64) -> (String, String) {
        ("min(max(0, x), 1)".to_string(), "[0, 1]".to_string())
    }

    fn value<N: Elementary>(x: N, _: N::Setting) -> N {
        CappedRelu::value(x, 1.0.into())
    }

    fn derivative<N: Elementary>(x: N, _: N::Setting) -> N {
        CappedRelu::derivative(x, 1.0.into())
    }
}
