//! What lies between the steps of a network.

use super::launch::{Buffer, Launcher};
use super::product::Product;
use super::step::CudaStep;
use crate::Result;

/// Room for what is between the steps.
#[derive(Debug)]
pub(super) struct Memory {
    pub samples: usize,
    /// Behind each step.
    pub values: Vec<Buffer<f32>>,
    /// Of the largest values of a max-pool; nothing behind other steps.
    pub places: Vec<Option<Buffer<u16>>>,
    /// Of the values behind the step that is gone back through, and of those before it.
    pub gradients: [Buffer<f32>; 2],
    /// Between the products of a layer and what is before or behind them.
    pub scratch: Buffer<f32>,
    /// Of gradients of weights.
    pub parts: Buffer<f32>,
}

impl Memory {
    /// For batches of at most so many samples.
    ///
    /// # Errors
    /// If the card has not that much.
    pub fn new(card: &Launcher, steps: &[CudaStep], samples: usize) -> Result<Self> {
        let values = steps
            .iter()
            .map(|step| card.memory(samples * step.out_len()));
        let places = steps.iter().map(|step| match step {
            CudaStep::Pool(_) => card.memory(samples * step.out_len()).map(Some),
            _ => Ok(None),
        });
        let largest = |of: fn(&CudaStep) -> usize| steps.iter().map(of).max().unwrap_or(0);
        let gradient = samples * largest(CudaStep::out_len);
        let scratch = samples * largest(|step| step.product().map_or(0, |p| p.layer.scratch_len()));
        let parts = steps.iter().filter_map(CudaStep::product);
        let parts = parts.map(|product: &Product| product.parts_len(samples));
        Ok(Self {
            samples,
            values: values.collect::<Result<_>>()?,
            places: places.collect::<Result<_>>()?,
            gradients: [card.memory(gradient)?, card.memory(gradient)?],
            scratch: card.memory(scratch)?,
            parts: card.memory(parts.max().unwrap_or(0))?,
        })
    }
}
