//! Max-pooling.

use crate::Result;
use crate::engine::cpu::Shape;
use crate::engine::cuda::launch::{Address, int};
use crate::engine::cuda::step::{Backward, CudaStep, Forward, Pass};

/// The largest window whose places the kernels count.
pub(super) const MOST_SIZE: usize = 64;

/// Max-pooling, described by its results.
#[derive(Debug)]
pub(super) struct Pool {
    pub output: Shape,
    pub size: usize,
}

impl CudaStep for Pool {
    fn out_len(&self) -> usize {
        self.output.len()
    }

    /// The places of the largest values.
    fn side_len(&self) -> usize {
        self.output.len()
    }

    fn forward(&self, pass: Pass, io: Forward) -> Result<()> {
        let len = pass.task.samples * self.output.len();
        let (width, channels) = (int(self.output.width)?, int(self.output.channels)?);
        let size = int(self.size)?;
        let arguments = (io.x, io.out, io.side, len as i64, width, channels, size);
        pass.over("pool_forward", len, &arguments)
    }

    fn backward(&self, pass: Pass, io: Backward) -> Result<bool> {
        // The largest values are results of that relu, so they serve as its mask.
        let mask = match io.mask {
            Address::NONE => Address::NONE,
            _ => io.out,
        };
        let len = pass.task.samples * self.output.len();
        let arguments = (
            io.gradient,
            io.side,
            mask,
            io.x_gradient,
            len as i64,
            int(self.output.width)?,
            int(self.output.channels)?,
            int(self.size)?,
        );
        pass.over("pool_backward", len, &arguments)?;
        Ok(true)
    }
}
