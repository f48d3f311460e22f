//! Upsampling by repetition.

use crate::Result;
use crate::engine::cpu::Shape;
use crate::engine::cuda::launch::{Address, Grid, Launcher};
use crate::engine::cuda::product::int;
use crate::engine::cuda::step::{Backward, CudaStep, Forward, Pass};

/// Upsampling, by what it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine::cuda) struct Upsample {
    pub input: Shape,
    pub scale: usize,
}

impl Upsample {
    /// The gradient of the input from that of the result, where `mask` is above 0, if there is one.
    pub fn gradient(
        &self,
        card: &Launcher,
        samples: usize,
        (gradient, x_gradient): (Address, Address),
        mask: Address,
    ) -> Result<()> {
        let len = samples * self.input.len();
        let (width, channels) = (int(self.input.width)?, int(self.input.channels)?);
        let scale = int(self.scale)?;
        let arguments = (
            gradient, mask, x_gradient, len as i64, width, channels, scale,
        );
        card.launch("upsample_backward", Grid::over(len), &arguments)
    }
}

impl CudaStep for Upsample {
    fn out_len(&self) -> usize {
        self.input.len() * self.scale.pow(2)
    }

    fn forward(&self, pass: Pass, io: Forward) -> Result<()> {
        let len = pass.task.samples * self.input.len();
        let (width, channels) = (int(self.input.width)?, int(self.input.channels)?);
        let arguments = (io.x, io.out, len as i64, width, channels, int(self.scale)?);
        pass.card.launch("upsample", Grid::over(len), &arguments)
    }

    fn backward(&self, pass: Pass, io: Backward) -> Result<bool> {
        let gradients = (io.gradient, io.x_gradient);
        self.gradient(pass.card, pass.task.samples, gradients, io.mask)?;
        Ok(true)
    }
}
