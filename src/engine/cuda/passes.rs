//! The forward and backward passes of a batch through the steps of a network.

use super::launch::{Address, Buffer};
use super::memory::Memory;
use super::step::{Addresses, Backward, Forward, Pass, parameter};
use super::steps::CudaSteps;
use crate::Result;

/// The arguments of both passes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passes<'a> {
    pub pass: Pass<'a>,
    pub steps: &'a CudaSteps,
    /// The step that reads the codes.
    pub code: usize,
    pub memory: &'a Memory,
}

impl Passes<'_> {
    /// Computes the results of every step from the samples.
    pub fn forward(self, parameters: &[Addresses]) -> Result<()> {
        let mut parameters = parameters.iter();
        for (number, step) in self.steps.iter().enumerate() {
            let bias = match step.products() {
                Some(_) => parameter(parameters.next(), 1),
                None => Address::NONE,
            };
            let io = Forward {
                x: self.read_by(number),
                skip: (step.source()).map_or(Address::NONE, |source| self.read_by(source)),
                out: self.written_by(number),
                side: self.memory.side(number),
                bias,
            };
            step.forward(self.pass, io)?;
        }
        Ok(())
    }

    /// Computes the losses of the last values, and the gradients of all parameters.
    pub fn backward(self, gradients: &[Addresses]) -> Result<()> {
        let Self { pass, memory, .. } = self;
        let factors = &pass.task.factors;
        // The gradient of the values after the current step, and room for that of the values before it.
        let [mut gradient, mut room] = memory.gradients.each_ref().map(Buffer::address);
        let last = self.steps.len().saturating_sub(1);
        let pair = (memory.values(last), pass.task.target);
        pass.sums
            .loss(self.len_behind(last), factors, pair, gradient)?;
        if self.has_relu(last) {
            self.relu_mask(last, gradient)?;
        }
        let mut gradients = gradients.iter().rev();
        for (number, step) in self.steps.iter().enumerate().rev() {
            let x = self.read_by(number);
            if let Some(products) = step.products() {
                let results = step.result_gradient(pass, gradient)?;
                let parts = memory.parts.address();
                products.weight_gradient(pass, (x, results), parts, gradients.next())?;
            }
            // The samples themselves need no gradient.
            let Some(before) = number.checked_sub(1) else {
                break;
            };
            if step.source().is_some_and(|source| source > 0) {
                self.over(number, "copy", gradient, memory.kept(number))?;
            }
            let penalty = factors.penalty.filter(|_| number == self.code);
            // A relu before the step masks the gradient, including the parts that a penalty or a sum
            // adds to it.
            let is_stopped = self.has_relu(before);
            let at_once = is_stopped && penalty.is_none() && self.sums_of(number).next().is_none();
            let io = Backward {
                x,
                out: memory.values(number),
                side: memory.side(number),
                gradient,
                x_gradient: room,
                mask: if at_once { x } else { Address::NONE },
            };
            let is_done = step.backward(pass, io)? && at_once;
            if !step.is_in_place() {
                std::mem::swap(&mut gradient, &mut room);
            }
            for sum in self.sums_of(number) {
                self.over(sum, "accumulate", memory.kept(sum), gradient)?;
            }
            if let Some(penalty) = penalty {
                let len = self.len_behind(before);
                pass.sums.penalty(len, penalty, x, gradient)?;
            }
            if is_stopped && !is_done {
                self.relu_mask(before, gradient)?;
            }
        }
        Ok(())
    }

    /// The sums that add the input of a step.
    fn sums_of(&self, step: usize) -> impl Iterator<Item = usize> {
        let steps = self.steps.iter().enumerate();
        steps.filter_map(move |(sum, other)| (other.source() == Some(step)).then_some(sum))
    }

    /// Launches a kernel that maps values elementwise, as many as a step has results.
    fn over(&self, step: usize, kernel: &str, from: Address, to: Address) -> Result<()> {
        let len = self.len_behind(step);
        self.pass.over(kernel, len, &(from, to, len as i64))
    }

    /// Sets a gradient to 0 where the result of the relu after a step is 0.
    fn relu_mask(&self, step: usize, gradient: Address) -> Result<()> {
        self.over(step, "relu_mask", self.memory.values(step), gradient)
    }

    fn has_relu(&self, step: usize) -> bool {
        self.steps.get(step).is_some_and(|step| step.has_relu())
    }

    /// Values of the batch after a step.
    fn len_behind(&self, step: usize) -> usize {
        let len = self.steps.get(step).map_or(0, |step| step.out_len());
        self.pass.task.samples * len
    }

    /// Destination of a step's forward pass.
    fn written_by(&self, step: usize) -> Address {
        match self.pass.task.result {
            Address::NONE => self.memory.values(step),
            result if step + 1 == self.steps.len() => result,
            _ => self.memory.values(step),
        }
    }

    /// Input of a step.
    fn read_by(&self, step: usize) -> Address {
        match step.checked_sub(1) {
            Some(before) => self.memory.values(before),
            None => self.pass.task.input,
        }
    }
}
