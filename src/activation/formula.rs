//! What the file of an activation says of it.

use crate::arithmetic::{Elementary, Number};

/// A function of one number with at most one parameter. Sources are with the variants of [`super::Activation`].
pub(crate) trait Formula {
    /// In recipes.
    const NAME: &'static str;

    /// As people write it, and the interval of its values.
    fn printed(parameter: f64) -> (String, String);

    fn value<N: Elementary>(x: N, parameter: N::Setting) -> N;

    /// At a kink one of the two, as the variant says.
    fn derivative<N: Elementary>(x: N, parameter: N::Setting) -> N;
}

/// A formula of arithmetic that vectors have, and whose derivative can be told from its value: engines compute it in
/// the type of their numbers, where others are computed in f64 and rounded once.
pub(crate) trait Basic {
    /// Always to be inlined, as [`Basic::backward`].
    fn value<N: Number>(x: N, parameter: N::Setting) -> N;

    /// The gradient of x from the value y at x and the gradient of that.
    fn backward<N: Number>(y: N, gradient: N, parameter: N::Setting) -> N;
}

/// [`Formula`]'s functions of a [`Basic`] one.
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

/// A factor as it is written before something; 1 is left out.
pub(super) fn factor(value: f64) -> String {
    match value {
        1.0 => String::new(),
        _ => format!("{value} "),
    }
}
