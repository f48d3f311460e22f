//! The absolute error.

use super::Loss;
use crate::arithmetic::Number;

/// |x - t|.
pub(crate) struct Mae;

impl Loss for Mae {
    #[inline(always)]
    fn term<N: Number>(x: N, t: N) -> N {
        (x - t).abs()
    }

    #[inline(always)]
    fn derivative<N: Number>(x: N, t: N) -> N {
        (x - t).sign()
    }

    #[inline(always)]
    fn target_derivative<N: Number>(x: N, t: N) -> N {
        -Self::derivative(x, t)
    }
}
