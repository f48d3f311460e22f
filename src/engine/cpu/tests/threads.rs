//! Results and gradients for any number of threads.

use rayon::ThreadPoolBuilder;

use super::{batch, built, network, numbers};
use crate::engine::cpu::{Isa, LayerParameters};
use crate::engine::lowering::Subnetwork;
use crate::layer::LayerSpec;
use crate::recipe::Reconstruction;

/// The bits of results, loss and gradients on this many threads.
fn bits(layers: &[LayerSpec], dims: [usize; 3], images: usize, threads: usize) -> Vec<u64> {
    let trained = built(layers, dims);
    let trained = Subnetwork::list(&dims, &trained).trained().map(|layer| {
        let lens = layer.parameters().map(|tensor| tensor.elem_count());
        let values = lens.enumerate().map(|(key, len)| {
            let scale = 0.1 / (key as f32 + 1.0);
            numbers(key as u64 + 5, len)
                .iter()
                .map(|w| w * scale)
                .collect()
        });
        values.collect::<Vec<Vec<f32>>>()
    });
    let weights: Vec<_> = trained.collect();
    let len = dims.iter().product::<usize>();
    let (input, target) = (numbers(3, images * len), numbers(4, images * len));
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    pool.install(|| {
        let mut network = network(layers, dims, Isa::best());
        let parameters = weights
            .iter()
            .map(|layer| layer.iter().map(Vec::as_slice).collect());
        let parameters: Vec<LayerParameters> = parameters.collect();
        network.pack(&parameters);
        let mut out = vec![0f32; target.len()];
        network.run(&parameters, &input, &mut out);
        let batch = batch(&input, &target, Reconstruction::Mse, 1.0);
        let sums = network.gradients(&parameters, batch);
        let mut gradients = weights.clone();
        let slots = gradients.iter_mut();
        let slots = slots.map(|layer| layer.iter_mut().map(Vec::as_mut_slice).collect());
        network.unpack(slots.collect());
        let values = gradients.iter().flatten().flatten().chain(&out);
        let values = values.map(|value| u64::from(value.to_bits()));
        values.chain([sums.distance.to_bits()]).collect()
    })
}

#[test]
fn the_bits_do_not_depend_on_the_number_of_threads() {
    let conv: &[&str] = &[
        "conv 3x3, 24",
        "relu",
        "max-pool 2",
        "conv 3x3, 40",
        "upsample 2",
        "conv 3x3, 1",
    ];
    let direct: &[&str] = &[
        "conv 9x9, 40",
        "relu",
        "conv 3x3, 30, stride 2",
        "tanh",
        "conv-transpose 2x2, 1",
    ];
    let mixed: &[&str] = &[
        "conv 3x3, 12",
        "relu",
        "flatten",
        "dense 20",
        "dense 144",
        "reshape [1, 12, 12]",
    ];
    let small: &[&str] = &[
        "flatten",
        "dense 300",
        "relu",
        "dense 144",
        "reshape [1, 12, 12]",
    ];
    let wide: &[&str] = &[
        "flatten",
        "dense 1100",
        "relu",
        "dense 144",
        "reshape [1, 12, 12]",
    ];
    for layers in [conv, direct, mixed, small, wide] {
        let layers: Vec<LayerSpec> = layers.iter().map(|layer| layer.parse().unwrap()).collect();
        for images in [1, 2, 7, 16, 33, 130] {
            let one = bits(&layers, [1, 12, 12], images, 1);
            for threads in [2, 3, 8] {
                let more = bits(&layers, [1, 12, 12], images, threads);
                assert!(
                    one == more,
                    "{layers:?}, {images} images on {threads} threads"
                );
            }
        }
    }
}
