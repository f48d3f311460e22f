//! The arc tangent.

use std::f64::consts::FRAC_2_PI;

use super::formula::Formula;
use crate::arithmetic::Elementary;

pub(crate) struct Arctan;

impl Formula for Arctan {
    const NAME: &'static str = "arctan";

    fn printed(_: f64) -> (String, String) {
        ("2/π atan x".to_string(), "(-1, 1)".to_string())
    }

    fn value<N: Elementary>(x: N, _: N::Setting) -> N {
        x.atan() * FRAC_2_PI
    }

    fn derivative<N: Elementary>(x: N, _: N::Setting) -> N {
        (x.clone() * x + 1.0).recip() * FRAC_2_PI
    }
}
