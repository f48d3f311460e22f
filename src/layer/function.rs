//! A function of the library's user as a layer.

use std::fmt;
use std::sync::Arc;

use candle_core::Tensor;

use super::kind::{Kind, Written};
use super::{FORMS, Layer};
use crate::registry::{register, registered};
use crate::{Error, Result};

/// A named function from a tensor to one of the same shape, composed of candle operations, so that candle can
/// differentiate it. It must treat the samples of a batch (the first axis) independently. An elementwise function is
/// faster as an [`Activation::Custom`](crate::activation::Activation::Custom), which the CPU engine trains.
///
/// Recipes and checkpoints can name it once it is [registered](Self::register), so that a
/// [`Trainer`](crate::train::Trainer) trains it. This example uses it without a recipe, in a network built from lists of
/// layers, and copies the trained weights into a second one:
///
/// ```
/// use autoencode::layer::{Dense, Function, Initialization, LayerSpec};
/// use autoencode::network::{Autoencoder, Code, Parameters, Stack};
/// use autoencode::optim::Optimizer;
/// use autoencode::activation::Activation;
/// use autoencode::recipe::Recipe;
/// use candle_core::{DType, Device, Tensor};
///
/// // Snake, x + sin(x)^2 (Ziyin, Hartwig and Ueda, "Neural networks fail to learn periodic
/// // functions and how to fix it", NeurIPS 2020).
/// let snake = Function::new("snake", |x| x + x.sin()?.sqr()?);
/// let build = |parameters: &Parameters| {
///     let vb = parameters.builder(DType::F32, &Device::Cpu);
///     let dense = |units| LayerSpec::from(Dense::new(units));
///     let encoder = vec![dense(3), snake.clone().into()];
///     let decoder = vec![dense(8), Activation::Sigmoid.into()];
///     let init = Initialization::default();
///     let encoder = Stack::new("encoder", &encoder, &[8], init, vb.clone())?;
///     let decoder = Stack::new("decoder", &decoder, &[3], init, vb)?;
///     Autoencoder::from_stacks(encoder, Code::Plain, decoder)
/// };
/// let parameters = Parameters::drawn(1);
/// let model = build(&parameters)?;
///
/// let samples = Tensor::rand(0f32, 1.0, (16, 8), &Device::Cpu)?;
/// let loss = || -> autoencode::Result<Tensor> {
///     Ok((model.reconstruct(&samples)? - &samples)?.sqr()?.mean_all()?)
/// };
/// let settings = Recipe::load("dense-32", &[])?.optimizer;
/// let mut optimizer = Optimizer::new(&settings, parameters.vars())?;
/// let before = loss()?;
/// for _ in 0..5 {
///     optimizer.update(&loss()?.backward()?, 0.01)?;
/// }
/// assert!(loss()?.to_scalar::<f32>()? < before.to_scalar::<f32>()?);
///
/// // The same network of the weights as they are now.
/// let kept = Parameters::drawn(2);
/// let again = build(&kept)?;
/// kept.set(&parameters.values()?)?;
/// let difference = (again.reconstruct(&samples)? - model.reconstruct(&samples)?)?;
/// assert_eq!(difference.abs()?.sum_all()?.to_scalar::<f32>()?, 0.0);
/// # Ok::<(), autoencode::Error>(())
/// ```
#[derive(Clone)]
pub struct Function {
    name: Arc<str>,
    apply: Arc<Apply>,
}

type Apply = dyn Fn(&Tensor) -> candle_core::Result<Tensor> + Send + Sync;

impl Function {
    /// A function with the name that summaries and errors show.
    pub fn new(
        name: &str,
        apply: impl Fn(&Tensor) -> candle_core::Result<Tensor> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            apply: Arc::new(apply),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Lets recipes, checkpoints and run folders that this process reads or writes name it. A process that reads them
    /// later must register it too.
    ///
    /// # Errors
    /// If the name is not a word, or something else has it.
    pub fn register(self) -> Result<Self> {
        let mut named = FORMS.iter().filter_map(|(_, parse)| parse(self.name()));
        let is_taken = named.any(|named| named != Ok(self.clone().into()));
        register(self.name(), &self, is_taken)?;
        Ok(self)
    }

    /// Applies the function to a batch.
    ///
    /// # Errors
    /// The function's own, or if its result has another shape.
    pub fn apply(&self, x: &Tensor) -> Result<Tensor> {
        let result = (self.apply)(x)?;
        if result.dims() == x.dims() {
            return Ok(result);
        }
        Err(Error::layer(
            self.name(),
            format!("a result of the argument's shape, {:?}", x.dims()),
            format!("one of shape {:?}", result.dims()),
        ))
    }
}

impl Kind for Function {
    fn output(&self, _: &str, input: &[usize]) -> Result<Vec<usize>> {
        Ok(input.to_vec())
    }

    fn forward(&self, x: &Tensor, _: &Layer) -> Result<Tensor> {
        self.apply(x)
    }

    fn is_pointwise(&self) -> bool {
        true
    }
}

impl Written for Function {
    const FORM: &'static str = "";

    fn parse(text: &str) -> Option<Result<Self, String>> {
        registered(text.trim()).map(Ok)
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function({})", self.name)
    }
}

/// Copies of one function are equal; two functions of the same name are not.
impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.apply, &other.apply)
    }
}
