//! Compares every kind of convolution with direct sums in f64.

use super::{TOLERANCE, apart, batch, network, numbers};
use crate::engine::cpu::layout::Shape;
use crate::engine::cpu::{Isa, LayerParameters};
use crate::layer::LayerSpec;
use crate::recipe::Reconstruction;

/// A direct convolution, in f64.
struct Direct {
    shape: Shape,
    channels: usize,
    kernel: usize,
    scale: usize,
    stride: usize,
}

impl Direct {
    fn out_size(&self) -> (usize, usize) {
        let Shape { height, width, .. } = self.shape;
        let size = |size: usize| size * self.scale / self.stride;
        (size(height), size(width))
    }

    fn out_len(&self) -> usize {
        self.channels * self.out_size().0 * self.out_size().1
    }

    /// Calls `work` with the places of result, weight and input of every product.
    fn each(&self, images: usize, mut work: impl FnMut(usize, usize, usize)) {
        let (height, width) = self.out_size();
        let (in_height, in_width) = (height * self.stride, width * self.stride);
        // Even kernels have no padding.
        let reach = self.kernel / 2 * (self.kernel % 2);
        for image in 0..images {
            for o in 0..self.channels {
                for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                    let out = image * self.out_len() + (o * height + y) * width + x;
                    for c in 0..self.shape.channels {
                        for tap in 0..self.kernel * self.kernel {
                            let v = y * self.stride + tap / self.kernel;
                            let u = x * self.stride + tap % self.kernel;
                            let is_inside = (reach..reach + in_height).contains(&v)
                                && (reach..reach + in_width).contains(&u);
                            if !is_inside {
                                continue;
                            }
                            let (v, u) = ((v - reach) / self.scale, (u - reach) / self.scale);
                            let weight =
                                (o * self.shape.channels + c) * self.kernel * self.kernel + tap;
                            let from = (c * self.shape.height + v) * self.shape.width + u;
                            work(out, weight, image * self.shape.len() + from);
                        }
                    }
                }
            }
        }
    }
}

/// Most values of an image for which the gradient of images is compared: it takes a layer of the square of them.
const MOST_VALUES: usize = 1 << 11;

/// Compares a convolution of images (channels, height, width), upsampled first: its results, and the gradients of
/// weights, biases and images for half the squared distance to a target.
fn check(
    (dims, channels, kernel): ([usize; 3], usize, usize),
    (scale, stride): (usize, usize),
    images: usize,
) {
    let shape = Shape::new(&dims).unwrap();
    let direct = Direct {
        shape,
        channels,
        kernel,
        scale,
        stride,
    };
    let conv = format!("conv {kernel}x{kernel}, {channels}, stride {stride}");
    let mut layers: Vec<LayerSpec> = vec![conv.parse().unwrap()];
    if scale > 1 {
        layers.insert(0, format!("upsample {scale}").parse().unwrap());
    }
    let weight = numbers(1, channels * shape.channels * kernel * kernel);
    let bias = numbers(2, channels);
    let input = numbers(3, images * direct.shape.len());
    let target = numbers(4, images * direct.out_len());

    let mut results = vec![0f64; target.len()];
    let channel = |place: usize| place / (direct.out_size().0 * direct.out_size().1) % channels;
    for (place, result) in results.iter_mut().enumerate() {
        *result = f64::from(bias[channel(place)]);
    }
    direct.each(images, |out, w, x| {
        results[out] += f64::from(weight[w]) * f64::from(input[x])
    });
    let pairs = results.iter().zip(&target);
    let errors: Vec<f64> = pairs.map(|(y, &t)| y - f64::from(t)).collect();
    let mut weight_gradient = vec![0f64; weight.len()];
    let mut bias_gradient = vec![0f64; bias.len()];
    direct.each(images, |out, w, x| {
        weight_gradient[w] += errors[out] * f64::from(input[x])
    });
    for (place, error) in errors.iter().enumerate() {
        bias_gradient[channel(place)] += error;
    }
    let len = shape.len();
    let mut image_gradient = vec![0f64; len];
    direct.each(images, |out, w, x| {
        image_gradient[x % len] += errors[out] * f64::from(weight[w])
    });

    for isa in Isa::available() {
        let mut network = network(&layers, dims, isa);
        let parameters: [LayerParameters; 1] = [vec![&weight, &bias]];
        network.pack(&parameters);
        let mut out = vec![0f32; target.len()];
        network.run(&parameters, &input, &mut out);
        let name = format!(
            "{shape:?} to {channels}, kernel {kernel}, scale {scale}, stride {stride}, {images} images, {isa:?}"
        );

        let batch = batch(&input, &target, Reconstruction::Mse, 0.5);
        network.gradients(&parameters, batch);
        let (mut weights, mut biases) = (vec![0f32; weight.len()], vec![0f32; bias.len()]);
        network.unpack(vec![vec![&mut weights, &mut biases]]);
        for (what, ours, reference) in [
            ("results", &out, &results),
            ("gradient of weights", &weights, &weight_gradient),
            ("gradient of biases", &biases, &bias_gradient),
        ] {
            let error = apart(ours, reference);
            assert!(error < TOLERANCE, "{name}: {what} {error:.1e}");
        }
        if len > MOST_VALUES {
            continue;
        }
        // The biases of a layer before the convolution have the gradient of the images.
        let identity: Vec<f32> = (0..len * len)
            .map(|place| f32::from(place / len == place % len))
            .collect();
        let zeros = vec![0f32; len];
        let before = [
            "flatten".into(),
            format!("dense {len}"),
            format!("reshape {dims:?}"),
        ];
        let before = before.map(|layer| layer.parse().unwrap());
        let layers: Vec<_> = before.into_iter().chain(layers.iter().cloned()).collect();
        let mut network = self::network(&layers, dims, isa);
        let parameters: [LayerParameters; 2] = [vec![&identity, &zeros], vec![&weight, &bias]];
        network.pack(&parameters);
        network.gradients(&parameters, batch);
        let (mut unused, mut ours) = (identity.clone(), zeros.clone());
        let convolution = vec![weights.as_mut_slice(), biases.as_mut_slice()];
        network.unpack(vec![vec![&mut unused, &mut ours], convolution]);
        let error = apart(&ours, &image_gradient);
        assert!(error < TOLERANCE, "{name}: gradient of images {error:.1e}");
    }
}

