//! Compares every kind of convolution, in every instruction set of this CPU, with direct sums in f64.

use candle_core::{DType, Device};
use candle_nn::VarBuilder;

use super::grid::Shape;
use super::network::CpuNetwork;
use super::task::{Factors, Task};
use super::{Isa, Parameters, lower};
use crate::engine::lowering::Part;
use crate::layer::{Initialization, LayerSpec, Residual, build};
use crate::network::Code;
use crate::recipe::Reconstruction;

/// Tolerance of a layer's results and gradients, relative to the largest.
const TOLERANCE: f64 = 1e-5;

/// Numbers from -1 to 1, the same for the same key.
fn numbers(key: u64, count: usize) -> Vec<f32> {
    let mut state = key.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Layers as steps, for samples of a shape.
fn network(layers: &[LayerSpec], dims: [usize; 3], isa: Isa) -> CpuNetwork {
    let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
    let layers = build(layers, &dims, Initialization::default(), &vb).unwrap();
    let part = Part {
        input: &dims,
        encoder: &[],
        code: Code::Plain,
        decoder: &layers,
    };
    let (steps, code) = lower(part).unwrap();
    CpuNetwork::new(steps, code, isa)
}

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
        (
            self.shape.height * self.scale / self.stride,
            self.shape.width * self.scale / self.stride,
        )
    }

    fn image_len(&self) -> usize {
        self.shape.channels * self.shape.height * self.shape.width
    }

    fn out_len(&self) -> usize {
        self.channels * self.out_size().0 * self.out_size().1
    }

    /// Calls `work` with the places of result, weight and input of every product.
    fn each(&self, images: usize, mut work: impl FnMut(usize, usize, usize)) {
        let (height, width) = self.out_size();
        let (in_height, in_width) = (height * self.stride, width * self.stride);
        let reach = if self.kernel.is_multiple_of(2) {
            0
        } else {
            self.kernel / 2
        };
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
                            work(out, weight, image * self.image_len() + from);
                        }
                    }
                }
            }
        }
    }
}

fn apart(ours: &[f32], reference: &[f64]) -> f64 {
    assert_eq!(ours.len(), reference.len());
    let largest = reference.iter().fold(1e-30f64, |a, b| a.max(b.abs()));
    let pairs = ours.iter().zip(reference);
    pairs.fold(0f64, |a, (&x, y)| a.max((f64::from(x) - y).abs())) / largest
}

/// Compares results, and the gradients of weights and biases for half the squared distance to a target.
fn check(direct: &Direct, images: usize) {
    let Direct {
        shape,
        channels,
        kernel,
        scale,
        stride,
    } = *direct;
    let conv = format!("conv {kernel}x{kernel}, {channels}, stride {stride}");
    let mut layers: Vec<LayerSpec> = vec![conv.parse().unwrap()];
    if scale > 1 {
        layers.insert(0, format!("upsample {scale}").parse().unwrap());
    }
    let weight = numbers(1, channels * shape.channels * kernel * kernel);
    let bias = numbers(2, channels);
    let input = numbers(3, images * direct.image_len());
    let target = numbers(4, images * direct.out_len());

    let mut results = vec![0f64; target.len()];
    let plane = direct.out_size().0 * direct.out_size().1;
    for (place, result) in results.iter_mut().enumerate() {
        *result = f64::from(bias[place / plane % channels]);
    }
    direct.each(images, |out, w, x| {
        results[out] += f64::from(weight[w]) * f64::from(input[x])
    });
    let errors: Vec<f64> = results
        .iter()
        .zip(&target)
        .map(|(y, &t)| y - f64::from(t))
        .collect();
    let mut weight_gradient = vec![0f64; weight.len()];
    let mut bias_gradient = vec![0f64; bias.len()];
    direct.each(images, |out, w, x| {
        weight_gradient[w] += errors[out] * f64::from(input[x])
    });
    for (place, error) in errors.iter().enumerate() {
        bias_gradient[place / plane % channels] += error;
    }

    for isa in Isa::available() {
        let dims = [shape.channels, shape.height, shape.width];
        let mut network = network(&layers, dims, isa);
        let parameters: [Parameters; 1] = [vec![&weight, &bias]];
        network.pack(&parameters);
        let mut out = vec![0f32; target.len()];
        network.run(&parameters, &input, &mut out);
        let name = format!(
            "{shape:?} to {channels}, kernel {kernel}, scale {scale}, stride {stride}, {images} images, {isa:?}"
        );
        let error = apart(&out, &results);
        assert!(error < TOLERANCE, "{name}: results {error:.1e}");

        let task = Task {
            input: &input,
            target: &target,
            noise: None,
            factors: Factors {
                reconstruction: Reconstruction::Mse,
                scale: 0.5,
                penalty: None,
                kl_scale: 0.0,
            },
        };
        network.gradients(&parameters, task);
        let (mut weights, mut biases) = (vec![0f32; weight.len()], vec![0f32; bias.len()]);
        network.unpack(vec![vec![&mut weights, &mut biases]]);
        let error = apart(&weights, &weight_gradient);
        assert!(error < TOLERANCE, "{name}: gradient of weights {error:.1e}");
        let error = apart(&biases, &bias_gradient);
        assert!(error < TOLERANCE, "{name}: gradient of biases {error:.1e}");
    }
}

