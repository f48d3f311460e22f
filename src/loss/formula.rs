//! What a loss consists of, and the formulas of all.

use crate::arithmetic::Number;

/// The term that one output x and its target t add to a loss. All functions must be inlined into loops.
pub(crate) trait Loss {
    fn term<N: Number>(x: N, t: N) -> N;

    /// The derivative with respect to x; 0 at a kink.
    fn derivative<N: Number>(x: N, t: N) -> N;

    /// The derivative with respect to t, for a function of x - t.
    #[inline(always)]
    fn target_derivative<N: Number>(x: N, t: N) -> N {
        -Self::derivative(x, t)
    }
}

/// Binary cross-entropy on logits, max(x, 0) - x t + ln(1 + e^-|x|): the rearrangement of
/// -t ln s(x) - (1 - t) ln(1 - s(x)), finite for all x, that PyTorch's `BCEWithLogitsLoss` and TensorFlow's
/// `sigmoid_cross_entropy_with_logits` document.
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

/// The squared error, (x - t)^2.
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
}

/// The absolute error, |x - t|.
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
}
