//! Convolutions whose patches are gathered first: for few input channels, where tiles would be mostly
//! padding, and for kernels of any size.

use pulp::Simd;

use super::finish::Finish;
use super::layout::Shape;
use super::lines::padded;
use super::product::{Left, Out, Right, product};
use super::step::{
    Backward, Forward, PackedWeights, Step, StepSizes, unpack_weight_and_bias, weight_and_bias,
};

/// A convolution of images (channels, height, width), whose sizes its stride divides.
#[derive(Debug, Clone)]
pub(crate) struct GatherConv {
    pub from: Shape,
    /// Height and width of the kernel.
    pub kernel: usize,
    pub stride: usize,
    /// Rows and columns of zeros on each side.
    pub padding: usize,
    pub finish: Finish,
}

impl GatherConv {
    /// Pixels of the sums.
    fn area(&self) -> usize {
        let (height, width) = self.finish.sums();
        height * width
    }

    /// Values of a patch.
    fn patch(&self) -> usize {
        self.from.channels * self.kernel * self.kernel
    }

    fn patches_len(&self) -> usize {
        padded(self.area() * self.patch())
    }

    /// Length of the gradient of the weights, (channel and tap, out) with the outputs padded.
    fn weights_len(&self) -> usize {
        self.patch() * self.finish.to.padded()
    }

    /// The values that each tap reads, one plane of the image's size for each channel and tap.
    fn patches(&self, image: &[f32], patches: &mut [f32]) {
        let (height, width) = (self.from.height, self.from.width);
        let (stride, padding) = (self.stride, self.padding);
        let mut planes = patches.chunks_exact_mut(self.area());
        for channel in image.chunks_exact(height * width) {
            for u in 0..self.kernel {
                for v in 0..self.kernel {
                    let Some(plane) = planes.next() else { return };
                    for (y, to) in plane.chunks_exact_mut(width / stride).enumerate() {
                        let row = (stride * y + u).checked_sub(padding);
                        let Some(from) = row.filter(|&from| from < height) else {
                            to.fill(0.0);
                            continue;
                        };
                        let from = &channel[from * width..][..width];
                        match stride {
                            1 => shift(from, to, v, padding),
                            _ => pick(from, to, v, padding, stride),
                        }
                    }
                }
            }
        }
    }

    /// The transposed map of [`Self::patches`], from patches as rows (place, channel and tap).
    fn scatter(&self, patches: &[f32], image: &mut [f32]) {
        let (height, width) = (self.from.height, self.from.width);
        let (kernel, padding, stride) = (self.kernel, self.padding, self.stride);
        let across = width / stride;
        image.fill(0.0);
        for (place, patch) in patches
            .chunks_exact(self.patch())
            .take(self.area())
            .enumerate()
        {
            let (y, x) = (place / across * stride, place % across * stride);
            for (number, &value) in patch.iter().enumerate() {
                let (channel, tap) = (number / (kernel * kernel), number % (kernel * kernel));
                let (row, column) = (y + tap / kernel, x + tap % kernel);
                let row = row.checked_sub(padding).filter(|&row| row < height);
                let column = column.checked_sub(padding).filter(|&column| column < width);
                if let (Some(row), Some(column)) = (row, column) {
                    image[(channel * height + row) * width + column] += value;
                }
            }
        }
    }
}

impl Step for GatherConv {
    fn sizes(&self) -> StepSizes {
        let outputs = self.finish.to.padded();
        StepSizes {
            x: self.from.len(),
            out: self.finish.to.len(),
            side: self.finish.side_len(),
            scratch: self.patches_len() + self.area() * outputs,
            gradient: self.weights_len() + outputs,
            is_convolution: true,
            ..StepSizes::default()
        }
    }

