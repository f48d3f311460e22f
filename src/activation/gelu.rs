//! The Gaussian error linear unit.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use super::formula::Formula;
use crate::arithmetic::Elementary;

pub(crate) struct Gelu;

/// The normal density at 0, 1 / sqrt(2 pi).
const DENSITY: f64 = 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2;

impl Formula for Gelu {
    const NAME: &'static str = "gelu";

    fn printed(_: f64) -> (String, String) {
        (
            "x Φ(x), Φ the normal distribution".to_string(),
            "[-0.170, ∞)".to_string(),
        )
    }

    fn value<N: Elementary>(x: N, _: N::Setting) -> N {
        x.clone() * x.normal_distribution()
    }

    fn derivative<N: Elementary>(x: N, _: N::Setting) -> N {
        let density = (x.clone() * -0.5 * x.clone()).exp();
        x.clone().normal_distribution() + x * DENSITY * density
    }
}
