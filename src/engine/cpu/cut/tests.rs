//! The shares of a batch that threads get.

use candle_core::{DType, Device};
use candle_nn::VarBuilder;

use super::*;
use crate::engine::cpu::lower;
use crate::engine::lowering::Subnetwork;
use crate::layer::{Initialization, LayerSpec, build};

fn program(layers: &[&str]) -> Program {
    let layers: Vec<LayerSpec> = layers.iter().map(|layer| layer.parse().unwrap()).collect();
    let (dims, vb) = ([1, 28, 28], VarBuilder::zeros(DType::F32, &Device::Cpu));
    let layers = build(&layers, &dims, Initialization::default(), &vb).unwrap();
    let (steps, code) = lower(Subnetwork::list(&dims, &layers), 0).unwrap();
    Program::new(steps, code)
}

/// The layers of the recipe conv-denoiser.
fn denoiser() -> Program {
    program(&[
        "conv 3x3, 32",
        "relu",
        "max-pool 2",
        "conv 3x3, 64",
        "relu",
        "max-pool 2",
        "conv 3x3, 128",
        "relu",
        "conv 3x3, 128",
        "relu",
        "upsample 2",
        "conv 3x3, 64",
        "relu",
        "upsample 2",
        "conv 3x3, 1",
    ])
}

#[test]
fn shards_follow_each_other_and_differ_by_a_sample_at_most() {
    let program = denoiser();
    for samples in [0, 1, 2, 3, 31, 100, 128, 129, 1000, 100_000] {
        let cut = Cut::new(&program, samples);
        assert!(cut.shards <= 64.min(samples.max(1)));
        let mut end = 0;
        for range in (0..cut.shards).map(|shard| cut.range(shard)) {
            assert_eq!(range.start, end);
            end = range.end;
            let even = samples / cut.shards;
            assert!((even..=even + 1).contains(&range.len()));
        }
        assert_eq!(end, samples);
    }
}

#[test]
fn up_to_8_threads_get_even_shares_of_a_batch_of_128_and_two_of_a_few_samples() {
    let program = denoiser();
    for samples in 2..=32 {
        assert!(Cut::new(&program, samples).shards >= 2, "{samples} samples");
    }
    let cut = Cut::new(&program, 128);
    let longest = (0..cut.shards).map(|shard| cut.range(shard).len()).max();
    for threads in [2, 4, 8] {
        let share = cut.shards.div_ceil(threads) * longest.unwrap();
        let even = 128.0 / threads as f64;
        assert!(
            share as f64 <= 1.1 * even,
            "{threads} threads: {share} of {even}"
        );
    }
}

#[test]
fn gradients_that_outweigh_the_work_are_not_multiplied() {
    let wide = program(&[
        "flatten",
        "dense 2000",
        "relu",
        "dense 784",
        "reshape [1, 28, 28]",
    ]);
    assert_eq!(Cut::new(&wide, 256).shards, 1);
    let tiny = program(&["flatten", "dense 2", "dense 784", "reshape [1, 28, 28]"]);
    assert_eq!(Cut::new(&tiny, 64).shards, 1);
}
