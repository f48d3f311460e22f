//! The inverse square root unit.

use super::formula::{Formula, factor};
use crate::arithmetic::Elementary;

pub(crate) struct Isru;

/// sqrt(1 + alpha x^2).
fn root<N: Elementary>(x: N, alpha: N::Setting) -> N {
    (x.constant(alpha).sqrt() * x).hypot_one()
}

impl Formula for Isru {
    const NAME: &'static str = "isru";

    fn printed(alpha: f64) -> (String, String) {
        (
            format!("x/√(1 + {}x²)", factor(alpha)),
            match alpha {
                1.0 => "(-1, 1)".to_string(),
                _ => format!("(-{0:.3}, {0:.3})", 1.0 / alpha.sqrt()),
            },
        )
    }

    fn value<N: Elementary>(x: N, alpha: N::Setting) -> N {
        x.clone() / root(x, alpha)
    }

    fn derivative<N: Elementary>(x: N, alpha: N::Setting) -> N {
        let r = root(x, alpha).recip();
        r.clone() * r.clone() * r
    }
}
