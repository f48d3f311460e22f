//! Steps that compute little: conversions between the two layouts, and layers that are not fused.

use pulp::Simd;

use super::layout::{NhwcLayout, Shape};
use super::step::{Backward, Forward, Step, StepSizes};

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

        impl Step for $name {
            fn sizes(&self) -> StepSizes {
                let $step = self;
                StepSizes {
                    x: $x_len,
                    out: $out_len,
                    side: $side_len,
                    ..StepSizes::default()
                }
            }

            fn forward<S: Simd>(&self, _: S, $f: Forward) {
                let $step = self;
                $forward;
            }

            fn backward<S: Simd>(&self, _: S, $b: Backward) {
                let $step = self;
                if let Some($to) = $b.x_gradient {
                    $backward;
                }
            }
        }
    };
}

plain_step! {
    /// Flat images into an NHWC layout.
    ToNhwc { layout: NhwcLayout },
    |step| step.layout.shape().len(), step.layout.len(), 0,
    forward |io| to_nhwc(io.x, step.layout, io.out),
    backward |io, to| to_flat(io.gradient, step.layout, to)
}

plain_step! {
    /// Images in an NHWC layout into flat ones.
    ToFlat { layout: NhwcLayout },
    |step| step.layout.len(), step.layout.shape().len(), 0,
    forward |io| to_flat(io.x, step.layout, io.out),
    backward |io, to| to_nhwc(io.gradient, step.layout, to)
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

impl MaxPool {
    /// Values of a sample's result.
    fn pooled(&self) -> usize {
        self.shape.len() / (self.size * self.size)
    }
}

/// Flat images `(channels, height, width)` into an NHWC layout. Border and padding do not change.
fn to_nhwc(flat: &[f32], layout: NhwcLayout, out: &mut [f32]) {
    let images = flat.chunks_exact(layout.shape().len());
    for (flat, out) in images.zip(out.chunks_exact_mut(layout.len())) {
        layout.each(|place, at| out[at] = flat[place]);
    }
}

/// The transposed map of [`to_nhwc`].
fn to_flat(values: &[f32], layout: NhwcLayout, out: &mut [f32]) {
    let images = values.chunks_exact(layout.len());
    for (values, out) in images.zip(out.chunks_exact_mut(layout.shape().len())) {
        layout.each(|place, at| out[place] = values[at]);
    }
}

/// The first of the largest values (or of the NaNs) of each window, and its place in the flat image.
fn max_pool(x: &[f32], planes: Shape, size: usize, out: &mut [f32], from: &mut [f32]) {
    let columns = planes.width / size;
    let pooled = planes.height / size * columns;
    let results = out
        .chunks_exact_mut(pooled)
        .zip(from.chunks_exact_mut(pooled));
    for (x, (out, from)) in x.chunks_exact(planes.area()).zip(results) {
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
    for (x, (gradient, from)) in x.chunks_exact_mut(planes.area()).zip(results) {
        for (&gradient, &from) in gradient.iter().zip(from) {
            x[from.to_bits() as usize] += gradient;
        }
    }
}

/// Each value `scale` times along both axes.
fn upsample(x: &[f32], planes: Shape, scale: usize, out: &mut [f32]) {
    let width = planes.width * scale;
    let rows = x.chunks_exact(planes.width);
    for (x, out) in rows.zip(out.chunks_exact_mut(scale * width)) {
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
