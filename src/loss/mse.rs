//! The squared error.

use super::Loss;
use crate::arithmetic::Number;

/// (x - t)^2.
pub(crate) struct Mse;

impl Loss for Mse {
    #[inline(always)]
    fn term<N: Number>(x: N, t: N) -> N {
        let difference = x - t;
        difference.clone() * difference
    }

    #[inline(always)]
    fn derivative<N: Number>(x: N, t: N) -> N {
        let difference = x - t;
        difference.clone() + difference
    }

    #[inline(always)]
    fn target_derivative<N: Number>(x: N, t: N) -> N {
        -Self::derivative(x, t)
    }
}
