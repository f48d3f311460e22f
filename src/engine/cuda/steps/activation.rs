//! Activations that are not part of a product.

use crate::Result;
use crate::engine::cuda::launch::{Address, Grid};
use crate::engine::cuda::step::{Backward, CudaStep, Forward, Pass};
use crate::ops::{Pointwise, Scalar};

/// `outer f(inner x)` of every value, with the number of f in `kernels/layers.cu`.
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

/// In the order of `Function` in `kernels/layers.cu`.
pub(super) fn scalar(function: &Scalar) -> Function {
    let (number, parameter) = match function {
        Scalar::Relu => (0, 0.0),
        Scalar::LeakyRelu(slope) => (1, *slope),
        Scalar::Sigmoid => (2, 0.0),
        Scalar::Tanh => (3, 0.0),
        Scalar::Sin => (4, 0.0),
        Scalar::Pointwise(Pointwise::Elu { alpha }) => (5, *alpha),
        Scalar::Pointwise(Pointwise::Swish { beta }) => (6, *beta),
        Scalar::Pointwise(Pointwise::Gelu) => (7, 0.0),
        Scalar::Pointwise(Pointwise::GeluTanh) => (8, 0.0),
        Scalar::Pointwise(Pointwise::Softplus) => (9, 0.0),
        Scalar::Pointwise(Pointwise::CappedRelu { cap }) => (10, *cap),
        Scalar::Pointwise(Pointwise::CappedLinear { cap }) => (11, *cap),
        Scalar::Pointwise(Pointwise::Isru { alpha }) => (12, *alpha),
        Scalar::Pointwise(Pointwise::Arctan) => (13, 0.0),
        Scalar::Pointwise(Pointwise::Arcsinh) => (14, 0.0),
        Scalar::Pointwise(Pointwise::Elliot) => (15, 0.0),
        Scalar::Pointwise(Pointwise::Logarithmic) => (16, 0.0),
        Scalar::Linear => (17, 0.0),
        Scalar::Scaled { of, a, b } => {
            let within = scalar(of);
            return Function {
                outer: *a as f32 * within.outer,
                inner: *b as f32 * within.inner,
                ..within
            };
        }
    };
    Function {
        number,
        parameter: parameter as f32,
        outer: 1.0,
        inner: 1.0,
    }
}
