//! Samples as they are, for an activation that follows no step whose results it could change.

use pulp::Simd;

use super::add::convert;
use super::layout::{NhwcLayout, Shape};
use super::step::{Backward, Forward, Step, StepSizes};

/// The samples as they are.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub shape: Shape,
    /// NHWC layouts of samples and results; none where they are flat.
    pub x: Option<NhwcLayout>,
    pub out: Option<NhwcLayout>,
}

impl Step for Identity {
    fn sizes(&self) -> StepSizes {
        let len = |layout: Option<NhwcLayout>| layout.map_or(self.shape.len(), |one| one.len());
        StepSizes {
            x: len(self.x),
            out: len(self.out),
            ..StepSizes::default()
        }
    }

    fn forward<S: Simd>(&self, simd: S, io: Forward) {
        convert(simd, self.shape, (io.x, self.x), (io.out, self.out), false);
    }

    fn backward<S: Simd>(&self, simd: S, io: Backward) {
        if let Some(x_gradient) = io.x_gradient {
            let gradient = (&*io.gradient, self.out);
            convert(simd, self.shape, gradient, (x_gradient, self.x), false);
        }
    }
}
