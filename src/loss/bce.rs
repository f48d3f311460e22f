//! Binary cross-entropy on logits.

use super::Loss;
use crate::arithmetic::Number;

/// max(x, 0) - x t + ln(1 + e^-|x|): the rearrangement of -t ln s(x) - (1 - t) ln(1 - s(x)), finite for all x, that
/// PyTorch's `BCEWithLogitsLoss` and TensorFlow's `sigmoid_cross_entropy_with_logits` document.
pub(crate) struct Bce;

impl Loss for Bce {
    #[inline(always)]
    fn term<N: Number>(x: N, t: N) -> N {
        x.clone().positive() - x.clone() * t + x.ln_1p_exp_minus_abs()
    }

    #[inline(always)]
    fn derivative<N: Number>(x: N, t: N) -> N {
        x.logistic() - t
    }

    #[inline(always)]
    fn target_derivative<N: Number>(x: N, _: N) -> N {
        -x
    }
}
