//! Activations: their closed set.

mod custom;
mod formula;
mod functions;
mod pointwise;
mod text;

pub use custom::Custom;
pub(crate) use formula::{Basic, Formula, WithFormula};
pub(crate) use pointwise::{Form, Pointwise};

use crate::arithmetic::Elementary;
use crate::registry::registered;
use crate::{Error, Result};

/// Declares [`Activation`], [`ActivationKind`] and the types of all functions, with the defaults of parameters, the
/// names in recipes, the usual notations and the ranges.
macro_rules! activations {
    ($(
        $(#[$doc:meta])*
        $kind:ident $({ $parameter:ident: $default:literal })? = $name:literal:
            $notation:expr, $range:expr;
    )+) => {
        /// A function between layers. All but softmax are elementwise.
        ///
        /// Recipes write its name, or a table with its name and parameters. Omitted parameters have the defaults given
        /// here:
        ///
        /// ```
        /// use autoencode::activation::Activation;
        /// use autoencode::recipe::DenseConfig;
        ///
        /// let text = r#"
        ///     encoder = [64, 8]
        ///     activation = { kind = "leaky-relu", slope = 0.2 }
        ///     output_activation = { kind = "scaled", of = "sigmoid", a = 3, b = 0.1 }
        /// "#;
        /// let config: DenseConfig = toml::from_str(text).unwrap();
        /// assert_eq!(config.activation, Activation::LeakyRelu { slope: 0.2 });
        /// assert_eq!(config.output_activation.to_string(), "scaled sigmoid (a 3, b 0.1)");
        /// ```
        ///
        /// All are finite, in value and derivative, for every finite x.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Activation {
            $($(#[$doc])* $kind $({
                /// Its parameter.
                $parameter: f64,
            })?,)+
            /// e^x / sum of e^x, over the units of a dense layer or the channels at each pixel of an image.
            Softmax,
            /// `a` f(`b` x), where f is the activation `of`; `a` and `b` 1. Always a table.
            Scaled {
                /// The function f.
                of: Box<Activation>,
                /// The factor of the result.
                a: f64,
                /// The factor of the argument.
                b: f64,
            },
            /// A custom function, which recipes can name once it is registered.
            Custom(Custom),
        }

        $(
            pub(crate) struct $kind;
        )+

        /// The formulas, numbered for kernels.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(i32)]
        pub(crate) enum ActivationKind {
            $($kind,)+
        }

        impl ActivationKind {
            #[cfg(test)]
            pub const ALL: &[Self] = &[$(Self::$kind,)+];

            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }

            /// Calls work that is generic over formulas with this one.
            pub fn run<W: WithFormula>(self, work: W) -> W::Output {
                match self {
                    $(Self::$kind => work.with_formula::<$kind>(),)+
                }
            }

            pub fn value<N: Elementary>(self, x: N, parameter: N::Setting) -> N {
                match self {
                    $(Self::$kind => <$kind as Formula>::value(x, parameter),)+
                }
            }

            pub fn derivative<N: Elementary>(self, x: N, parameter: N::Setting) -> N {
                match self {
                    $(Self::$kind => <$kind as Formula>::derivative(x, parameter),)+
                }
            }
        }

        impl Activation {
            /// Every activation with a plain name, with default parameters.
            pub fn all() -> [Self; [$(ActivationKind::$kind,)+].len() + 1] {
                [$(Self::$kind $({ $parameter: $default })?,)+ Self::Softmax]
            }

            /// The formula and its parameter, if it has one.
            fn formula(&self) -> Option<(ActivationKind, f64)> {
                match self {
                    $(Self::$kind $({ $parameter })? => {
                        Some((ActivationKind::$kind, [$(*$parameter,)? 0.0][0]))
                    })+
                    _ => None,
                }
            }

            fn parameters_mut(&mut self) -> Vec<(&'static str, &mut f64)> {
                match self {
                    $(Self::$kind $({ $parameter })? => {
                        vec![$((stringify!($parameter), $parameter))?]
                    })+
                    Self::Scaled { a, b, .. } => vec![("a", a), ("b", b)],
                    Self::Softmax | Self::Custom(_) => Vec::new(),
                }
            }

            /// Its usual notation, and its range.
            pub(crate) fn printed(&self) -> (String, String) {
                match self {
                    $(Self::$kind $({ $parameter })? => {
                        $(let $parameter = *$parameter;)?
                        ($notation.to_string(), $range.to_string())
                    })+
                    Self::Softmax => ("e^x/Σ e^x".to_string(), "(0, 1)".to_string()),
                    Self::Scaled { of, a, b } => {
                        let (formula, range) = of.printed();
                        let notation = format!("{a} f({b} x), f(x) = {formula}");
                        (notation, format!("{a} {range}"))
                    }
                    Self::Custom(custom) => (custom.name().to_string(), String::new()),
                }
            }
        }
    };
}

