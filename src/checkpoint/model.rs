//! Building a network from a checkpoint.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{DType, Device, Shape, Tensor};
use candle_nn::VarBuilder;
use candle_nn::var_builder::SimpleBackend;

use super::{Checkpoint, locate};
use crate::data::python::excerpt;
use crate::device::check_precision;
use crate::engine::Inference;
use crate::error::listed;
use crate::network::Autoencoder;
use crate::{Error, Result};

impl Checkpoint {
    /// Like [`Checkpoint::model`], for inference without gradients.
    ///
    /// # Errors
    /// As [`Checkpoint::model`].
    pub fn inference(&self, origin: &Path, device: &Device) -> Result<Inference> {
        Ok(Inference::new(self.model(origin, device)?))
    }

    /// Builds the network with the weights of the checkpoint.
    ///
    /// # Errors
    /// Lists the tensors that are missing, unexpected, misshapen or of another type, by name, 20 at most.
    /// Also for f64 on Metal, which does not support it.
    pub fn model(&self, origin: &Path, device: &Device) -> Result<Autoencoder> {
        check_precision(device, self.recipe.training.precision)?;
        let weights = self
            .weights
            .iter()
            .map(|(name, tensor)| Ok((name.clone(), tensor.to_device(device)?)))
            .collect::<Result<_>>()?;
        let given = Given {
            weights: Arc::new(weights),
            asked: Arc::default(),
        };
        let dtype = self.recipe.training.precision.dtype();
        let builder = VarBuilder::from_backend(Box::new(given.clone()), dtype, device.clone());
        let model = Autoencoder::new(&self.recipe.network, builder)
            .map_err(|error| error.inside(origin))?;
        let differences = given.differences();
        if differences.is_empty() {
            return Ok(model);
        }
        Err(Error::file(
            origin,
            "the tensors of the network in its recipe",
            listed(differences, 20, "; "),
        ))
    }
}

impl Autoencoder {
    /// The network of a checkpoint file or a run folder (its best checkpoint).
    ///
    /// # Errors
    /// As [`Checkpoint::read`] and [`Checkpoint::model`].
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let file = locate(path.as_ref())?;
        Checkpoint::read(&file)?.model(&file, device)
    }
}

impl Inference {
    /// Like [`Autoencoder::load`], for inference without gradients.
    ///
    /// # Errors
    /// As [`Autoencoder::load`].
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        Ok(Self::new(Autoencoder::load(path, device)?))
    }
}

/// Provides the tensors of a file and records the requests. A tensor that does not fit is replaced by an
/// empty one, so that building continues and finds every difference; the network is discarded then.
#[derive(Clone)]
struct Given {
    weights: Arc<BTreeMap<String, Tensor>>,
    asked: Arc<Mutex<BTreeMap<String, (Shape, DType)>>>,
}

impl Given {
    fn fitting(&self, name: &str, shape: &Shape, dtype: DType) -> Option<Tensor> {
        self.weights
            .get(name)
            .filter(|tensor| tensor.shape() == shape && tensor.dtype() == dtype)
            .cloned()
    }

    fn differences(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let wrong = asked.iter().filter_map(|(name, (shape, dtype))| {
            if self.fitting(name, shape, *dtype).is_some() {
                return None;
            }
            Some(match self.weights.get(name) {
                Some(found) => format!(
                    "`{name}` is {:?} {:?}, expected {:?} {dtype:?}",
                    found.dims(),
                    found.dtype(),
                    shape.dims(),
                ),
                None => format!("`{name}` {:?} is missing", shape.dims()),
            })
        });
        let extra = self
            .weights
            .keys()
            .filter(|name| !asked.contains_key(*name))
            .map(|name| format!("`{}` belongs to no layer", excerpt(name.as_bytes())));
        wrong.chain(extra).collect()
    }
}

impl SimpleBackend for Given {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        _: candle_nn::Init,
        dtype: DType,
        _: &Device,
    ) -> candle_core::Result<Tensor> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_string(), (shape.clone(), dtype));
        match self.fitting(name, &shape, dtype) {
            Some(tensor) => Ok(tensor),
            None => Tensor::zeros(0, dtype, &Device::Cpu),
        }
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> candle_core::Result<Tensor> {
        match self.weights.get(name) {
            Some(tensor) => Ok(tensor.clone()),
            None => candle_core::bail!("parameter {name} does not exist"),
        }
    }

    fn contains_tensor(&self, name: &str) -> bool {
        self.weights.contains_key(name)
    }
}
