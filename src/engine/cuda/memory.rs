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
    sides: Vec<Buffer<u16>>,
    kept: Vec<Buffer<f32>>,
    /// Gradients of the values after and before the current step of the backward pass.
    pub gradients: [Buffer<f32>; 2],
    /// Values between the products of a layer and the operations before or after them.
    pub scratch: Buffer<f32>,
    /// Partial sums of gradients of weights.
    pub parts: Buffer<f32>,
}

impl Memory {
    /// Memory for batches of at most `samples` samples, with gradients if the network `trains`.
    pub fn new(card: &Launcher, steps: &CudaSteps, samples: usize, trains: bool) -> Result<Self> {
        let values = steps
            .iter()
            .map(|step| card.memory(samples * step.out_len()));
        let sides = steps
            .iter()
            .map(|step| card.memory(samples * step.side_len()));
        let trained = if trains { samples } else { 0 };
        // The gradient of the images is not needed.
        let kept = steps.iter().map(|step| match step.source() {
            None | Some(0) => card.memory(0),
            Some(_) => card.memory(trained * step.out_len()),
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
        address(&self.values, step)
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

fn address<T>(buffers: &[Buffer<T>], step: usize) -> Address {
    let buffer = buffers.get(step);
    buffer.map_or(Address::NONE, Buffer::address)
}