activations! {
    /// The identity.
    Linear = "linear": "x", "(-∞, ∞)";
    /// max(0, x), with derivative 0 at 0 (as in PyTorch; candle's own takes 1).
    Relu = "relu": "max(0, x)", "[0, ∞)";
    /// x for x > 0, `slope` x below, with derivative `slope` at 0 (as in PyTorch); `slope` 0.01.
    LeakyRelu { slope: 0.01 } = "leaky-relu":
        format!("x, {slope} x below 0"), "(-∞, ∞)";
    /// 1 / (1 + e^-x).
    Sigmoid = "sigmoid": "1/(1 + e^-x)", "(0, 1)";
    /// The hyperbolic tangent.
    Tanh = "tanh": "tanh x", "(-1, 1)";
    /// Exponential linear unit: x for x > 0, else `alpha` (e^x - 1), with derivative `alpha` at 0 (as in
    /// PyTorch); `alpha` 1. Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by
    /// exponential linear units", ICLR 2016.
    Elu { alpha: 1.0 } = "elu":
        format!("x, {}(e^x - 1) below 0", factor(alpha)), format!("(-{alpha}, ∞)");
    /// x / (1 + e^(-`beta` x)); `beta` 1. Ramachandran, Zoph and Le, "Searching for activation functions",
    /// 2017.
    Swish { beta: 1.0 } = "swish":
        format!("x/(1 + e^(-{}x))", factor(beta)), format!("[{:.3}, ∞)", SWISH_LOWEST / beta);
    /// ln(1 + e^x). Dugas and others, "Incorporating second-order functional knowledge for better option
    /// pricing", NIPS 2000.
    Softplus = "softplus": "ln(1 + e^x)", "(0, ∞)";
    /// x Phi(x), with the normal distribution function. Hendrycks and Gimpel, "Gaussian error linear units",
    /// 2016.
    Gelu = "gelu": "x Φ(x), Φ the normal distribution", "[-0.170, ∞)";
    /// Their approximation of it, x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), which is often printed as the GELU.
    GeluTanh = "gelu-tanh":
        "x/2 (1 + tanh(√(2/π)(x + 0.0447x³)))", "[-0.171, ∞)";
    /// The sine.
    Sin = "sin": "sin x", "[-1, 1]";
    /// min(x, `cap`), with derivative 0 at the cap (as `clamp` in PyTorch 2.15); `cap` 6.
    CappedLinear { cap: 6.0 } = "capped-linear":
        format!("min(x, {cap})"), format!("(-∞, {cap}]");
    /// min(max(0, x), `cap`), with derivative 0 at 0 and at the cap (as PyTorch's `hardtanh` and `relu6`);
    /// `cap` 6.
    CappedRelu { cap: 6.0 } = "capped-relu":
        format!("min(max(0, x), {cap})"), format!("[0, {cap}]");
    /// 0 below 0, x to 1, 1 above.
    SaturatedLinear = "saturated-linear": "min(max(0, x), 1)", "[0, 1]";
    /// Inverse square root unit, x / sqrt(1 + `alpha` x^2); `alpha` 1. Carlile and others, "Improving deep
    /// learning by inverse square root linear units", 2017.
    Isru { alpha: 1.0 } = "isru":
        format!("x/√(1 + {}x²)", factor(alpha)), isru_range(alpha);
    /// 2/pi atan(x).
    Arctan = "arctan": "2/π atan x", "(-1, 1)";
    /// x / (1 + |x|). Elliott, "A better activation function for artificial neural networks", 1993; PyTorch's
    /// `softsign`.
    Elliot = "elliot": "x/(1 + |x|)", "(-1, 1)";
    /// asinh(x) = ln(x + sqrt(x^2 + 1)).
    Arcsinh = "arcsinh": "ln(x + √(x² + 1))", "(-∞, ∞)";
    /// sign(x) ln(1 + |x|).
    Logarithmic = "logarithmic": "sign(x) ln(1 + |x|)", "(-∞, ∞)";
}

