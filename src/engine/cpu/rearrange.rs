//! Steps that compute little: conversions between the two layouts, and layers that are not fused.

use pulp::Simd;

use super::grid::{Grid, Shape};
use super::step::{Backward, Forward, Step};

/// Declares a step without weights by its lengths and its two passes.
macro_rules! plain_step {
    (
        $(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* },
        |$step:ident| $x_len:expr, $out_len:expr, $side_len:expr,
        forward |$f:ident| $forward:expr,
        backward |$b:ident, $to:ident| $backward:expr
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub(crate) struct $name {
            $(pub $field: $type,)*
        }

        impl $name {
            /// Values of a sample before the step, after it, and kept for the backward pass.
            fn sizes(&self) -> [usize; 3] {
                let $step = self;
                [$x_len, $out_len, $side_len]
            }
        }

        impl Step for $name {
            type Packed = ();

            fn x_len(&self) -> usize {
                self.sizes()[0]
            }

            fn out_len(&self) -> usize {
                self.sizes()[1]
            }

            fn side_len(&self) -> usize {
                self.sizes()[2]
            }

            fn forward<S: Simd>(&self, _: S, _: (&(), &[&[f32]]), $f: Forward) -> f64 {
                let $step = self;
                $forward;
                0.0
            }

            fn backward<S: Simd>(&self, _: S, _: (&(), &[&[f32]]), $b: Backward) {
                let $step = self;
                if let Some($to) = $b.x_gradient {
                    $backward;
                }
            }
        }
    };
}

plain_step! {
    /// Flat images into a grid.
    ToGrid { grid: Grid },
    |step| step.grid.shape().len(), step.grid.len(), 0,
    forward |io| to_grid(io.x, step.grid, io.out),
    backward |io, to| to_flat(io.gradient, step.grid, to)
}

plain_step! {
    /// A grid into flat images.
    ToFlat { grid: Grid },
    |step| step.grid.len(), step.grid.shape().len(), 0,
    forward |io| to_flat(io.x, step.grid, io.out),
    backward |io, to| to_grid(io.gradient, step.grid, to)
}

plain_step! {
    /// The largest value of each window of flat images.
    MaxPool { shape: Shape, size: usize },
    |step| step.shape.len(), step.pooled(), step.pooled(),
    forward |io| max_pool(io.x, step.shape, step.size, io.out, io.side),
    backward |io, to| max_unpool(io.gradient, io.side, step.shape, step.size, to)
}

plain_step! {
    /// Each value of flat images repeated.
    Upsample { shape: Shape, scale: usize },
    |step| step.shape.len(), step.shape.len() * step.scale * step.scale, 0,
    forward |io| upsample(io.x, step.shape, step.scale, io.out),
    backward |io, to| downsample(io.gradient, step.shape, step.scale, to)
}

plain_step! {
    /// Softmax over the channels at each place of flat images.
    Softmax { shape: Shape },
    |step| step.shape.len(), step.shape.len(), 0,
    forward |io| softmax(io.x, step.shape, io.out),
    backward |io, to| softmax_gradient(io.out, io.gradient, step.shape, to)
}

impl MaxPool {
    /// Values of a sample's result.
    fn pooled(&self) -> usize {
        self.shape.len() / (self.size * self.size)
    }
}

/// Flat images `(channels, height, width)` into a grid. Border and padding do not change.
fn to_grid(flat: &[f32], grid: Grid, out: &mut [f32]) {
    let area = grid.height * grid.width;
    let images = flat.chunks_exact(area * grid.channels);
    for (flat, out) in images.zip(out.chunks_exact_mut(grid.len())) {
        for y in 0..grid.height {
            for x in 0..grid.width {
                let values = flat[y * grid.width + x..].iter().step_by(area);
                let to = &mut out[grid.at(y, x)..][..grid.channels];
                for (to, &value) in to.iter_mut().zip(values) {
                    *to = value;
                }
            }
        }
    }
}

/// The transposed map of [`to_grid`].
fn to_flat(grid_values: &[f32], grid: Grid, out: &mut [f32]) {
    let area = grid.height * grid.width;
    let images = grid_values.chunks_exact(grid.len());
    for (values, out) in images.zip(out.chunks_exact_mut(area * grid.channels)) {
        for y in 0..grid.height {
            for x in 0..grid.width {
                let from = &values[grid.at(y, x)..][..grid.channels];
                let to = out[y * grid.width + x..].iter_mut().step_by(area);
                for (to, &value) in to.zip(from) {
                    *to = value;
                }
            }
        }
    }
}

