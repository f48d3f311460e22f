//! A loss of the library's user.

use std::fmt;

use super::Reconstruction;
use crate::Result;
use crate::registry::register;

/// A named loss: the term for an output x and its target t, and its derivative with respect to x, both over plain
/// numbers. Engines and the trainer accept it in a [`crate::recipe::Objective`], with the outputs of the network's last
/// activation. On devices other than the CPU the values of a batch go to the host and back. Recipes and checkpoints can
/// name it once it is [registered](Self::register).
///
/// A loss stays in memory until the program ends, so that objectives can be copied freely.
///
/// ```
/// use autoencode::loss::{CustomLoss, Reconstruction};
/// use autoencode::recipe::Objective;
///
/// // Huber, "Robust estimation of a location parameter", 1964.
/// let delta = 0.1;
/// let huber = CustomLoss::new(
///     "huber",
///     move |x, t| {
///         let size = (x - t).abs();
///         if size <= delta { 0.5 * size * size } else { delta * (size - 0.5 * delta) }
///     },
///     move |x, t| (x - t).clamp(-delta, delta),
/// );
/// assert_eq!(huber.derivative(1.0, 0.5), 0.1);
/// let objective = Objective::of(Reconstruction::Custom(huber));
/// # let _ = objective;
/// ```
#[derive(Clone, Copy)]
pub struct CustomLoss(&'static Functions);

type Function = Box<dyn Fn(f64, f64) -> f64 + Send + Sync>;

struct Functions {
    name: String,
    term: Function,
    derivative: Function,
}

impl CustomLoss {
    /// A loss with the name that metrics and tables show.
    pub fn new(
        name: &str,
        term: impl Fn(f64, f64) -> f64 + Send + Sync + 'static,
        derivative: impl Fn(f64, f64) -> f64 + Send + Sync + 'static,
    ) -> Self {
        Self(Box::leak(Box::new(Functions {
            name: name.to_string(),
            term: Box::new(term),
            derivative: Box::new(derivative),
        })))
    }

    /// Lets recipes, checkpoints and run folders that this process reads or writes name it. A process that reads them
    /// later must register it too.
    ///
    /// # Errors
    /// If the name is not a word, or something else has it.
    pub fn register(self) -> Result<Self> {
        register(self.name(), &self, Reconstruction::is_built_in(self.name()))?;
        Ok(self)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        &self.0.name
    }

    /// The term for the output x and the target t.
    pub fn term(self, x: f64, t: f64) -> f64 {
        (self.0.term)(x, t)
    }

    /// The derivative of the term with respect to x.
    pub fn derivative(self, x: f64, t: f64) -> f64 {
        (self.0.derivative)(x, t)
    }
}

impl fmt::Debug for CustomLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CustomLoss({})", self.name())
    }
}

/// Copies of one loss are equal; two losses of the same name are not.
impl PartialEq for CustomLoss {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.0, other.0)
    }
}

impl Eq for CustomLoss {}
