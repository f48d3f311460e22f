//! Convolutions whose patches are gathered first: for few input channels, where tiles would be mostly
//! padding, and for kernels of any size.

use pulp::Simd;

use super::finish::{Finish, Put, Take};
use super::isa::vectorize;
use super::lines::{Lines, padded};
use super::product::{Left, Out, Right, load, panel_place, panels_len, product, store};
use super::step::{Backward, Forward, Step, unpack_weight_and_bias, weight_and_bias};

/// A convolution of images (channels, height, width), whose sizes its stride divides.
#[derive(Debug, Clone)]
pub(crate) struct GatherConv {
    pub channels: usize,
    pub height: usize,
    pub width: usize,
    /// Height and width of the kernel.
    pub kernel: usize,
    pub stride: usize,
    /// Rows and columns of zeros on each side.
    pub padding: usize,
    pub out_channels: usize,
    pub finish: Finish,
}

/// The weights as the products read them.
#[derive(Debug, Default)]
pub(crate) struct GatherWeights {
    /// (channel and tap, out) in panels.
    forward: Lines,
    /// (out, channel and tap) in panels.
    backward: Lines,
    bias: Lines,
}

impl GatherConv {
    fn image_len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Height and width of the sums.
    fn sides(&self) -> (usize, usize) {
        (self.height / self.stride, self.width / self.stride)
    }

    /// Pixels of the sums.
    fn area(&self) -> usize {
        let (height, width) = self.sides();
        height * width
    }

    /// Values of a patch.
    fn patch(&self) -> usize {
        self.channels * self.kernel * self.kernel
    }

    fn patches_len(&self) -> usize {
        padded(self.area() * self.patch())
    }

    /// Length of the gradient of the weights, (channel and tap, out) with the outputs padded.
    fn weights_len(&self) -> usize {
        self.patch() * padded(self.out_channels)
    }

    /// The gradient of (out, in, kernel, kernel) from that of the packed weights.
    fn unpack_weights(&self, gradient: &[f32], weight: &mut [f32]) {
        let outputs = padded(self.out_channels);
        for (o, row) in weight.chunks_exact_mut(self.patch()).enumerate() {
            for (k, value) in row.iter_mut().enumerate() {
                *value = gradient[k * outputs + o];
            }
        }
    }

