//! A batch through the steps of a network, and gradients back.

use super::launch::{Address, Buffer, Grid, Launcher};
use super::memory::Memory;
use super::step::CudaStep;
use super::sums::{BlockSums, Row};
use super::task::{Pair, Task};
use crate::Result;

/// What both passes go over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passes<'a> {
    pub card: &'a Launcher,
    pub steps: &'a [CudaStep],
    /// The step that reads the codes.
    pub code: usize,
    pub memory: &'a Memory,
    pub sums: &'a BlockSums,
    pub task: Task,
}

impl Passes<'_> {
    /// The samples to the values behind every step.
    pub fn forward(self, parameters: &[Pair]) -> Result<()> {
        let Self { card, memory, .. } = self;
        let samples = self.task.samples;
        let mut parameters = parameters.iter();
        for (number, step) in self.steps.iter().enumerate() {
            let (x, out) = (self.read_by(number), self.behind(number));
            match step {
                CudaStep::Product(product) => {
                    let bias = parameters.next().map_or(Address::NONE, |(_, bias)| *bias);
                    product.forward(card, samples, bias, (x, out), memory.scratch.address())?;
                }
                CudaStep::Pool(pool) => pool.forward(card, samples, x, out, self.places(number))?,
                CudaStep::Upsample(upsample) => upsample.forward(card, samples, x, out)?,
                CudaStep::Transpose(transpose) => transpose.forward(card, samples, x, out)?,
                CudaStep::Activation { function, len } => {
                    function.forward(card, samples * len, x, out)?;
                }
                CudaStep::Latent(latent) => {
                    let (grid, sums) = self.sums.of(Row::Kl);
                    let len = (samples * latent.dimensions) as i64;
                    let dimensions = latent.dimensions as i32;
                    let noise = self.task.noise;
                    let arguments = (x, noise, out, sums, len, dimensions, latent.bound);
                    card.launch("latent_forward", grid, &arguments)?;
                }
            }
        }
        Ok(())
    }

    /// The losses of the last values, and the gradients of all parameters.
    pub fn backward(self, gradients: &[Pair]) -> Result<()> {
        let Self { card, memory, .. } = self;
        let factors = &self.task.factors;
        // Of the values behind the step that is gone back through, and room for that of those before it.
        let [mut gradient, mut room] = memory.gradients.each_ref().map(Buffer::address);
        let last = self.steps.len().saturating_sub(1);
        let pair = (self.behind(last), self.task.target);
        self.sums
            .loss(card, self.len_behind(last), factors, pair, gradient)?;
        if self.has_relu(last) {
            self.relu_mask(last, gradient)?;
        }
        let mut gradients = gradients.iter().rev();
        for (number, step) in self.steps.iter().enumerate().rev() {
            let x = self.read_by(number);
            if let CudaStep::Product(product) = step {
                let out = gradients.next().copied().unwrap_or_default();
                let between = (memory.parts.address(), memory.scratch.address());
                let samples = self.task.samples;
                product.weight_gradient(card, samples, (x, gradient), between, out)?;
            }
            // The samples themselves need no gradient.
            let Some(before) = number.checked_sub(1) else {
                break;
            };
            let penalty = factors.penalty.filter(|_| number == self.code);
            // A relu before the step stops the gradient, and what a penalty adds to it as well.
            let is_stopped = self.has_relu(before);
            let at_once = is_stopped && penalty.is_none();
            let is_done = self.step_back(number, gradient, room, at_once)?;
            if !matches!(step, CudaStep::Activation { .. }) {
                std::mem::swap(&mut gradient, &mut room);
            }
            if let Some(penalty) = penalty {
                let len = self.len_behind(before);
                self.sums.penalty(card, len, penalty, x, gradient)?;
            }
            if is_stopped && !is_done {
                self.relu_mask(before, gradient)?;
            }
        }
        Ok(())
    }

    /// The gradient of what a step reads: of an activation in place, else in `room`. Returns whether the relu before
    /// the step, if it is to be gone through at once, has been.
    fn step_back(
        self,
        number: usize,
        gradient: Address,
        room: Address,
        relu: bool,
    ) -> Result<bool> {
        let Self { card, task, .. } = self;
        let samples = task.samples;
        let Some(step) = self.steps.get(number) else {
            return Ok(false);
        };
        let x = self.read_by(number);
        let mask = if relu { x } else { Address::NONE };
        match step {
            CudaStep::Product(product) => {
                let scratch = self.memory.scratch.address();
                product.backward(card, samples, (gradient, room), mask, scratch)?;
            }
            CudaStep::Pool(pool) => {
                // The largest values are above 0 where the values of the relu that they are are.
                let mask = if relu { self.behind(number) } else { mask };
                pool.backward(card, samples, (gradient, self.places(number)), mask, room)?;
            }
            CudaStep::Upsample(upsample) => {
                upsample.backward(card, samples, gradient, mask, room)?;
            }
            CudaStep::Transpose(transpose) => {
                transpose.backward(card, samples, gradient, room)?;
                return Ok(false);
            }
            CudaStep::Activation { function, len } => {
                function.backward(card, samples * len, x, gradient)?;
                return Ok(false);
            }
            CudaStep::Latent(latent) => {
                let len = samples * latent.dimensions;
                let arguments = (
                    x,
                    task.noise,
                    gradient,
                    room,
                    len as i64,
                    latent.dimensions as i32,
                    latent.bound,
                    task.factors.kl_scale,
                );
                card.launch("latent_backward", Grid::over(len), &arguments)?;
                return Ok(false);
            }
        }
        Ok(relu)
    }

    /// Stops a gradient where the result of the relu behind a step is 0.
    fn relu_mask(self, step: usize, gradient: Address) -> Result<()> {
        let len = self.len_behind(step);
        let arguments = (self.behind(step), gradient, len as i64);
        self.card.launch("relu_mask", Grid::over(len), &arguments)
    }

    fn has_relu(self, step: usize) -> bool {
        self.steps.get(step).is_some_and(CudaStep::has_relu)
    }

    /// Values of the batch behind a step.
    fn len_behind(self, step: usize) -> usize {
        let len = self.steps.get(step).map_or(0, CudaStep::out_len);
        self.task.samples * len
    }

    fn behind(self, step: usize) -> Address {
        let values = self.memory.values.get(step);
        values.map_or(Address::NONE, Buffer::address)
    }

    /// What a step reads.
    fn read_by(self, step: usize) -> Address {
        match step.checked_sub(1) {
            Some(before) => self.behind(before),
            None => self.task.input,
        }
    }

    /// Of the largest values of a max-pool.
    fn places(self, step: usize) -> Address {
        let places = self.memory.places.get(step).and_then(Option::as_ref);
        places.map_or(Address::NONE, Buffer::address)
    }
}
