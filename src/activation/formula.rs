//! What an activation consists of.

use crate::arithmetic::{Elementary, Number};

/// A function of one number with at most one parameter. Sources are given at the variants of [`super::Activation`].
pub(crate) trait Formula {
    fn value<N: Elementary>(x: N, parameter: N::Setting) -> N;

    /// The derivative; at a kink one of the two, as the variant says.
    fn derivative<N: Elementary>(x: N, parameter: N::Setting) -> N;
}

/// A formula that uses only vector arithmetic and whose derivative follows from its value. Engines compute it in the
/// type of their numbers; other formulas are computed in f64 and rounded once.
pub(crate) trait Basic {
    /// Always inlined, as is [`Basic::backward`].
    fn value<N: Number>(x: N, parameter: N::Setting) -> N;

    /// The gradient of x from the value y at x and the gradient of y.
    fn backward<N: Number>(y: N, gradient: N, parameter: N::Setting) -> N;
}

impl<F: Basic> Formula for F {
    fn value<N: Elementary>(x: N, parameter: N::Setting) -> N {
        <F as Basic>::value(x, parameter)
    }

    fn derivative<N: Elementary>(x: N, parameter: N::Setting) -> N {
        let one = x.constant(1.0);
        let y = <F as Basic>::value(x, parameter.clone());
        F::backward(y, one, parameter)
    }
}