/// The first of the largest values (or of the NaNs) of each window, and its place in the flat image.
fn max_pool(x: &[f32], planes: Shape, size: usize, out: &mut [f32], from: &mut [f32]) {
    let (rows, columns) = (planes.height / size, planes.width / size);
    let planes_in = x.chunks_exact(planes.height * planes.width);
    let planes_out = out
        .chunks_exact_mut(rows * columns)
        .zip(from.chunks_exact_mut(rows * columns));
    for (x, (out, from)) in planes_in.zip(planes_out) {
        for (place, (out, from)) in out.iter_mut().zip(from).enumerate() {
            let corner = (place / columns * planes.width + place % columns) * size;
            let mut best = corner;
            for i in 0..size {
                for j in 0..size {
                    let here = corner + i * planes.width + j;
                    let stays = x[here] <= x[best] || x[best].is_nan();
                    if !stays {
                        best = here;
                    }
                }
            }
            *out = x[best];
            // A bit pattern, because f32 cannot hold places in large images exactly.
            *from = f32::from_bits(best as u32);
        }
    }
}

/// The gradient of [`max_pool`].
fn max_unpool(gradient: &[f32], from: &[f32], planes: Shape, size: usize, x: &mut [f32]) {
    let pooled = planes.height / size * (planes.width / size);
    x.fill(0.0);
    let results = gradient.chunks_exact(pooled).zip(from.chunks_exact(pooled));
    for (x, (gradient, from)) in x
        .chunks_exact_mut(planes.height * planes.width)
        .zip(results)
    {
        for (&gradient, &from) in gradient.iter().zip(from) {
            x[from.to_bits() as usize] += gradient;
        }
    }
}

/// Each value `scale` times along both axes.
fn upsample(x: &[f32], planes: Shape, scale: usize, out: &mut [f32]) {
    let width = planes.width * scale;
    for (x, out) in x
        .chunks_exact(planes.width)
        .zip(out.chunks_exact_mut(scale * width))
    {
        for row in out.chunks_exact_mut(width) {
            for (out, &value) in row.chunks_exact_mut(scale).zip(x) {
                out.fill(value);
            }
        }
    }
}

/// The transposed map of [`upsample`].
fn downsample(gradient: &[f32], planes: Shape, scale: usize, x: &mut [f32]) {
    let width = planes.width * scale;
    let rows = gradient.chunks_exact(scale * width);
    for (x, gradient) in x.chunks_exact_mut(planes.width).zip(rows) {
        x.fill(0.0);
        for row in gradient.chunks_exact(width) {
            for (x, values) in x.iter_mut().zip(row.chunks_exact(scale)) {
                *x += values.iter().sum::<f32>();
            }
        }
    }
}

/// e^x / sum of e^x over the channels at each place.
fn softmax(x: &[f32], planes: Shape, out: &mut [f32]) {
    let area = planes.height * planes.width;
    for (x, out) in x
        .chunks_exact(planes.len())
        .zip(out.chunks_exact_mut(planes.len()))
    {
        for place in 0..area {
            let values = || {
                x[place..]
                    .iter()
                    .step_by(area)
                    .map(|&value| f64::from(value))
            };
            let maximum = values().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = values().map(|value| (value - maximum).exp()).sum();
            for (out, value) in out[place..].iter_mut().step_by(area).zip(values()) {
                *out = ((value - maximum).exp() / sum) as f32;
            }
        }
    }
}

/// The gradient of [`softmax`] from its results: y (g - sum of y g).
fn softmax_gradient(y: &[f32], gradient: &[f32], planes: Shape, x: &mut [f32]) {
    let (area, len) = (planes.height * planes.width, planes.len());
    let results = y.chunks_exact(len).zip(gradient.chunks_exact(len));
    for (x, (y, gradient)) in x.chunks_exact_mut(len).zip(results) {
        for place in 0..area {
            let pairs = || y[place..].iter().zip(&gradient[place..]).step_by(area);
            let sum: f64 = pairs().map(|(&y, &g)| f64::from(y) * f64::from(g)).sum();
            for (x, (&y, &g)) in x[place..].iter_mut().step_by(area).zip(pairs()) {
                *x = (f64::from(y) * (f64::from(g) - sum)) as f32;
            }
        }
    }
}
