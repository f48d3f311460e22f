//! A lowered network and its device memory, with the forward and backward passes.

use candle_core::cuda_backend::CudaDevice;

use super::launch::{
    Buffer, Grid, LAYERS, Launcher, PRODUCT_BF16, PRODUCT_F32, PRODUCT_TF32, WEIGHTS,
};
use super::memory::Memory;
use super::passes::Passes;
use super::product::LayerProducts;
use super::step::{Addresses, Pass, Task, parameter};
use super::steps::{CudaSteps, lower};
use super::sums::BlockSums;
use crate::engine::abi::Weights;
use crate::engine::lowering::Subnetwork;
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
    /// The sums of the batch started last.
    pub sums: BlockSums,
    /// For each step with weights, the addresses of its parameters.
    parameters: Vec<Addresses>,
    packing: Packing,
    memory: Option<Memory>,
}

impl CudaNetwork {
    /// The layers of a network, with the addresses of the parameters of each that has any; none if a layer has no
    /// kernel.
    ///
    /// # Errors
    /// If the driver refuses the kernels or there is no memory.
    pub fn new(
        device: &CudaDevice,
        part: Subnetwork,
        precision: Precision,
        parameters: Vec<Addresses>,
    ) -> Result<Option<Self>> {
        let module = match precision {
            Precision::F32 => PRODUCT_F32,
            Precision::Tf32 => PRODUCT_TF32,
            Precision::Bf16 => PRODUCT_BF16,
            Precision::F64 => return Ok(None),
        };
        let card = Launcher::new(device, &[module, LAYERS, WEIGHTS])?;
        let Some((steps, code)) = lower(&card, part, precision)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            sums: BlockSums::new(&card)?,
            packing: Packing::new(&card, products(&steps), &parameters)?,
            input_len: part.input.iter().product(),
            memory: None,
            parameters,
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

    /// The kernels of the backward pass for a batch of this size: for each layer with weights, those of the gradients
    /// of its input and of its weights.
    pub fn backward_kernels(&self, samples: usize) -> Vec<[&str; 2]> {
        let products = products(&self.steps);
        products
            .map(|products| products.backward_kernels(samples))
            .collect()
    }

    /// Starts the work on a batch: gradients of all parameters, and the sums. `gradients` has the addresses for each
    /// step with weights.
    ///
    /// # Errors
    /// If the batch is too large for the device or its kernels.
    pub fn start(&mut self, gradients: &[Addresses], task: Task) -> Result<()> {
        self.reserve(task.samples, true)?;
        self.pack()?;
        if let Some(passes) = self.passes(task) {
            passes.forward(&self.parameters)?;
            passes.backward(gradients)?;
        }
        self.sums.total()
    }

    /// Starts the forward pass alone, with the weights of the last [`CudaNetwork::pack`]. Errors as
    /// [`CudaNetwork::start`].
    pub fn infer(&mut self, task: Task) -> Result<()> {
        self.reserve(task.samples, false)?;
        match self.passes(task) {
            Some(passes) => passes.forward(&self.parameters),
            None => Ok(()),
        }
    }

    fn passes(&self, task: Task) -> Option<Passes<'_>> {
        let memory = self.memory.as_ref()?;
        Some(Passes {
            pass: Pass {
                card: &self.card,
                sums: &self.sums,
                scratch: memory.scratch.address(),
                task,
            },
            steps: &self.steps,
            code: self.code,
            memory,
        })
    }

    /// Lays out the weights for the products.
    pub fn pack(&self) -> Result<()> {
        self.packing.run(&self.card)
    }

    /// Allocates memory for a batch of this size, with gradients if `trains`.
    ///
    /// # Errors
    /// If the device has no room for them, or they are too many for the kernels.
    pub fn reserve(&mut self, samples: usize, trains: bool) -> Result<()> {
        let memory = self.memory.as_ref();
        if memory.is_some_and(|memory| samples <= memory.samples) {
            return Ok(());
        }
        // Free the old memory first, for the new one.
        self.memory = None;
        if !products(&self.steps).all(|products| products.layer.reaches(samples)) {
            let expected = "fewer than 2^31 pixels, taps or values in a layer";
            let found = format!("{samples} samples: take a smaller training.batch_size");
            return Err(Error::argument("a batch on a card", expected, found));
        }
        self.memory = Some(Memory::new(&self.card, &self.steps, samples, trains)?);
        Ok(())
    }
}

/// The layers with weights.
fn products(steps: &CudaSteps) -> impl Iterator<Item = &LayerProducts> {
    steps.iter().filter_map(|step| step.products())
}

/// Packs the weights of all layers in one launch.
#[derive(Debug)]
pub(super) struct Packing {
    table: Buffer<Weights>,
    layers: u32,
    /// Length of the largest layer's weights.
    len: usize,
}

impl Packing {
    /// A table for layers and the addresses of their parameters.
    pub fn new<'a>(
        card: &Launcher,
        layers: impl Iterator<Item = &'a LayerProducts>,
        parameters: &[Addresses],
    ) -> Result<Self> {
        let (mut table, mut len) = (Vec::new(), 0);
        for (layer, parameters) in layers.zip(parameters) {
            table.push(layer.packing(parameter(Some(parameters), 0))?);
            let lens = [&layer.forward, &layer.backward].map(|gemm| gemm.packed.len());
            len = lens.into_iter().fold(len, usize::max);
        }
        Ok(Self {
            layers: table.len() as u32,
            table: card.copy_of(&table)?,
            len,
        })
    }

    pub fn run(&self, card: &Launcher) -> Result<()> {
        let Grid((across, ..)) = Grid::over(self.len);
        let arguments = (self.table.address(),);
        card.launch("pack_weights", Grid((across, self.layers, 1)), &arguments)
    }
}
