//! The sum at the end of a residual block.

use crate::Result;
use crate::engine::cuda::step::{Backward, CudaStep, Forward, Pass};

/// Its samples plus those of an earlier step. The backward pass leaves the gradient in place for its own samples, and
/// adds it to the gradient of the earlier step's samples.
#[derive(Debug)]
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
        pass.over("add", len, &(io.x, io.skip, io.out, len as i64))
    }

    fn backward(&self, _: Pass, _: Backward) -> Result<bool> {
        Ok(false)
    }
}
