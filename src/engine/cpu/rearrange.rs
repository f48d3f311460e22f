//! Conversions between flat samples and NHWC images.

use pulp::Simd;

use super::layout::NhwcLayout;
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
