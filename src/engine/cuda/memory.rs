//! The values between the steps of a network.

use super::launch::{Address, Buffer, Launcher};
use super::step::CudaStep;
use super::steps::CudaSteps;
use crate::Result;

/// Memory for the values between the steps.
#[derive(Debug)]
pub(super) struct Memory {
    pub samples: usize,
    /// Results of each step.
    values: Vec<Buffer<f32>>,
    /// Values that steps keep for the backward pass, and gradients of sums until the gradient of the
    /// skip samples is complete.
    sides: Vec<Option<Buffer<u16>>>,
    kept: Vec<Option<Buffer<f32>>>,
    /// Gradients of the values after and before the current step of the backward pass.
    pub gradients: [Buffer<f32>; 2],
    /// Values between the products of a layer and the operations before or after them.
    pub scratch: Buffer<f32>,
    /// Partial sums of gradients of weights.
    pub parts: Buffer<f32>,
}

impl Memory {
    /// Memory for batches of at most `samples` samples, with gradients if the network `trains`.
    ///
    /// # Errors
    /// If the device has too little memory.
    pub fn new(card: &Launcher, steps: &CudaSteps, samples: usize, trains: bool) -> Result<Self> {
        let values = steps
            .iter()
            .map(|step| card.memory(samples * step.out_len()));
        let sides = steps.iter().map(|step| match step.side_len() {
            0 => Ok(None),
            len => card.memory(samples * len).map(Some),
        });
        let trained = if trains { samples } else { 0 };
        // The gradient of the images is not needed.
        let kept = steps.iter().map(|step| match step.source() {
            None | Some(0) => Ok(None),
            Some(_) => card.memory(trained * step.out_len()).map(Some),
        });
        let largest = |of: fn(&dyn CudaStep) -> usize| {
            let lens = steps.iter().map(|step| of(&**step));
            lens.max().unwrap_or(0)
        };
        let gradient = trained * largest(|step| step.out_len());
        let parts = steps.iter().filter_map(|step| step.products());
        let parts = parts.map(|products| products.parts_len(trained));
        Ok(Self {
            samples,
            values: values.collect::<Result<_>>()?,
            sides: sides.collect::<Result<_>>()?,
            kept: kept.collect::<Result<_>>()?,
            gradients: [card.memory(gradient)?, card.memory(gradient)?],
            scratch: card.memory(samples * largest(|step| step.scratch_len()))?,
            parts: card.memory(parts.max().unwrap_or(0))?,
        })
    }

    /// The results of a step.
    pub fn values(&self, step: usize) -> Address {
        let values = self.values.get(step);
        values.map_or(Address::NONE, Buffer::address)
    }

    /// The values that a step keeps for the backward pass.
    pub fn side(&self, step: usize) -> Address {
        address(&self.sides, step)
    }

    /// The memory for the gradient of a sum.
    pub fn kept(&self, step: usize) -> Address {
        address(&self.kept, step)
    }
}

fn address<T>(buffers: &[Option<Buffer<T>>], step: usize) -> Address {
    let buffer = buffers.get(step).and_then(Option::as_ref);
    buffer.map_or(Address::NONE, Buffer::address)
}
