//! The code of a variational network.

use crate::Result;
use crate::engine::abi::Row;
use crate::engine::cpu::Latent;
use crate::engine::cuda::step::{Backward, CudaStep, Forward, Pass};

impl CudaStep for Latent {
    fn out_len(&self) -> usize {
        self.dimensions
    }

    fn latent(&self) -> Option<usize> {
        Some(self.dimensions)
    }

    fn forward(&self, pass: Pass, io: Forward) -> Result<()> {
        let (grid, sums) = pass.sums.of(Row::Kl);
        let len = (pass.task.samples * self.dimensions) as i64;
        let dimensions = self.dimensions as i32;
        let noise = pass.task.noise;
        let arguments = (io.x, noise, io.out, sums, len, dimensions, self.bound);
        pass.card.launch("latent_forward", grid, &arguments)
    }

    fn backward(&self, pass: Pass, io: Backward) -> Result<bool> {
        let len = pass.task.samples * self.dimensions;
        let arguments = (
            io.x,
            pass.task.noise,
            io.gradient,
            io.x_gradient,
            len as i64,
            self.dimensions as i32,
            self.bound,
            pass.task.factors.kl_scale,
        );
        pass.over("latent_backward", len, &arguments)?;
        Ok(false)
    }
}
