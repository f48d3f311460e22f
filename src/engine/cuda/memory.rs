//! What lies between the steps of a network.

use super::launch::{Address, Buffer, Launcher};
use super::step::CudaStep;
use super::steps::CudaSteps;
use crate::Result;

/// Room for what is between the steps.
#[derive(Debug)]
pub(super) struct Memory {
    pub samples: usize,
    /// Behind each step.
    values: Vec<Buffer<f32>>,
    /// What steps keep for going back, and the gradients of sums until what was added has its own.
    sides: Vec<Option<Buffer<u16>>>,
    kept: Vec<Option<Buffer<f32>>>,
    /// Of the values behind the step that is gone back through, and of those before it.
    pub gradients: [Buffer<f32>; 2],
    /// Between the products of a layer and what is before or behind them.
    pub scratch: Buffer<f32>,
    /// Of gradients of weights.
    pub parts: Buffer<f32>,
}

impl Memory {
    /// For batches of at most so many samples, with room for gradients where the network `trains`.
    ///
    /// # Errors
    /// If the card has not that much.
    pub fn new(card: &Launcher, steps: &CudaSteps, samples: usize, trains: bool) -> Result<Self> {
        let values = steps
            .iter()
            .map(|step| card.memory(samples * step.out_len()));
        let sides = steps.iter().map(|step| match step.side_len() {
            0 => Ok(None),
            len => card.memory(samples * len).map(Some),
        });
        let trained = if trains { samples } else { 0 };
        // The gradient of the images is nobody's.
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

    /// The values behind a step.
    pub fn values(&self, step: usize) -> Address {
        let values = self.values.get(step);
        values.map_or(Address::NONE, Buffer::address)
    }

    /// What a step keeps for going back.
    pub fn side(&self, step: usize) -> Address {
        address(&self.sides, step)
    }

    /// Where the gradient of a sum is kept.
    pub fn kept(&self, step: usize) -> Address {
        address(&self.kept, step)
    }
}

fn address<T>(buffers: &[Option<Buffer<T>>], step: usize) -> Address {
    let buffer = buffers.get(step).and_then(Option::as_ref);
    buffer.map_or(Address::NONE, Buffer::address)
}