/// A factor, written before a term; 1 is omitted.
fn factor(value: f64) -> String {
    match value {
        1.0 => String::new(),
        _ => format!("{value} "),
    }
}

/// The minimum of the swish for beta = 1.
const SWISH_LOWEST: f64 = -0.278_465;

fn isru_range(alpha: f64) -> String {
    match alpha {
        1.0 => "(-1, 1)".to_string(),
        _ => format!("(-{0:.3}, {0:.3})", 1.0 / alpha.sqrt()),
    }
}

/// Evaluates an expression with a type for the [`Basic`] formula of a kind, and another expression for other kinds.
macro_rules! with_basic {
    ($kind:expr, $F:ident => $work:expr, $otherwise:expr) => {
        crate::activation::with_basic!(
            $kind, $F => $work, $otherwise, [
                Linear, Relu, LeakyRelu, Sigmoid, CappedLinear, CappedRelu, SaturatedLinear
            ]
        )
    };
    ($kind:expr, $F:ident => $work:expr, $otherwise:expr, [$($basic:ident),+]) => {
        match $kind {
            $(crate::activation::ActivationKind::$basic => {
                type $F = crate::activation::$basic;
                $work
            })+
            _ => $otherwise,
        }
    };
}

pub(crate) use with_basic;

/// Parameters outside these bounds are typing mistakes.
const MOST: f64 = 1e6;
const LEAST: f64 = 1e-6;

/// The name of the activation that is always a table.
const SCALED: &str = "scaled";

impl Activation {
    /// Its name in recipes, without its parameters.
    pub fn name(&self) -> &str {
        match self {
            Self::Softmax => "softmax",
            Self::Scaled { .. } => SCALED,
            Self::Custom(custom) => custom.name(),
            _ => self.formula().map_or("", |(kind, _)| kind.name()),
        }
    }

    /// Its parameters by name.
    pub fn parameters(&self) -> Vec<(&'static str, f64)> {
        let mut copy = self.clone();
        let parameters = copy.parameters_mut().into_iter();
        parameters.map(|(name, value)| (name, *value)).collect()
    }

    /// Its form in a recipe: `"relu"`, `{ kind = "leaky-relu", slope = 0.2 }`.
    pub fn to_toml(&self) -> String {
        toml::Value::try_from(self).map_or_else(|_| self.to_string(), |value| value.to_string())
    }

    /// Tells whether the name alone describes the activation: each parameter then has its default.
    fn is_plain(&self) -> bool {
        Self::named(self.name()).as_ref() == Some(self)
    }

    /// The activation of that name with default parameters, or the registered one.
    fn named(name: &str) -> Option<Self> {
        let mut built_in = Self::all().into_iter();
        let built_in = built_in.find(|one| one.name() == name);
        built_in.or_else(|| registered(name).map(Self::Custom))
    }

    fn is_built_in(name: &str) -> bool {
        name == SCALED || Self::all().iter().any(|one| one.name() == name)
    }

    /// Checks that it accepts samples of shape `input`.
    pub(crate) fn check(&self, layer: &str, input: &[usize]) -> Result<()> {
        if !self.couples() || input.first().is_some_and(|&units| units > 1) {
            return Ok(());
        }
        Err(Error::layer(
            layer,
            "at least two units or channels, as the softmax of one is always 1",
            format!("an input of shape {input:?}"),
        ))
    }

    /// Checks the parameters; `key` names the activation in errors.
    pub(crate) fn validate(&self, key: &str) -> Result<()> {
        if let Self::Scaled { of, .. } = self {
            if matches!(**of, Self::Scaled { .. }) {
                let expected = "an activation that is not scaled itself";
                return Err(Error::recipe(format!("{key}.of"), expected, SCALED));
            }
            of.validate(&format!("{key}.of"))?;
        }
        let signed = matches!(self, Self::Scaled { .. });
        for (name, value) in self.parameters() {
            let size = if signed { value.abs() } else { value };
            if !(LEAST..=MOST).contains(&size) {
                let sign = if signed { ", or its negative" } else { "" };
                let expected = format!("{LEAST:e} to {MOST:e}{sign}");
                return Err(Error::recipe(format!("{key}.{name}"), expected, value));
            }
        }
        Ok(())
    }
}
