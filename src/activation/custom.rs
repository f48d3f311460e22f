//! An activation of the library's user.

use std::fmt;
use std::sync::Arc;

use super::Activation;
use crate::Result;
use crate::registry::register;

/// A named function of one number with its derivative, both over plain numbers, for lists of layers built by code, where
/// the CPU engine trains it like any other activation. On other devices the values of a batch go to the host and back,
/// and automatic differentiation trains it. Recipes and checkpoints can name it once it is
/// [registered](Self::register).
///
/// ```
/// use autoencode::activation::{Activation, Custom};
/// use candle_core::{Device, Var};
///
/// // Snake, x + sin(x)^2 (Ziyin, Hartwig and Ueda, "Neural networks fail to learn periodic
/// // functions and how to fix it", NeurIPS 2020).
/// let snake = Custom::new("snake", |x| x + x.sin().powi(2), |x| 1.0 + (2.0 * x).sin());
/// let x = Var::new(&[-1f64, 0.0, 2.0], &Device::Cpu)?;
/// let y = Activation::Custom(snake).apply(&x)?;
/// let gradients = y.sum_all()?.backward()?;
/// let slopes: Vec<f64> = gradients.get(&x).unwrap().to_vec1()?;
/// assert_eq!(slopes[2], 1.0 + 4f64.sin());
/// # Ok::<(), autoencode::Error>(())
/// ```
#[derive(Clone)]
pub struct Custom(Arc<Functions>);

type Function = Box<dyn Fn(f64) -> f64 + Send + Sync>;

struct Functions {
    name: String,
    value: Function,
    derivative: Function,
}

impl Custom {
    /// A function and its derivative, with the name that summaries and errors show.
    pub fn new(
        name: &str,
        value: impl Fn(f64) -> f64 + Send + Sync + 'static,
        derivative: impl Fn(f64) -> f64 + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Functions {
            name: name.to_string(),
            value: Box::new(value),
            derivative: Box::new(derivative),
        }))
    }

    /// Lets recipes, checkpoints and run folders that this process reads or writes name it. A process that reads them
    /// later must register it too.
    ///
    /// # Errors
    /// If the name is not a word, or something else has it.
    pub fn register(self) -> Result<Self> {
        register(self.name(), &self, Activation::is_built_in(self.name()))?;
        Ok(self)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The value at x.
    pub fn value(&self, x: f64) -> f64 {
        (self.0.value)(x)
    }

    /// The derivative at x.
    pub fn derivative(&self, x: f64) -> f64 {
        (self.0.derivative)(x)
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Custom({})", self.name())
    }
}

/// Copies of one function are equal; two functions of the same name are not.
impl PartialEq for Custom {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