    /// The values that each tap reads, one plane of the image's size for each channel and tap.
    fn patches(&self, image: &[f32], patches: &mut [f32]) {
        let (height, width) = (self.height, self.width);
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

    fn finish_image<S: Simd>(
        &self,
        simd: S,
        sums: &[f32],
        (bias, out, pooled): (&[f32], &mut [f32], &mut [f32]),
    ) {
        let outputs = padded(self.out_channels);
        let (height, width) = self.sides();
        assert!(self.area() * outputs <= sums.len() && outputs <= bias.len());
        assert!(
            self.finish.to.padded() == outputs
                && (self.finish.to.height, self.finish.to.width) == self.out_size()
        );
        let zero = simd.splat_f32s(0.0);
        let put = Put {
            bias: bias.as_ptr(),
            out: out.as_mut_ptr(),
            from: pooled.as_mut_ptr(),
        };
        vectorize(
            simd,
            #[inline(always)]
            || {
                for (y, x) in self.corners() {
                    for c in (0..outputs).step_by(S::F32_LANES) {
                        let mut tile = [[zero; 2]; 2];
                        for (i, row) in tile.iter_mut().enumerate() {
                            for (j, value) in row.iter_mut().enumerate() {
                                if y + i < height && x + j < width {
                                    let at = ((y + i) * width + x + j) * outputs + c;
                                    // SAFETY: a place of the image, whose sums the assertion covers.
                                    *value = unsafe { load::<S>(sums.as_ptr().add(at)) };
                                }
                            }
                        }
                        // SAFETY: out and pooled are one image of `to`, whose sizes are those of the
                        // results by the assertion.
                        unsafe {
                            self.finish
                                .put(simd, tile, (y as isize, x as isize, c), put)
                        };
                    }
                }
            },
        );
    }

    /// Height and width of the results.
    fn out_size(&self) -> (usize, usize) {
        let (height, width) = self.sides();
        match self.finish.pool {
            true => (height / 2, width / 2),
            false => (height, width),
        }
    }

    /// Upper left corners of windows of two by two.
    fn corners(&self) -> impl Iterator<Item = (usize, usize)> {
        let (height, width) = self.sides();
        let rows = (0..height).step_by(2);
        rows.flat_map(move |y| (0..width).step_by(2).map(move |x| (y, x)))
    }

    fn unfinish_image<S: Simd>(
        &self,
        simd: S,
        (gradient, out, pooled): (&[f32], &[f32], &[f32]),
        bias: &mut [f32],
        sums: &mut [f32],
    ) {
        let outputs = padded(self.out_channels);
        let (height, width) = self.sides();
        assert!(self.area() * outputs <= sums.len() && outputs <= bias.len());
        assert!(
            self.finish.to.padded() == outputs
                && (self.finish.to.height, self.finish.to.width) == self.out_size()
        );
        let take = Take {
            gradient: gradient.as_ptr(),
            out: out.as_ptr(),
            from: pooled.as_ptr(),
        };
        vectorize(
            simd,
            #[inline(always)]
            || {
                for (y, x) in self.corners() {
                    for c in (0..outputs).step_by(S::F32_LANES) {
                        // SAFETY: as in `finish_image`.
                        unsafe {
                            let tile: [[S::f32s; 2]; 2] =
                                self.finish.take(simd, (y as isize, x as isize, c), take);
                            let mut sum = load::<S>(bias.as_ptr().add(c));
                            for (i, row) in tile.into_iter().enumerate() {
                                for (j, value) in row.into_iter().enumerate() {
                                    if y + i < height && x + j < width {
                                        let at = ((y + i) * width + x + j) * outputs + c;
                                        store::<S>(sums.as_mut_ptr().add(at), value);
                                        sum = simd.add_f32s(sum, value);
                                    }
                                }
                            }
                            store::<S>(bias.as_mut_ptr().add(c), sum);
                        }
                    }
                }
            },
        );
    }

    /// The transposed map of [`Self::patches`], from patches as rows (place, channel and tap).
    fn scatter(&self, patches: &[f32], image: &mut [f32]) {
        let (height, width) = (self.height, self.width);
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
    type Packed = GatherWeights;

    fn x_len(&self) -> usize {
        self.image_len()
    }

    fn out_len(&self) -> usize {
        self.finish.to.len()
    }

    fn side_len(&self) -> usize {
        self.finish.side_len()
    }

    fn scratch(&self, _: usize) -> usize {
        self.patches_len() + self.area() * padded(self.out_channels)
    }

    fn is_convolution(&self) -> bool {
        true
    }

    fn gradient_len(&self) -> usize {
        self.weights_len() + padded(self.out_channels)
    }

    fn pack<S: Simd>(&self, _: S, parameters: &[&[f32]], packed: &mut GatherWeights) {
        let (weight, bias) = weight_and_bias(parameters);
        let (patch, outputs) = (self.patch(), self.out_channels);
        packed.bias.reserve(padded(outputs));
        packed.bias[..bias.len()].copy_from_slice(bias);
        packed.forward.reserve(panels_len(patch, outputs));
        packed.backward.reserve(panels_len(outputs, patch));
        for (o, row) in weight.chunks_exact(patch).enumerate() {
            for (k, &value) in row.iter().enumerate() {
                packed.forward[panel_place(patch, outputs, k, o)] = value;
                packed.backward[panel_place(outputs, patch, o, k)] = value;
            }
        }
    }

    fn unpack(&self, gradient: &[f32], parameters: &mut [&mut [f32]]) {
        let gradient = (gradient, self.weights_len());
        unpack_weight_and_bias(gradient, parameters, |weights, weight| {
            self.unpack_weights(weights, weight);
        });
    }

    fn forward<S: Simd>(
        &self,
        simd: S,
        (packed, _): (&GatherWeights, &[&[f32]]),
        io: Forward,
    ) -> f64 {
        let (area, outputs) = (self.area(), padded(self.out_channels));
        let to = self.finish.to;
        let (patches, sums) = io.scratch.split_at_mut(self.patches_len());
        for (number, image) in io.x.chunks_exact(self.image_len()).enumerate() {
            self.patches(image, patches);
            product(
                simd,
                Out {
                    data: sums,
                    row: outputs,
                    accumulate: false,
                },
                (area, outputs, self.patch()),
                Left {
                    data: patches,
                    row: 1,
                    step: area,
                },
                Right::Panels(&packed.forward),
            );
            let out = &mut io.out[number * to.len()..][..to.len()];
            let pooled = match self.finish.pool {
                true => &mut io.side[number * to.len()..][..to.len()],
                false => &mut [],
            };
            self.finish_image(simd, sums, (&packed.bias, out, pooled));
        }
        0.0
    }

    fn backward<S: Simd>(
        &self,
        simd: S,
        (packed, _): (&GatherWeights, &[&[f32]]),
        mut io: Backward,
    ) {
        let (area, outputs) = (self.area(), padded(self.out_channels));
        let to = self.finish.to;
        let (weight_sum, bias_sum) = io.parameters.split_at_mut(self.weights_len());
        let (patches, sums) = io.scratch.split_at_mut(self.patches_len());
        for (number, image) in io.x.chunks_exact(self.image_len()).enumerate() {
            let part = number * to.len()..(number + 1) * to.len();
            let pooled = match self.finish.pool {
                true => &io.side[part.clone()],
                false => &[],
            };
            let results = (&io.gradient[part.clone()], &io.out[part], pooled);
            self.unfinish_image(simd, results, bias_sum, sums);
            self.patches(image, patches);
            product(
                simd,
                Out {
                    data: weight_sum,
                    row: outputs,
                    accumulate: true,
                },
                (self.patch(), outputs, area),
                Left {
                    data: patches,
                    row: area,
                    step: 1,
                },
                Right::Rows {
                    data: sums,
                    row: outputs,
                },
            );
            if let Some(x_gradient) = &mut io.x_gradient {
                let patch = self.patch();
                product(
                    simd,
                    Out {
                        data: patches,
                        row: patch,
                        accumulate: false,
                    },
                    (area, patch, self.out_channels),
                    Left {
                        data: sums,
                        row: outputs,
                        step: 1,
                    },
                    Right::Panels(&packed.backward),
                );
                let image = &mut x_gradient[number * self.image_len()..][..self.image_len()];
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
