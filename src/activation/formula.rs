//! The interface of an activation's file.

use crate::arithmetic::{Elementary, Number};

/// A function of one number with at most one parameter. Sources are given at the variants of [`super::Activation`].
pub(crate) trait Formula {
    /// Its name in recipes.
    const NAME: &'static str;

    /// Its usual notation, and its range.
    fn printed(parameter: f64) -> (String, String);

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

/// Implements [`Formula`]'s functions for a [`Basic`] one.
macro_rules! basic {
    () => {
        fn value<N: crate::arithmetic::Elementary>(x: N, parameter: N::Setting) -> N {
            <Self as crate::activation::formula::Basic>::value(x, parameter)
        }

        fn derivative<N: crate::arithmetic::Elementary>(x: N, parameter: N::Setting) -> N {
            let one = x.constant(1.0);
            let y = <Self as crate::activation::formula::Basic>::value(x, parameter.clone());
            <Self as crate::activation::formula::Basic>::backward(y, one, parameter)
        }
    };
}

pub(super) use basic;

/// A factor, written before a term; 1 is omitted.
pub(super) fn factor(value: f64) -> String {
    match value {
        1.0 => String::new(),
        _ => format!("{value} "),
    }
}
