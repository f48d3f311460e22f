//! What an activation consists of.

use crate::arithmetic::{Elementary, Number};

/// A function of one number with at most one parameter. Sources are given at the variants of [`super::Activation`].
///
/// All methods are always inlined, as the CPU engine evaluates them on vectors.
pub(crate) trait Formula {
    /// True if [`Formula::slope`] takes the value y instead of x. An engine then need not keep x.
    const SLOPE_OF_VALUE: bool = false;

    /// True if a larger x never gives a smaller value, for parameters above 0.
    const IS_INCREASING: bool = true;

    fn value<N: Elementary>(x: N, parameter: N::Setting) -> N;

    /// The derivative at x, or where the value is y; at a kink one of the two, as the variant says.
    fn slope<N: Elementary>(x_or_y: N, parameter: N::Setting) -> N;

    /// The derivative at x.
    #[inline(always)]
    fn derivative<N: Elementary>(x: N, parameter: N::Setting) -> N {
        match Self::SLOPE_OF_VALUE {
            true => Self::slope(Self::value(x, parameter.clone()), parameter),
            false => Self::slope(x, parameter),
        }
    }

    /// The gradient of x from that of the value.
    #[inline(always)]
    fn backward<N: Elementary>(x_or_y: N, gradient: N, parameter: N::Setting) -> N {
        gradient * Self::slope(x_or_y, parameter)
    }
}

/// An increasing function that uses only basic arithmetic, and whose derivative follows from its value. Automatic
/// differentiation computes it in the type of its numbers; other formulas in f64, rounded once.
pub(crate) trait Basic {
    /// Always inlined, as is [`Basic::backward`].
    fn value<N: Number>(x: N, parameter: N::Setting) -> N;

    /// The gradient of x from the value y at x and the gradient of y.
    fn backward<N: Number>(y: N, gradient: N, parameter: N::Setting) -> N;
}

impl<F: Basic> Formula for F {
    const SLOPE_OF_VALUE: bool = true;

    #[inline(always)]
    fn value<N: Elementary>(x: N, parameter: N::Setting) -> N {
        <F as Basic>::value(x, parameter)
    }

    #[inline(always)]
    fn slope<N: Elementary>(y: N, parameter: N::Setting) -> N {
        <F as Basic>::backward(y.clone(), y.constant(1.0), parameter)
    }

    #[inline(always)]
    fn backward<N: Elementary>(y: N, gradient: N, parameter: N::Setting) -> N {
        <F as Basic>::backward(y, gradient, parameter)
    }
}

/// Work on any formula; see [`super::ActivationKind::run`].
pub(crate) trait WithFormula {
    type Output;

    fn with_formula<F: Formula>(self) -> Self::Output;
}
