//! Networks of convolutions on images of any size: whole, in parts, and by the reference.

use autoencode::engine::AnySize;
use autoencode::network::{Autoencoder, Parameters, Reach};
use autoencode::recipe::{NetworkConfig, Recipe, UnetConfig};
use candle_core::{DType, Device, Tensor};

use crate::common;

/// A network of that recipe for 36x36, whose weights are all drawn: also the last ones of blocks, which begin at 0.
fn network(config: &str) -> Autoencoder {
    let mut config: NetworkConfig = toml::from_str(config).unwrap();
    config.resolve_input([1, 36, 36]).unwrap();
    let parameters = Parameters::drawn(5);
    let vb = parameters.builder(DType::F32, &Device::Cpu);
    let model = Autoencoder::new(&config, vb).unwrap();
    let mut stream = autoencode::random::Stream::new(3, autoencode::random::Purpose::Init, 0, 0);
    for (_, var) in parameters.vars() {
        let fan: usize = var.dims().iter().skip(1).product();
        let bound = 1.0 / (fan.max(1) as f64).sqrt();
        let values = common::uniform(&mut stream, var.dims(), -bound, bound, DType::F32);
        var.set(&values).unwrap();
    }
    model
}

fn picture(height: usize, width: usize) -> Vec<f32> {
    let value = |i: usize| ((i * i * 31 + i * 7) % 256) as f32 / 255.0;
    (0..height * width).map(value).collect()
}

fn restored(network: &AnySize, size: (usize, usize), tile: usize) -> Vec<f32> {
    let image = picture(size.0, size.1);
    let shape = (1, size.0, size.1);
    network.restore(shape, &image, tile, |_, _| {}).unwrap()
}

const NETWORKS: [&str; 4] = [
    "family='unet'\nwidths=[8,12]\nblocks=1",
    "family='residual'\nwidth=20\ndepth=4\nbias=true",
    "family='conv'\nencoder=[8,16]\ndecoder=[8]",
    "family='conv'\nencoder=[8,8]\ndecoder=[6]\nkernel=5\nscale=3\nactivation='gelu'",
];

#[test]
fn parts_of_any_size_fit_together_without_seams() {
    for config in &NETWORKS[..3] {
        let network = AnySize::new(network(config)).unwrap();
        for size in [(97, 131), (40, 200), (64, 64)] {
            let whole = restored(&network, size, 1000);
            for tile in [1, 16, 50] {
                let parts = restored(&network, size, tile);
                let apart = parts.iter().zip(&whole).map(|(a, b)| (a - b).abs());
                let apart = apart.fold(0f32, f32::max);
                assert!(apart < 2e-6, "{config}, {size:?}, tile {tile}: {apart}");
            }
        }
    }
}

#[test]
fn a_size_that_the_network_takes_gives_what_the_reference_gives() {
    for config in NETWORKS {
        let model = network(config);
        let (height, width) = (72, 48);
        let resized = model.resized([1, height, width]).unwrap();
        let image = picture(height, width);
        let samples = Tensor::from_slice(&image, (1, 1, height, width), &Device::Cpu).unwrap();
        let expected = resized.reconstruct(&samples).unwrap();
        let expected: Vec<f32> = expected.flatten_all().unwrap().to_vec1().unwrap();
        let network = AnySize::new(model).unwrap();
        let found = restored(&network, (height, width), 1000);
        let apart = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
        assert!(apart.fold(0f32, f32::max) < 2e-5, "{config}");
    }
}

#[test]
fn small_pictures_are_padded_and_cropped_back() {
    for config in &NETWORKS[..3] {
        let network = AnySize::new(network(config)).unwrap();
        for size in [(1, 1), (1, 9), (5, 3)] {
            let found = restored(&network, size, 64);
            assert_eq!(found.len(), size.0 * size.1);
            assert!(found.iter().all(|v| v.is_finite()), "{config}, {size:?}");
        }
    }
}

#[test]
fn colour_goes_through_a_grey_network_channel_by_channel() {
    let network = AnySize::new(network(NETWORKS[0])).unwrap();
    let one = picture(30, 22);
    let other: Vec<f32> = one.iter().map(|v| 1.0 - v).collect();
    let all = [one.as_slice(), &other, &one].concat();
    let found = network.restore((3, 30, 22), &all, 64, |_, _| {}).unwrap();
    let alone = |image: &[f32]| network.restore((1, 30, 22), image, 64, |_, _| {}).unwrap();
    assert_eq!(found, [alone(&one), alone(&other), alone(&one)].concat());
}

#[test]
fn what_a_result_depends_on_is_known() {
    let reach = |config| network(config).reach();
    // Convolutions of 3x3: 3 and, at half the size, 2; and one pixel for each way between the sizes.
    let unet = Reach {
        multiple: 2,
        radius: 2 + 2 + 1 + 2 * 2 + 2,
    };
    assert_eq!(reach(NETWORKS[0]), Some(unet));
    let column = Reach {
        multiple: 1,
        radius: 4,
    };
    assert_eq!(reach(NETWORKS[1]), Some(column));
    for config in [
        "family='dense'\nencoder=[8]",
        "family='vae'\nbody='conv'\nencoder=[8]\nlatent=2",
        "family='layers'\nencoder=['conv 3x3, 4','group-norm 2']\ndecoder=['conv 3x3, 1']",
    ] {
        assert_eq!(reach(config), None, "{config}");
    }
}

#[test]
fn a_unet_begins_as_the_identity_and_has_the_layers_of_drunet() {
    let mut recipe = Recipe::new("unet", UnetConfig::new([32, 64, 128]));
    recipe.network.resolve_input([1, 16, 16]).unwrap();
    let (model, _) = common::network(&recipe, DType::F32);
    // Measured independently: a network of these layers in PyTorch has this number of parameters.
    assert_eq!(model.summary().parameters, 1_040_960);
    let image = Tensor::from_slice(&picture(16, 16), (1, 1, 16, 16), &Device::Cpu).unwrap();
    let found = model.reconstruct(&image).unwrap();
    assert_eq!(common::values(&found), common::values(&image));
}
