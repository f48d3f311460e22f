//! x times a logistic function.

use super::formula::{Formula, factor};
use crate::arithmetic::Elementary;

pub(crate) struct Swish;

/// Its minimum for beta = 1.
const LOWEST: f64 = -0.278_465;
/// Beyond this the logistic function is 0 or 1 to the last bit, and its slope is 0.
const END: f64 = 1e3;

impl Formula for Swish {
    const NAME: &'static str = "swish";

    fn printed(beta: f64) -> (String, String) {
        (
            format!("x/(1 + e^(-{}x))", factor(beta)),
            format!("[{:.3}, ∞)", LOWEST / beta),
        )
    }

    fn value<N: Elementary>(x: N, beta: N::Setting) -> N {
        x.clone() * (x * beta).logistic()
    }

    fn derivative<N: Elementary>(x: N, beta: N::Setting) -> N {
        let z = (x * beta).within(END);
        let s = z.clone().logistic();
        s.clone() + z * s.clone() * s.one_minus()
    }
}