fn direct(dims: [usize; 3], channels: usize, kernel: usize, scale: usize) -> Direct {
    Direct {
        shape: Shape::new(&dims).unwrap(),
        channels,
        kernel,
        scale,
        stride: 1,
    }
}

fn strided(dims: [usize; 3], channels: usize, kernel: usize, stride: usize) -> Direct {
    Direct {
        stride,
        ..direct(dims, channels, kernel, 1)
    }
}

#[test]
fn convolutions_are_right_in_every_instruction_set() {
    for images in [1, 3, 17] {
        // Tiles: whole ones, cut ones, fewer than one; channels above, at and below a vector's length.
        check(&direct([16, 8, 8], 32, 3, 1), images);
        check(&direct([7, 7, 5], 9, 3, 1), images);
        check(&direct([33, 1, 2], 17, 3, 1), images);
        check(&direct([20, 4, 13], 48, 3, 1), images);
        // Upsampled images, with even and odd sizes.
        check(&direct([16, 7, 7], 32, 3, 2), images);
        check(&direct([5, 4, 6], 9, 3, 2), images);
        check(&direct([40, 1, 3], 20, 3, 2), images);
        // Gathered, and scattered.
        check(&direct([1, 9, 6], 20, 3, 1), images);
        check(&direct([6, 5, 9], 7, 5, 1), images);
        check(&direct([3, 4, 4], 18, 1, 1), images);
        check(&direct([18, 6, 5], 1, 3, 1), images);
        check(&direct([18, 6, 5], 3, 3, 2), images);
        check(&direct([9, 1, 1], 2, 3, 2), images);
        // With strides.
        check(&strided([1, 8, 12], 5, 3, 2), images);
        check(&strided([18, 6, 4], 20, 2, 2), images);
        check(&strided([3, 9, 6], 17, 5, 3), images);
    }
}

/// With the sizes of the shipped denoiser, where sums are long.
#[test]
fn long_sums_keep_their_precision() {
    check(&direct([128, 7, 7], 128, 3, 1), 4);
    check(&direct([128, 7, 7], 64, 3, 2), 4);
    check(&direct([64, 14, 14], 1, 3, 2), 4);
}

/// The gradients of a whole network, through every step on the way back.
#[test]
fn instruction_sets_agree_on_a_network() {
    let layers = [
        "conv 3x3, 10",
        "relu",
        "max-pool 2",
        "conv 3x3, 20",
        "relu",
        "max-pool 2",
        "conv 3x3, 18",
        "leaky-relu (slope 0.3)",
        "upsample 2",
        "conv 3x3, 24",
        "sigmoid",
        "conv-transpose 2x2, 21",
        "relu",
        "conv 3x3, 21",
        "conv 3x3, 3",
    ];
    let mut layers = layers
        .map(|layer| layer.parse::<LayerSpec>().unwrap())
        .to_vec();
    // The last layer but one becomes a residual block.
    let body = vec![layers.remove(13)];
    layers.insert(13, Residual { body }.into());
    let (images, len) = (21, 3 * 12 * 20);
    let sizes = [
        (10, 3, 9),
        (20, 10, 9),
        (18, 20, 9),
        (24, 18, 9),
        (21, 24, 4),
        (21, 21, 9),
        (3, 21, 9),
    ];
    let weights = sizes.map(|(outputs, inputs, area)| {
        let weight = numbers(outputs as u64, outputs * inputs * area);
        let weight: Vec<f32> = weight.iter().map(|w| w / (inputs as f32).sqrt()).collect();
        (weight, numbers(outputs as u64 + 1, outputs))
    });
    let (input, target) = (numbers(3, images * len), numbers(4, images * len));
    let gradients = |isa| {
        let mut network = network(&layers, [3, 12, 20], isa);
        let parameters: Vec<Parameters> = weights
            .iter()
            .map(|(w, b)| vec![w.as_slice(), b.as_slice()])
            .collect();
        network.pack(&parameters);
        let task = Task {
            input: &input,
            target: &target,
            noise: None,
            factors: Factors {
                reconstruction: Reconstruction::Bce,
                scale: 1.0,
                penalty: None,
                kl_scale: 0.0,
            },
        };
        let sums = network.gradients(&parameters, task);
        let mut gradients = weights.clone();
        let slots = gradients
            .iter_mut()
            .map(|(w, b)| vec![w.as_mut_slice(), b.as_mut_slice()]);
        network.unpack(slots.collect());
        (sums.distance, gradients)
    };
    let (expected, reference) = gradients(Isa::Portable);
    for isa in Isa::available() {
        let (sum, gradients) = gradients(isa);
        assert!(
            (sum - expected).abs() < TOLERANCE * expected,
            "{isa:?}: {sum}, {expected}"
        );
        for (ours, reference) in gradients.iter().zip(&reference) {
            let reference: Vec<f64> = reference.0.iter().map(|&x| f64::from(x)).collect();
            let error = apart(&ours.0, &reference);
            assert!(error < TOLERANCE, "{isa:?}: {error:.1e}");
        }
    }
}
