//! The sum at the end of a residual block.

use pulp::Simd;

use super::flat::{add, sum_of};
use super::grid::{Layout, Shape};
use super::step::{Backward, Forward, Step};

/// x plus the samples that an earlier step reads.
#[derive(Debug, Clone)]
pub(crate) struct Add {
    /// The step whose samples are added.
    pub source: usize,
    pub shape: Shape,
    /// Layouts of its samples, of those of `source`, and of the sums.
    pub x: Layout,
    pub skip: Layout,
    pub out: Layout,
}

impl Add {
    /// Values of a sample in this layout.
    pub fn len(&self, layout: Layout) -> usize {
        match layout {
            Layout::Flat => self.shape.len(),
            Layout::Grid(grid) => grid.len(),
        }
    }

    /// `out = x + skip`.
    pub fn sum<S: Simd>(&self, simd: S, (x, skip): (&[f32], &[f32]), out: &mut [f32]) {
        if self.x == self.out && self.skip == self.out {
            return sum_of(simd, x, skip, out);
        }
        self.convert(simd, (x, self.x), (out, self.out), false);
        self.convert(simd, (skip, self.skip), (out, self.out), true);
    }

    /// Adds to the gradient of the skip samples.
    pub fn backward_skip<S: Simd>(&self, simd: S, gradient: &[f32], skip_gradient: &mut [f32]) {
        self.convert(simd, (gradient, self.out), (skip_gradient, self.skip), true);
    }

    /// Copies samples from one layout to another, or adds them to the values there.
    fn convert<S: Simd>(
        &self,
        simd: S,
        (from, from_layout): (&[f32], Layout),
        (to, to_layout): (&mut [f32], Layout),
        adds: bool,
    ) {
        let put = |from: &[f32], to: &mut [f32]| match adds {
            true => add(simd, to, from),
            false => to.copy_from_slice(from),
        };
        if from_layout == to_layout {
            return put(from, to);
        }
        let samples = from.chunks_exact(self.len(from_layout));
        for (from, to) in samples.zip(to.chunks_exact_mut(self.len(to_layout))) {
            match (from_layout, to_layout) {
                (Layout::Grid(from_grid), Layout::Grid(to_grid)) => {
                    let row = self.shape.width * to_grid.padded();
                    for y in 0..self.shape.height {
                        let from = &from[from_grid.at(y, 0)..][..row];
                        put(from, &mut to[to_grid.at(y, 0)..][..row]);
                    }
                }
                _ => self.each(|channel, y, x| {
                    let value = from[self.place(from_layout, channel, y, x)];
                    let to = &mut to[self.place(to_layout, channel, y, x)];
                    *to = if adds { *to + value } else { value };
                }),
            }
        }
    }

    fn each(&self, mut work: impl FnMut(usize, usize, usize)) {
        for y in 0..self.shape.height {
            for x in 0..self.shape.width {
                for channel in 0..self.shape.channels {
                    work(channel, y, x);
                }
            }
        }
    }

    fn place(&self, layout: Layout, channel: usize, y: usize, x: usize) -> usize {
        match layout {
            Layout::Flat => channel * self.shape.area() + y * self.shape.width + x,
            Layout::Grid(grid) => grid.at(y, x) + channel,
        }
    }
}

impl Step for Add {
    type Packed = ();

    fn x_len(&self) -> usize {
        self.len(self.x)
    }

    fn out_len(&self) -> usize {
        self.len(self.out)
    }

    /// Does nothing: the sum reads two values; see [`Add::sum`].
    fn forward<S: Simd>(&self, _: S, _: (&(), &[&[f32]]), _: Forward) -> f64 {
        0.0
    }

    /// The gradient of x alone; see [`Add::backward_skip`].
    fn backward<S: Simd>(&self, simd: S, _: (&(), &[&[f32]]), io: Backward) {
        if let Some(x_gradient) = io.x_gradient {
            self.convert(simd, (io.gradient, self.out), (x_gradient, self.x), false);
        }
    }
}