#[test]
fn convolutions_are_right_in_every_instruction_set() {
    for images in [1, 3, 17] {
        // Tiles: whole ones, cut ones, fewer than one; channels above, at and below a vector's length.
        check(([16, 8, 8], 32, 3), (1, 1), images);
        check(([7, 7, 5], 9, 3), (1, 1), images);
        check(([33, 1, 2], 17, 3), (1, 1), images);
        check(([20, 4, 13], 48, 3), (1, 1), images);
        // Upsampled images, with even and odd sizes.
        check(([16, 7, 7], 32, 3), (2, 1), images);
        check(([5, 4, 6], 9, 3), (2, 1), images);
        check(([40, 1, 3], 20, 3), (2, 1), images);
        // Kernels of five, seven and nine: whole tiles and cut ones, images smaller than the kernel.
        check(([16, 8, 8], 20, 5), (1, 1), images);
        check(([5, 7, 10], 33, 5), (1, 1), images);
        check(([18, 1, 3], 6, 5), (1, 1), images);
        check(([16, 6, 4], 17, 7), (1, 1), images);
        check(([9, 5, 7], 8, 7), (1, 1), images);
        check(([5, 1, 2], 3, 7), (1, 1), images);
        check(([7, 9, 6], 18, 9), (1, 1), images);
        check(([5, 2, 11], 35, 9), (1, 1), images);
        // The same of upsampled images.
        for (height, width) in [(4, 5), (7, 3), (1, 2)] {
            for (kernel, scale) in [
                (1, 2),
                (1, 3),
                (1, 4),
                (5, 2),
                (7, 2),
                (3, 3),
                (5, 3),
                (3, 4),
                (5, 4),
            ] {
                check(([6, height, width], 18, kernel), (scale, 1), images);
            }
        }
        // Direct ones, of all kernels.
        check(([17, 6, 7], 33, 5), (1, 1), images);
        check(([20, 3, 5], 6, 7), (1, 1), images);
        check(([6, 7, 9], 35, 11), (1, 1), images);
        check(([2, 5, 5], 16, 5), (1, 1), images);
        check(([34, 4, 3], 70, 1), (1, 1), images);
        check(([6, 3, 5], 18, 3), (3, 1), images);
        check(([19, 4, 3], 7, 5), (2, 1), images);
        check(([5, 3, 4], 9, 7), (4, 1), images);
        check(([18, 3, 4], 20, 1), (2, 1), images);
        // From few channels, and scattered.
        check(([1, 9, 6], 20, 3), (1, 1), images);
        check(([3, 5, 9], 7, 5), (1, 1), images);
        check(([3, 4, 4], 18, 1), (1, 1), images);
        check(([18, 6, 5], 1, 3), (1, 1), images);
        check(([18, 6, 5], 3, 3), (2, 1), images);
        check(([9, 1, 1], 2, 3), (2, 1), images);
        check(([9, 4, 7], 2, 7), (1, 1), images);
        check(([6, 3, 5], 4, 5), (3, 1), images);
        check(([6, 3, 5], 1, 1), (2, 1), images);
        // With strides.
        check(([1, 8, 12], 5, 3), (1, 2), images);
        check(([18, 6, 4], 20, 2), (1, 2), images);
        check(([3, 9, 6], 17, 5), (1, 3), images);
        check(([20, 6, 8], 33, 7), (1, 2), images);
        check(([8, 8, 4], 3, 1), (1, 2), images);
        check(([7, 9, 9], 16, 3), (1, 3), images);
    }
}

/// With the sizes of the shipped denoiser, where sums are long.
#[test]
fn long_sums_keep_their_precision() {
    check(([128, 7, 7], 128, 3), (1, 1), 4);
    check(([128, 7, 7], 64, 3), (2, 1), 4);
    check(([64, 14, 14], 1, 3), (2, 1), 4);
    check(([128, 7, 7], 64, 5), (1, 1), 2);
    check(([128, 7, 7], 64, 7), (1, 1), 2);
    check(([128, 7, 7], 32, 5), (2, 1), 2);
    check(([128, 7, 7], 32, 7), (2, 1), 2);
    check(([128, 5, 5], 32, 5), (4, 1), 2);
}
