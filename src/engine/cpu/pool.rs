//! Max-pools of images whose channels come last, where no convolution can include them.

use pulp::Simd;

use super::finish::Finish;
use super::layout::NhwcLayout;
use super::step::{Backward, Forward, Step, StepSizes};

/// The largest value of each window of two by two.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    /// Images without border.
    pub from: NhwcLayout,
    /// Only a max-pool.
    pub finish: Finish,
}

impl Step for Pool {
    fn sizes(&self) -> StepSizes {
        StepSizes {
            x: self.from.len(),
            out: self.finish.to.len(),
            side: self.finish.side_len(),
            scratch: self.from.padded(),
            ..StepSizes::default()
        }
    }

    /// An image is like the sums of a convolution with biases of zero.
    fn forward<S: Simd>(&self, simd: S, io: Forward) {
        let zeros = &mut io.scratch[..self.from.padded()];
        zeros.fill(0.0);
        let results = io.out.chunks_exact_mut(self.finish.to.len());
        let results = results.zip(io.side.chunks_exact_mut(self.finish.side_len()));
        for (x, results) in io.x.chunks_exact(self.from.len()).zip(results) {
            self.finish.image::<S, 2>(simd, x, 1, zeros, results);
        }
    }

    fn backward<S: Simd>(&self, simd: S, io: Backward) {
        let Some(x_gradient) = io.x_gradient else {
            return;
        };
        let of_zeros = &mut io.scratch[..self.from.padded()];
        let (len, side_len) = (self.finish.to.len(), self.finish.side_len());
        let results = io.gradient.chunks_exact(len).zip(io.out.chunks_exact(len));
        let results = results.zip(io.side.chunks_exact(side_len));
        let images = x_gradient.chunks_exact_mut(self.from.len());
        for (to, ((gradient, out), side)) in images.zip(results) {
            let results = (gradient, out, side);
            self.finish
                .image_gradient::<S, 2>(simd, results, of_zeros, 1, to);
        }
    }
}
