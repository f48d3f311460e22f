//! What a network does on the card, one after the other.

use super::launch::{Address, Grid, Launcher};
use super::product::{Product, int};
use crate::Result;
use crate::engine::cpu::{Latent, Shape};

/// From samples `(N, in_len)` to `(N, out_len)`.
#[derive(Debug)]
pub(super) enum CudaStep {
    Product(Box<Product>),
    Pool(Pool),
    Upsample(Upsample),
    Transpose(Transpose),
    Activation { function: Function, len: usize },
    Latent(Latent),
}

/// Max-pool, by its results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pool {
    pub output: Shape,
    pub size: usize,
}

/// Upsampling by repetition, by what it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Upsample {
    pub input: Shape,
    pub scale: usize,
}

/// Matrices `(N, rows, columns)` to `(N, columns, rows)`: channels behind pixels and back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Transpose {
    pub rows: usize,
    pub columns: usize,
}

/// An activation, `outer f(inner x)`, with the number of f in `kernels/layers.cu`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Function {
    pub number: i32,
    pub parameter: f32,
    pub outer: f32,
    pub inner: f32,
}

impl CudaStep {
    /// Values of a sample's result.
    pub fn out_len(&self) -> usize {
        match self {
            Self::Product(product) => product.layer.out_len(),
            Self::Pool(pool) => pool.output.len(),
            Self::Upsample(upsample) => upsample.input.len() * upsample.scale.pow(2),
            Self::Transpose(transpose) => transpose.rows * transpose.columns,
            Self::Activation { len, .. } => *len,
            Self::Latent(latent) => latent.dimensions,
        }
    }

    /// The layer with weights that it is, if it is one.
    pub fn product(&self) -> Option<&Product> {
        match self {
            Self::Product(product) => Some(product),
            _ => None,
        }
    }

    /// Whether its result is that of a relu, whose gradient is 0 where the result is.
    pub fn has_relu(&self) -> bool {
        matches!(self, Self::Product(product) if product.layer.has_relu)
    }
}

impl Pool {
    /// `x` to the largest values and their places.
    pub fn forward(
        &self,
        card: &Launcher,
        samples: usize,
        x: Address,
        out: Address,
        places: Address,
    ) -> Result<()> {
        let len = samples * self.output.len();
        let arguments = (
            x,
            out,
            places,
            len as i64,
            int(self.output.width)?,
            int(self.output.channels)?,
            int(self.size)?,
        );
        card.launch("pool_forward", Grid::over(len), &arguments)
    }

    /// The gradient of `x` from that of the largest values, where those of `mask` are above 0.
    pub fn backward(
        &self,
        card: &Launcher,
        samples: usize,
        (gradient, places): (Address, Address),
        mask: Address,
        x_gradient: Address,
    ) -> Result<()> {
        let len = samples * self.output.len();
        let arguments = (
            gradient,
            places,
            mask,
            x_gradient,
            len as i64,
            int(self.output.width)?,
            int(self.output.channels)?,
            int(self.size)?,
        );
        card.launch("pool_backward", Grid::over(len), &arguments)
    }
}

impl Upsample {
    pub fn forward(&self, card: &Launcher, samples: usize, x: Address, out: Address) -> Result<()> {
        let len = samples * self.input.len();
        let arguments = (
            x,
            out,
            len as i64,
            int(self.input.width)?,
            int(self.input.channels)?,
            int(self.scale)?,
        );
        card.launch("upsample", Grid::over(len), &arguments)
    }

    /// The gradient of `x` from that of the result, where those of `mask` are above 0, if there is one.
    pub fn backward(
        &self,
        card: &Launcher,
        samples: usize,
        gradient: Address,
        mask: Address,
        x_gradient: Address,
    ) -> Result<()> {
        let len = samples * self.input.len();
        let arguments = (
            gradient,
            mask,
            x_gradient,
            len as i64,
            int(self.input.width)?,
            int(self.input.channels)?,
            int(self.scale)?,
        );
        card.launch("upsample_backward", Grid::over(len), &arguments)
    }
}

impl Transpose {
    pub fn forward(&self, card: &Launcher, samples: usize, x: Address, out: Address) -> Result<()> {
        let len = samples * self.rows * self.columns;
        let arguments = (x, out, len as i64, int(self.rows)?, int(self.columns)?);
        card.launch("transpose", Grid::over(len), &arguments)
    }

    /// The gradient of `x` from that of the result.
    pub fn backward(
        &self,
        card: &Launcher,
        samples: usize,
        gradient: Address,
        x_gradient: Address,
    ) -> Result<()> {
        let back = Self {
            rows: self.columns,
            columns: self.rows,
        };
        back.forward(card, samples, gradient, x_gradient)
    }
}

impl Function {
    pub fn forward(&self, card: &Launcher, len: usize, x: Address, out: Address) -> Result<()> {
        self.launch(card, "activation_forward", len, (x, out))
    }

    /// In place: the gradient of the result becomes that of `x`.
    pub fn backward(
        &self,
        card: &Launcher,
        len: usize,
        x: Address,
        gradient: Address,
    ) -> Result<()> {
        self.launch(card, "activation_backward", len, (x, gradient))
    }

    fn launch(
        &self,
        card: &Launcher,
        kernel: &'static str,
        len: usize,
        (read, written): (Address, Address),
    ) -> Result<()> {
        let arguments = (
            read,
            written,
            len as i64,
            self.number,
            self.parameter,
            self.outer,
            self.inner,
        );
        card.launch(kernel, Grid::over(len), &arguments)
    }
}
