//! Compares steps and networks, in every instruction set of this CPU, with sums in f64 and with each other.

mod convolutions;
mod dense;
mod functions;
mod threads;

use candle_core::{DType, Device};
use candle_nn::VarBuilder;

use super::{CpuNetwork, Factors, FlatBatch, Isa, LayerParameters, lower};
use crate::engine::lowering::Subnetwork;
use crate::layer::{Initialization, Layer, LayerSpec, Residual, build};
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
    let layers = built(layers, dims);
    let (steps, code) = lower(Subnetwork::list(&dims, &layers), 0).unwrap();
    CpuNetwork::new(steps, code, isa)
}

fn built(layers: &[LayerSpec], dims: [usize; 3]) -> Vec<Layer> {
    let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
    build(layers, &dims, Initialization::default(), &vb).unwrap()
}

fn batch<'a>(
    input: &'a [f32],
    target: &'a [f32],
    reconstruction: Reconstruction,
    scale: f64,
) -> FlatBatch<'a> {
    FlatBatch {
        input,
        target,
        noise: None,
        factors: Factors {
            reconstruction,
            scale,
            penalty: None,
            kl_scale: 0.0,
        },
    }
}

fn apart(ours: &[f32], reference: &[f64]) -> f64 {
    assert_eq!(ours.len(), reference.len());
    let largest = reference.iter().fold(1e-30f64, |a, b| a.max(b.abs()));
    let pairs = ours.iter().zip(reference);
    pairs.fold(0f64, |a, (&x, y)| a.max((f64::from(x) - y).abs())) / largest
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
    let mut layers: Vec<LayerSpec> = layers.map(|layer| layer.parse().unwrap()).to_vec();
    // The last layer but one becomes a residual block.
    let body = vec![layers.remove(13)];
    layers.insert(13, Residual { body }.into());
    let dims = [3, 12, 20];
    let (images, len) = (21, 3 * 12 * 20);
    let trained = built(&layers, dims);
    let trained = Subnetwork::list(&dims, &trained).trained().map(|layer| {
        let dims: Vec<_> = layer.parameters().map(|tensor| tensor.dims()).collect();
        let scale = (dims[0][1] as f32).sqrt().recip();
        let weight = numbers(dims[1][0] as u64, dims[0].iter().product());
        let weight: Vec<f32> = weight.iter().map(|w| w * scale).collect();
        (weight, numbers(dims[1][0] as u64 + 1, dims[1][0]))
    });
    let weights: Vec<_> = trained.collect();
    let (input, target) = (numbers(3, images * len), numbers(4, images * len));
    let gradients = |isa| {
        let mut network = network(&layers, dims, isa);
        let parameters: Vec<LayerParameters> = weights
            .iter()
            .map(|(w, b)| vec![w.as_slice(), b.as_slice()])
            .collect();
        network.pack(&parameters);
        let batch = batch(&input, &target, Reconstruction::Bce, 1.0);
        let sums = network.gradients(&parameters, batch);
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
