//! Transposes between the layouts with channels last and with pixels last.

use crate::Result;
use crate::engine::cuda::launch::{Address, int};
use crate::engine::cuda::step::{Backward, CudaStep, Forward, Pass};

/// Matrices `(N, rows, columns)` to `(N, columns, rows)`.
#[derive(Debug)]
pub(super) struct Transpose {
    pub rows: usize,
    pub columns: usize,
}

impl Transpose {
    fn run(&self, pass: Pass, x: Address, out: Address) -> Result<()> {
        let len = pass.task.samples * self.rows * self.columns;
        let arguments = (x, out, len as i64, int(self.rows)?, int(self.columns)?);
        pass.over("transpose", len, &arguments)
    }
}

impl CudaStep for Transpose {
    fn out_len(&self) -> usize {
        self.rows * self.columns
    }

    fn forward(&self, pass: Pass, io: Forward) -> Result<()> {
        self.run(pass, io.x, io.out)
    }

    fn backward(&self, pass: Pass, io: Backward) -> Result<bool> {
        let back = Self {
            rows: self.columns,
            columns: self.rows,
        };
        back.run(pass, io.gradient, io.x_gradient)?;
        Ok(false)
    }
}
