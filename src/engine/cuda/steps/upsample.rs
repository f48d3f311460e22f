//! Upsampling by repetition.

use crate::Result;
use crate::engine::cpu::Shape;
use crate::engine::cuda::launch::Grid;
use crate::engine::cuda::launch::int;
use crate::engine::cuda::product::upsample_backward;
use crate::engine::cuda::step::{Backward, CudaStep, Forward, Pass};

/// Upsampling, described by its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Upsample {
    pub input: Shape,
    pub scale: usize,
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
        let (gradients, images) = ((io.gradient, io.x_gradient), (self.input, self.scale));
        upsample_backward(pass.card, pass.task.samples, images, gradients, io.mask)?;
        Ok(true)
    }
}