    fn pack<S: Simd>(&self, _: S, parameters: &[&[f32]], packed: &mut PackedWeights) {
        let (weight, bias) = weight_and_bias(parameters);
        let (patch, outputs) = (self.patch(), self.finish.to.channels);
        packed.reserve((patch, outputs), bias, outputs);
        for (o, row) in weight.chunks_exact(patch).enumerate() {
            for (k, &value) in row.iter().enumerate() {
                packed.put((patch, outputs), (k, o), value);
            }
        }
    }

    /// The gradient of (out, in, kernel, kernel) from that of the packed weights.
    fn unpack(&self, gradient: &[f32], parameters: &mut [&mut [f32]]) {
        let gradient = (gradient, self.weights_len());
        unpack_weight_and_bias(gradient, parameters, |weights, weight| {
            for (o, row) in weight.chunks_exact_mut(self.patch()).enumerate() {
                for (k, value) in row.iter_mut().enumerate() {
                    *value = weights[k * self.finish.to.padded() + o];
                }
            }
        });
    }

    fn forward<S: Simd>(&self, simd: S, io: Forward) {
        let (area, to, side) = (self.area(), self.finish.to, self.finish.side_len());
        let (patches, sums) = io.scratch.split_at_mut(self.patches_len());
        for (number, image) in io.x.chunks_exact(self.from.len()).enumerate() {
            self.patches(image, patches);
            product(
                simd,
                Out::new(sums, to.padded()),
                (area, to.padded(), self.patch()),
                Left::transposed(patches, area),
                Right::Panels(&io.packed.forward),
            );
            let out = &mut io.out[number * to.len()..][..to.len()];
            self.finish.image::<S, 2>(
                simd,
                sums,
                1,
                &io.packed.bias,
                (out, &mut io.side[number * side..][..side]),
            );
        }
    }

    fn backward<S: Simd>(&self, simd: S, mut io: Backward) {
        let (area, patch) = (self.area(), self.patch());
        let (to, side) = (self.finish.to, self.finish.side_len());
        let (weight_sum, bias_sum) = io.parameter_gradient.split_at_mut(self.weights_len());
        let (patches, sums) = io.scratch.split_at_mut(self.patches_len());
        for (number, image) in io.x.chunks_exact(self.from.len()).enumerate() {
            self.finish.image_gradient::<S, 2>(
                simd,
                (
                    &io.gradient[number * to.len()..][..to.len()],
                    &io.out[number * to.len()..][..to.len()],
                    &io.side[number * side..][..side],
                ),
                bias_sum,
                1,
                sums,
            );
            self.patches(image, patches);
            product(
                simd,
                Out::new(weight_sum, to.padded()).accumulate(true),
                (patch, to.padded(), area),
                Left::new(patches, area),
                Right::Rows(sums, to.padded()),
            );
            if let Some(x_gradient) = &mut io.x_gradient {
                product(
                    simd,
                    Out::new(patches, patch),
                    (area, patch, to.channels),
                    Left::new(sums, to.padded()),
                    Right::Panels(&io.packed.backward),
                );
                let image = &mut x_gradient[number * self.from.len()..][..self.from.len()];
                self.scatter(patches, image);
            }
        }
    }
}

/// Every `stride`-th value of a row moved by `v - padding` to the left, filled with zeros.
fn pick(from: &[f32], to: &mut [f32], v: usize, padding: usize, stride: usize) {
    for (x, to) in to.iter_mut().enumerate() {
        let place = (stride * x + v).checked_sub(padding);
        *to = place
            .and_then(|place| from.get(place))
            .copied()
            .unwrap_or(0.0);
    }
}

/// [`pick`] with stride 1.
fn shift(from: &[f32], to: &mut [f32], v: usize, padding: usize) {
    let width = to.len();
    if v <= padding {
        let by = (padding - v).min(width);
        to[..by].fill(0.0);
        to[by..].copy_from_slice(&from[..width - by]);
    } else {
        let by = (v - padding).min(width);
        to[..width - by].copy_from_slice(&from[by..]);
        to[width - by..].fill(0.0);
    }
}
