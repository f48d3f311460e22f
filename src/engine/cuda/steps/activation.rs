//! Activations that are not part of a product.

use crate::Result;
use crate::activation::{Form, Pointwise};
use crate::engine::cuda::launch::{Address, Grid};
use crate::engine::cuda::step::{Backward, CudaStep, Forward, Pass};

/// `outer f(inner x)` of every value; f is given by its number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Activation {
    pub function: Function,
    /// Values of a sample.
    pub len: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Function {
    number: i32,
    parameter: f32,
    outer: f32,
    inner: f32,
}

impl Activation {
    fn launch(
        &self,
        pass: Pass,
        kernel: &'static str,
        read: Address,
        written: Address,
    ) -> Result<()> {
        let len = pass.task.samples * self.len;
        let Function {
            number,
            parameter,
            outer,
            inner,
        } = self.function;
        let arguments = (read, written, len as i64, number, parameter, outer, inner);
        pass.card.launch(kernel, Grid::over(len), &arguments)
    }
}

impl CudaStep for Activation {
    fn out_len(&self) -> usize {
        self.len
    }

    fn is_in_place(&self) -> bool {
        true
    }

    fn forward(&self, pass: Pass, io: Forward) -> Result<()> {
        self.launch(pass, "activation_forward", io.x, io.out)
    }

    fn backward(&self, pass: Pass, io: Backward) -> Result<bool> {
        self.launch(pass, "activation_backward", io.x, io.gradient)?;
        Ok(false)
    }
}

impl Function {
    /// None for a user-defined function, which has no kernel.
    pub fn new(function: &Pointwise) -> Option<Self> {
        let Form::Formula { kind, parameter } = function.f else {
            return None;
        };
        Some(Self {
            number: kind as i32,
            parameter: parameter as f32,
            outer: function.outer as f32,
            inner: function.inner as f32,
        })
    }
}
