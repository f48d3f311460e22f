//! Formulas as text: CUDA C++ source instead of numbers.

use std::cell::RefCell;
use std::ops::{Add, Div, Mul, Neg, Sub};
use std::rc::Rc;

use super::{Elementary, Number, Side};

/// The lines of a function, one per operation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listing(Rc<RefCell<Vec<String>>>);

impl Listing {
    /// An argument of the function.
    pub fn argument(&self, name: &str) -> Text {
        Text {
            listing: self.clone(),
            name: name.to_string(),
        }
    }

    /// The lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.0.borrow().clone()
    }

    /// Adds a line that names the result of an expression.
    fn line(&self, expression: String) -> Text {
        let mut lines = self.0.borrow_mut();
        let name = format!("v{}", lines.len());
        lines.push(format!("const float {name} = {expression};"));
        self.argument(&name)
    }
}

/// A number, by its name in a function.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    listing: Listing,
    pub name: String,
}

impl Text {
    /// The same number as a parameter of a formula.
    pub fn symbol(&self) -> Symbol {
        Symbol(self.name.clone())
    }

    fn line(&self, expression: String) -> Self {
        self.listing.line(expression)
    }
}

/// The name of a parameter, or a constant.
#[derive(Debug, Clone)]
pub(crate) struct Symbol(String);

impl From<f64> for Symbol {
    fn from(value: f64) -> Self {
        let value = value as f32;
        Self(match value.is_sign_negative() {
            true => format!("({value:?}f)"),
            false => format!("{value:?}f"),
        })
    }
}

operator!([] Add<Self> for Text, add, |a, b| a.line(format!("{} + {}", a.name, b.name)));
operator!([] Sub<Self> for Text, sub, |a, b| a.line(format!("{} - {}", a.name, b.name)));
operator!([] Mul<Self> for Text, mul, |a, b| a.line(format!("{} * {}", a.name, b.name)));
operator!([] Div<Self> for Text, div, |a, b| a.line(format!("{} / {}", a.name, b.name)));
operator!([] Add<Symbol> for Text, add, |a, b| a.clone() + a.constant(b));
operator!([] Mul<Symbol> for Text, mul, |a, b| a.clone() * a.constant(b));
operator!([] Add<f64> for Text, add, |a, b| a.clone() + a.constant(b));
operator!([] Mul<f64> for Text, mul, |a, b| a.clone() * a.constant(b));
operator!([] Neg for Text, neg, |a| a.line(format!("-{}", a.name)));

macro_rules! functions {
    ($($method:ident: $text:literal;)*) => {$(
        fn $method(self) -> Self {
            self.line(format!($text, self.name))
        }
    )*};
}

impl Number for Text {
    type Setting = Symbol;

    fn constant(&self, value: impl Into<Symbol>) -> Self {
        self.listing.argument(&value.into().0)
    }

    fn choose(&self, side: Side, bound: Symbol, then: Self, otherwise: Self) -> Self {
        let (x, then, otherwise) = (&self.name, then.name, otherwise.name);
        let relation = match side {
            Side::AtMost => "<=",
            Side::AtLeast => ">=",
        };
        self.line(format!("{x} {relation} {} ? {then} : {otherwise}", bound.0))
    }

    fn sign(self) -> Self {
        let x = &self.name;
        self.line(format!("static_cast<float>(({x} > 0.0f) - ({x} < 0.0f))"))
    }

    functions! {
        abs: "fabsf({})";
        sqrt: "sqrtf({})";
        positive: "fmaxf({}, 0.0f)";
        logistic: "1.0f / (1.0f + expf(-{}))";
        ln_1p_exp_minus_abs: "log1pf(expf(-fabsf({})))";
    }
}

impl Elementary for Text {
    functions! {
        exp: "expf({})";
        exp_m1: "expm1f({})";
        ln_1p: "log1pf({})";
        tanh: "tanhf({})";
        sin: "sinf({})";
        cos: "cosf({})";
        atan: "atanf({})";
        asinh: "asinhf({})";
        hypot_one: "hypotf({}, 1.0f)";
        // For x far below 0 this form keeps full precision near 0.
        normal_distribution: "0.5f * erfcf(-0.70710678f * {})";
    }
}
