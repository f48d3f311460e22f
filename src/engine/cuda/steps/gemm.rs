//! Dense layers and convolutions.

use crate::Result;
use crate::engine::cuda::product::LayerProducts;
use crate::engine::cuda::step::{Backward, CudaStep, Forward, Pass};

impl CudaStep for LayerProducts {
    fn out_len(&self) -> usize {
        self.layer.out_len()
    }

    fn scratch_len(&self) -> usize {
        self.layer.scratch_len()
    }

    fn products(&self) -> Option<&LayerProducts> {
        Some(self)
    }

    fn has_relu(&self) -> bool {
        self.layer.has_relu
    }

    fn forward(&self, pass: Pass, io: Forward) -> Result<()> {
        let samples = pass.task.samples;
        self.forward(pass.card, samples, io.bias, (io.x, io.out), pass.scratch)
    }

    fn backward(&self, pass: Pass, io: Backward) -> Result<bool> {
        let gradients = (io.gradient, io.x_gradient);
        let samples = pass.task.samples;
        self.backward(pass.card, samples, gradients, io.mask, pass.scratch)?;
        Ok(true)
    }
}
