//! The sum at the end of a residual block.

use crate::Result;
use crate::engine::cuda::launch::Grid;
use crate::engine::cuda::step::{Backward, CudaStep, Forward, Pass};

/// Its samples plus those of an earlier step. The backward pass leaves the gradient in place for its own samples, and
/// adds it to the gradient of the earlier step's samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Add {
    pub source: usize,
    /// Values of a sample.
    pub len: usize,
}

impl CudaStep for Add {
    fn out_len(&self) -> usize {
        self.len
    }

    fn source(&self) -> Option<usize> {
        Some(self.source)
    }

    fn is_in_place(&self) -> bool {
        true
    }

    fn forward(&self, pass: Pass, io: Forward) -> Result<()> {
        let len = pass.task.samples * self.len;
        let arguments = (io.x, io.skip, io.out, len as i64);
        pass.card.launch("add", Grid::over(len), &arguments)
    }

    fn backward(&self, _: Pass, _: Backward) -> Result<bool> {
        Ok(false)
    }
}
