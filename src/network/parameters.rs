//! The trained parameters of a network, by name.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{DType, Device, Shape, Tensor, Var};
use candle_nn::VarBuilder;
use candle_nn::var_builder::SimpleBackend;

use super::init;
use crate::Result;

/// Supplies a network's parameters while it is built, and keeps them sorted by name.
///
/// ```
/// use autoencode::network::{Autoencoder, Parameters};
/// use autoencode::recipe::Recipe;
/// use candle_core::{DType, Device};
///
/// let mut recipe = Recipe::load("dense-32", &[])?;
/// recipe.network.resolve_input([1, 28, 28])?;
/// let parameters = Parameters::drawn(recipe.seed);
/// let model = Autoencoder::new(&recipe.network, parameters.builder(DType::F32, &Device::Cpu))?;
/// assert_eq!(model.code_shape(), [32]);
/// assert_eq!(parameters.vars().len(), 4);
/// # Ok::<(), autoencode::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Parameters {
    seed: u64,
    vars: Arc<Mutex<BTreeMap<String, Var>>>,
}

impl Parameters {
    /// Initial values drawn from streams keyed by seed and name: the same on every device.
    pub fn drawn(seed: u64) -> Self {
        Self {
            seed,
            vars: Arc::default(),
        }
    }

    /// Builds a network of trainable variables.
    pub fn builder(&self, dtype: DType, device: &Device) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(self.clone()), dtype, device.clone())
    }

    /// Builds a network that shares the current values of the variables without tracking gradients. The
    /// variables must exist already.
    pub fn frozen_builder(&self, dtype: DType, device: &Device) -> VarBuilder<'static> {
        let tensors = self
            .vars()
            .into_iter()
            .map(|(name, var)| (name, var.as_detached_tensor()))
            .collect();
        VarBuilder::from_tensors(tensors, dtype, device)
    }

    /// Every variable built so far, sorted by name: the network's own, for an optimiser. Their tensors change with every
    /// step, also where they were kept; [`Parameters::values`] are copies.
    pub fn vars(&self) -> Vec<(String, Var)> {
        self.lock().clone().into_iter().collect()
    }

    /// Copies of all current values, which [`Parameters::set`] takes back.
    ///
    /// # Errors
    /// If there is no memory for them.
    pub fn values(&self) -> Result<BTreeMap<String, Tensor>> {
        let vars = self.vars().into_iter();
        vars.map(|(name, var)| Ok((name, var.as_detached_tensor().copy()?)))
            .collect()
    }

    /// Copies values into the variables. The caller has checked names and shapes
    /// (see [`crate::checkpoint`]); variables without a value keep theirs.
    ///
    /// # Errors
    /// If a value has another shape than its variable.
    pub fn set(&self, values: &BTreeMap<String, Tensor>) -> Result<()> {
        for (name, var) in self.lock().iter() {
            if let Some(value) = values.get(name) {
                var.set(&value.to_device(var.device())?)?;
            }
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Var>> {
        // The map is never left half changed, so a poisoned lock is safe to use.
        self.vars.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SimpleBackend for Parameters {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        hint: candle_nn::Init,
        dtype: DType,
        device: &Device,
    ) -> candle_core::Result<Tensor> {
        let mut vars = self.lock();
        if let Some(var) = vars.get(name) {
            if var.shape() != &shape {
                candle_core::bail!(
                    "parameter {name}: asked as {shape:?}, it is {:?}",
                    var.shape()
                );
            }
            return Ok(var.as_tensor().clone());
        }
        let var = Var::from_tensor(&init::draw(self.seed, name, shape, hint, dtype, device)?)?;
        let tensor = var.as_tensor().clone();
        vars.insert(name.to_string(), var);
        Ok(tensor)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        match self.lock().get(name) {
            Some(var) => Ok(var.as_tensor().clone()),
            None => candle_core::bail!("parameter {name} does not exist"),
        }
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.lock().contains_key(name)
    }
}
