//! A lowered network and its device memory, with the forward and backward passes.

use candle_core::cuda_backend::CudaDevice;

use super::launch::{Address, LAYERS, Launcher, PRODUCT_BF16, PRODUCT_F32, PRODUCT_TF32, WEIGHTS};
use super::memory::Memory;
use super::passes::Passes;
use super::steps::{CudaSteps, lower};
use super::sums::BlockSums;
use super::task::{Addresses, Task, parameter};
use super::weights::Packing;
use crate::engine::cpu::Sums;
use crate::engine::lowering::Part;
use crate::recipe::Precision;
use crate::{Error, Result};

/// Steps from samples to reconstructions, both flat.
#[derive(Debug)]
pub(crate) struct CudaNetwork {
    card: Launcher,
    steps: CudaSteps,
    /// The step that reads the codes.
    code: usize,
    input_len: usize,
    sums: BlockSums,
    packing: Option<Packing>,
    memory: Option<Memory>,
}

impl CudaNetwork {
    /// The layers of a network; none if one of them has no kernel.
    ///
    /// # Errors
    /// If the driver refuses the kernels or there is no memory.
    pub fn new(device: &CudaDevice, part: Part, precision: Precision) -> Result<Option<Self>> {
        let products = match precision {
            Precision::F32 => PRODUCT_F32,
            Precision::Tf32 => PRODUCT_TF32,
            Precision::Bf16 => PRODUCT_BF16,
            Precision::F64 => return Ok(None),
        };
        let card = Launcher::new(device, &[products, LAYERS, WEIGHTS])?;
        let Some((steps, code)) = lower(&card, part, precision)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            sums: BlockSums::new(&card)?,
            input_len: part.input.iter().product(),
            memory: None,
            packing: None,
            card,
            steps,
            code,
        }))
    }

    /// Whether it can be trained: with steps on both sides of the code.
    pub fn is_trainable(&self) -> bool {
        self.code > 0 && self.code < self.steps.len()
    }

    /// Values of a sample after all steps together.
    pub fn values(&self) -> usize {
        self.steps.iter().map(|step| step.out_len()).sum()
    }

    /// Values of a sample before the first step and after the last.
    pub fn sizes(&self) -> (usize, usize) {
        (
            self.input_len,
            self.steps.last().map_or(0, |step| step.out_len()),
        )
    }

    /// Dimensions of the noise that a variational network takes.
    pub fn latent(&self) -> Option<usize> {
        self.steps.iter().find_map(|step| step.latent())
    }

    /// The kernels of the backward pass for a batch of this size: [`LayerProducts::backward_kernels`] of each layer with
    /// weights.
    pub fn backward_kernels(&self, samples: usize) -> Vec<[&'static str; 2]> {
        let products = self.steps.iter().filter_map(|step| step.products());
        products
            .map(|products| products.backward_kernels(samples))
            .collect()
    }

    /// Starts the work on a batch: gradients of all parameters, and the sums that [`CudaNetwork::sums`] reads. `parameters`
    /// and `gradients` have a pair for each step with weights.
    ///
    /// # Errors
    /// If the batch is too large for the device or its kernels.
    pub fn start(
        &mut self,
        parameters: &[Addresses],
        gradients: &[Addresses],
        task: Task,
    ) -> Result<()> {
        self.reserve(task.samples, true)?;
        self.pack(parameters)?;
        if let Some(passes) = self.passes(task) {
            passes.forward(parameters)?;
            passes.backward(gradients)?;
        }
        self.sums.total(&self.card)
    }

    /// Starts the forward pass alone, with the weights of the last [`CudaNetwork::pack`].
    ///
    /// # Errors
    /// Those of [`CudaNetwork::start`].
    pub fn infer(&mut self, parameters: &[Addresses], task: Task) -> Result<()> {
        self.reserve(task.samples, false)?;
        match self.passes(task) {
            Some(passes) => passes.forward(parameters),
            None => Ok(()),
        }
    }

    fn passes(&self, task: Task) -> Option<Passes<'_>> {
        Some(Passes {
            card: &self.card,
            steps: &self.steps,
            code: self.code,
            memory: self.memory.as_ref()?,
            sums: &self.sums,
            task,
        })
    }

    /// Address of the sums of the batch started last: distances, KL divergence and penalty.
    pub fn totals(&self) -> Address {
        self.sums.totals()
    }

    /// Waits for the batch started last; returns the sums of its losses.
    ///
    /// # Errors
    /// If its work failed on the device.
    pub fn sums(&self) -> Result<Sums> {
        self.sums.read(&self.card)
    }

    /// Lays out the weights for the products.
    ///
    /// # Errors
    /// If there is no memory for their table.
    pub fn pack(&mut self, parameters: &[Addresses]) -> Result<()> {
        let weights = || parameters.iter().map(|layer| parameter(Some(layer), 0));
        let packing = match self.packing.take() {
            Some(packing) if packing.is_for(weights()) => packing,
            _ => {
                let layers = self.steps.iter().filter_map(|step| step.products());
                let layers: Vec<_> = layers.map(|p| (&p.layer, &p.packed)).collect();
                Packing::new(&self.card, &layers, weights().collect())?
            }
        };
        packing.run(&self.card)?;
        self.packing = Some(packing);
        Ok(())
    }

    /// Allocates memory for a batch of this size, with gradients if `trains`.
    ///
    /// # Errors
    /// If the device has no room for them, or they are too many for the kernels.
    pub fn reserve(&mut self, samples: usize, trains: bool) -> Result<()> {
        if self
            .memory
            .as_ref()
            .is_some_and(|memory| samples <= memory.samples)
        {
            return Ok(());
        }
        // Free the old memory first, for the new one.
        self.memory = None;
        let mut products = self.steps.iter().filter_map(|step| step.products());
        if !products.all(|products| products.layer.reaches(samples)) {
            let expected = "fewer than 2^31 pixels, taps or values in a layer";
            let found = format!("{samples} samples: take a smaller training.batch_size");
            return Err(Error::argument("a batch on a card", expected, found));
        }
        self.memory = Some(Memory::new(&self.card, &self.steps, samples, trains)?);
        Ok(())
    }
}
