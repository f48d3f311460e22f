//! Upsampling by repetition.

use crate::Result;
use crate::engine::cpu::Shape;
use crate::engine::cuda::launch::int;
use crate::engine::cuda::step::{Backward, CudaStep, Forward, Pass};

/// Upsampling, described by its input.
#[derive(Debug)]
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
        pass.over("upsample", len, &arguments)
    }

    fn backward(&self, pass: Pass, io: Backward) -> Result<bool> {
        let len = pass.task.samples * self.input.len();
        let arguments = (
            io.gradient,
            io.mask,
            io.x_gradient,
            len as i64,
            int(self.input.width)?,
            int(self.input.channels)?,
            int(self.scale)?,
        );
        pass.over("upsample_backward", len, &arguments)?;
        Ok(true)
    }
}
