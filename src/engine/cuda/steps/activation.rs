//! Activations that are not part of a product.

use crate::Result;
use crate::activation::{Form, Pointwise};
use crate::engine::cuda::launch::Address;
use crate::engine::cuda::step::{Backward, CudaStep, Forward, Pass};

/// `outer f(inner x)` of every value; f is given by its number.
#[derive(Debug)]
pub(super) struct Activation {
    number: i32,
    parameter: f32,
    outer: f32,
    inner: f32,
    /// Values of a sample.
    len: usize,
}

impl Activation {
    /// None for a user-defined function, which has no kernel.
    pub fn new(function: &Pointwise, len: usize) -> Option<Self> {
        let Form::Formula { kind, parameter } = function.f else {
            return None;
        };
        Some(Self {
            number: kind as i32,
            parameter: parameter as f32,
            outer: function.outer as f32,
            inner: function.inner as f32,
            len,
        })
    }

    fn launch(&self, pass: Pass, kernel: &str, read: Address, written: Address) -> Result<()> {
        let len = pass.task.samples * self.len;
        let arguments = (
            read,
            written,
            len as i64,
            self.number,
            self.parameter,
            self.outer,
            self.inner,
        );
        pass.over(kernel, len, &arguments)
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
