//! Consecutive layers on a CUDA device without gradients: lowered once, with weights packed once.

use std::sync::{Mutex, PoisonError};

use candle_core::cuda_backend::CudaDevice;
use candle_core::{DType, Tensor};

use super::engine::aligned;
use super::{Address, CudaNetwork, Task};
use crate::engine::cpu::Factors;
use crate::engine::lowering::Subnetwork;
use crate::recipe::{Precision, Reconstruction};
use crate::{Error, Result};

/// Most samples processed at once: enough to fill a large GPU.
const SAMPLES: usize = 512;
/// Most values after all steps of these samples: a gigabyte.
const MOST_VALUES: usize = 1 << 28;
/// Most samples that a network is tried on, and the tolerance of its results, relative to the size of the reference's.
const TRIED: usize = 128;
const TOLERANCE: f64 = 0.01;

/// A list of layers with their weights, in f32.
#[derive(Debug)]
pub(crate) struct CudaInference {
    network: Mutex<CudaNetwork>,
    /// Their memory, whose addresses the network has.
    _weights: Vec<Vec<Tensor>>,
    at_once: usize,
    /// Shape of a result, without the batch.
    output: Vec<usize>,
}

impl CudaInference {
    /// None if a layer has no kernel.
    ///
    /// # Errors
    /// If the driver refuses the kernels, or there is no memory for them.
    pub fn new(device: &CudaDevice, part: Subnetwork) -> Result<Option<Self>> {
        let weights = part.weights()?;
        let layers = weights.iter();
        let layers = layers.map(|layer| layer.iter().map(Address::of).collect());
        let parameters = layers.collect::<Result<Vec<_>>>()?;
        let Some(network) = CudaNetwork::new(device, part, Precision::F32, parameters)? else {
            return Ok(None);
        };
        network.pack()?;
        Ok(Some(Self {
            at_once: (MOST_VALUES / network.values().max(1)).clamp(1, SAMPLES),
            network: Mutex::new(network),
            _weights: weights,
            output: part.output().to_vec(),
        }))
    }

    /// Maps samples `(N, ...)` of f32, contiguous on the device, to results.
    ///
    /// # Errors
    /// If there is no memory for them, or a kernel fails.
    pub fn run(&self, samples: &Tensor) -> Result<Tensor> {
        let count = samples.dim(0)?;
        if count <= self.at_once {
            return self.run_at_once(samples);
        }
        let firsts = (0..count).step_by(self.at_once);
        let results = firsts.map(|first| {
            let some = self.at_once.min(count - first);
            self.run_at_once(&samples.narrow(0, first, some)?)
        });
        Ok(Tensor::cat(&results.collect::<Result<Vec<_>>>()?, 0)?)
    }

    fn run_at_once(&self, samples: &Tensor) -> Result<Tensor> {
        let samples = aligned(samples)?;
        let mut dims = vec![samples.dim(0)?];
        dims.extend(&self.output);
        let results = Tensor::zeros(dims, DType::F32, samples.device())?;
        if results.elem_count() > 0 {
            let task = Task {
                samples: samples.dim(0)?,
                input: Address::of(&samples)?,
                result: Address::of(&results)?,
                target: Address::NONE,
                noise: Address::NONE,
                factors: Factors {
                    reconstruction: Reconstruction::Mse,
                    scale: 0.0,
                    penalty: None,
                    kl_scale: 0.0,
                },
            };
            let network = self.network.lock();
            let mut network = network.unwrap_or_else(PoisonError::into_inner);
            network.infer(task)?;
        }
        Ok(results)
    }

    /// Compares some results with the reference's, because GPUs and drivers differ.
    ///
    /// # Errors
    /// If they differ by more than rounding explains, or a kernel fails.
    pub fn try_out(
        &self,
        samples: &Tensor,
        reference: impl FnOnce(&Tensor) -> Result<Tensor>,
    ) -> Result<()> {
        let some = samples.narrow(0, 0, samples.dim(0)?.min(TRIED))?;
        let (found, expected) = (self.run(&some)?, reference(&some)?.detach());
        let norm = |tensor: &Tensor| -> Result<f64> {
            let square = tensor.to_dtype(DType::F64)?.sqr()?.sum_all()?;
            Ok(square.to_scalar::<f64>()?.sqrt())
        };
        let (apart, size) = (norm(&(found - &expected)?)?, norm(&expected)?);
        // The comparison is false for NaN, too.
        if apart <= TOLERANCE * size {
            return Ok(());
        }
        let expected = format!("at most {}% from the reference's", 100.0 * TOLERANCE);
        let found = format!("{:.1}%", 100.0 * apart / size);
        Err(Error::argument("results of a trial", expected, found))
    }
}
