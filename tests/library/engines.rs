//! The fast engine against the reference: the same losses and the same gradients.

use autoencode::activation::Activation;
use autoencode::data::Batch;
use autoencode::engine::{Autograd, CpuEngine, Engine};
use autoencode::network::{Autoencoder, Code, Parameters};
use autoencode::recipe::{
    CodePenalty, Elbo, LayersConfig, NetworkConfig, Objective, Reconstruction,
};
use candle_core::{DType, Device, Tensor};

/// Largest difference between two gradients, relative to the largest element of the reference.
const TOLERANCE: f64 = 1e-5;

/// Values that repeat for the same key, uniform in -1 to 1.
fn values(key: u64, dims: &[usize]) -> Tensor {
    let mut state = key.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let count: usize = dims.iter().product();
    let values: Vec<f32> = (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect();
    Tensor::from_vec(values, dims, &Device::Cpu).unwrap()
}

fn batch(model: &Autoencoder, samples: usize) -> Batch {
    let mut dims = vec![samples];
    dims.extend(model.input_shape());
    let latent = match model.code() {
        Code::Gaussian { latent } => Some(values(3, &[samples, latent])),
        Code::Plain => None,
    };
    Batch {
        input: ((values(1, &dims) + 1.0).unwrap() * 0.5).unwrap(),
        target: ((values(2, &dims) + 1.0).unwrap() * 0.5).unwrap(),
        latent_noise: latent,
        kl_weight: 0.7,
    }
}

fn difference(ours: &Tensor, reference: &Tensor) -> f64 {
    let read = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let (ours, reference) = (read(ours), read(reference));
    assert_eq!(ours.len(), reference.len());
    let largest = reference.iter().fold(0f32, |a, b| a.max(b.abs()));
    let apart = ours.iter().zip(&reference);
    let apart = apart.fold(0f64, |a, (x, y)| a.max(f64::from((x - y).abs())));
    assert!(ours.iter().all(|x| x.is_finite()));
    apart / f64::from(largest.max(1e-12))
}

/// Compares both engines on batches of several sizes, one after the other on the same engine, so that what
/// an earlier batch left behind would show.
fn compare(
    name: &str,
    build: impl Fn(&Parameters) -> Autoencoder,
    objective: Objective,
    sizes: &[usize],
) {
    let parameters = Parameters::drawn(7);
    let model = build(&parameters);
    let mut plan = CpuEngine::new(&model, objective).unwrap().expect("a plan");
    let mut autograd = Autograd::new(model.clone(), objective);
    for &samples in sizes {
        let batch = batch(&model, samples);
        let (losses, gradients) = plan.gradients(&batch).unwrap();
        let (expected, reference) = autograd.gradients(&batch).unwrap();
        let apart = (losses.sum - expected.sum).abs() / expected.sum.abs().max(1e-12);
        assert!(
            apart < TOLERANCE,
            "{name}, {samples} samples: loss {losses:?}, reference {expected:?}"
        );
        assert_eq!(losses.count, expected.count);
        for (parameter, var) in parameters.vars() {
            let (ours, reference) = (gradients.get(&var).unwrap(), reference.get(&var).unwrap());
            let apart = difference(ours, reference);
            assert!(
                apart < TOLERANCE,
                "{name}, {samples} samples, {parameter}: {apart:.2e} apart"
            );
        }
    }
}

fn config(text: &str) -> NetworkConfig {
    toml::from_str(text).unwrap()
}

fn network(config: &NetworkConfig) -> impl Fn(&Parameters) -> Autoencoder {
    move |parameters| {
        Autoencoder::new(config, parameters.builder(DType::F32, &Device::Cpu)).unwrap()
    }
}

fn objective(reconstruction: Reconstruction) -> Objective {
    Objective {
        reconstruction,
        code_penalty: None,
        elbo: None,
    }
}

const BCE: Reconstruction = Reconstruction::Bce;

#[test]
fn convolutional_networks_of_any_size_agree() {
    for (name, text, sizes) in [
        (
            "the denoiser's shape",
            "input=[1,28,28]\nencoder=[32,64,128]\ndecoder=[128,64]",
            &[3, 33][..],
        ),
        (
            "odd channels",
            "input=[3,12,20]\nencoder=[5,17,33]\ndecoder=[19,7]",
            &[1, 2, 129],
        ),
        (
            "odd sizes",
            "input=[1,6,10]\nencoder=[8,20]\ndecoder=[24]",
            &[1, 17, 40],
        ),
        (
            "one place",
            "input=[2,4,4]\nencoder=[16,16,16]\ndecoder=[16,16]",
            &[1, 5],
        ),
        (
            "colour",
            "input=[3,16,16]\nencoder=[32,64]\ndecoder=[32]",
            &[2, 20],
        ),
        (
            "larger kernels",
            "input=[1,8,8]\nencoder=[6,9]\ndecoder=[8]\nkernel=5",
            &[1, 3],
        ),
        (
            "kernels of one",
            "input=[2,8,8]\nencoder=[6,9]\ndecoder=[8]\nkernel=1",
            &[3],
        ),
        (
            "threefold pools",
            "input=[1,9,9]\nencoder=[6,9]\ndecoder=[8]\nscale=3",
            &[3, 18],
        ),
        (
            "other activations",
            "input=[1,8,8]\nencoder=[6,20]\ndecoder=[8]\nactivation='tanh'",
            &[3],
        ),
        (
            "leaky",
            "input=[1,8,8]\nencoder=[6,20]\ndecoder=[8]\nactivation={kind='leaky-relu',slope=0.2}",
            &[3],
        ),
        (
            "softmax",
            "input=[1,8,8]\nencoder=[6,20]\ndecoder=[8]\nactivation='softmax'",
            &[3],
        ),
    ] {
        let config = config(&format!("family='conv'\n{text}"));
        compare(name, network(&config), objective(BCE), sizes);
    }
}

#[test]
fn dense_networks_agree() {
    for (name, text, sizes) in [
        (
            "dense",
            "input=[1,28,28]\nencoder=[64,32]",
            &[1, 32, 129][..],
        ),
        (
            "narrow",
            "input=[1,5,7]\nencoder=[3,2]\nactivation='sigmoid'",
            &[1, 7, 64, 65],
        ),
        (
            "no biases",
            "input=[1,6,6]\nencoder=[18]\nbias=false",
            &[1, 70],
        ),
        (
            "softmax",
            "input=[1,6,6]\nencoder=[18]\nactivation='softmax'",
            &[9],
        ),
    ] {
        let config = config(&format!("family='dense'\n{text}"));
        compare(name, network(&config), objective(BCE), sizes);
    }
}

#[test]
fn every_activation_agrees() {
    for activation in Activation::all() {
        let config = config(&format!(
            "family='dense'\ninput=[1,4,4]\nencoder=[9,5]\nactivation={}",
            activation.to_toml()
        ));
        compare(
            &activation.to_string(),
            network(&config),
            objective(BCE),
            &[6],
        );
    }
    let scaled = config(
        "family='dense'\ninput=[1,4,4]\nencoder=[9]\nactivation={kind='scaled',of='sin',a=2.0,b=0.5}",
    );
    compare("scaled sin", network(&scaled), objective(BCE), &[6]);
}

#[test]
fn every_loss_agrees() {
    let conv = config("family='conv'\ninput=[1,8,8]\nencoder=[8,20]\ndecoder=[8]");
    let dense = config("family='dense'\ninput=[1,5,5]\nencoder=[8]\noutput_activation='linear'");
    for reconstruction in [Reconstruction::Mse, Reconstruction::Mae] {
        compare("conv", network(&conv), objective(reconstruction), &[5]);
        compare(
            "dense",
            network(&dense),
            objective(reconstruction),
            &[5, 100],
        );
    }
    let penalized = Objective {
        code_penalty: Some(CodePenalty { l1: 0.3, l2: 0.2 }),
        ..objective(BCE)
    };
    compare("penalty", network(&conv), penalized, &[5, 20]);
    let dense = config("family='dense'\ninput=[1,5,5]\nencoder=[8]");
    compare("penalty", network(&dense), penalized, &[5, 100]);
}

#[test]
fn variational_networks_agree() {
    let elbo = Elbo {
        beta: 1.0,
        warmup_steps: 0,
        sigma: 0.3,
    };
    for text in [
        "body='dense'\ninput=[1,6,6]\nencoder=[20,10]\nlatent=3",
        "body='conv'\ninput=[1,8,8]\nencoder=[8,20]\nlatent=4",
        "body='conv'\ninput=[3,8,8]\nencoder=[16,32]\nlatent=18",
    ] {
        let config = config(&format!("family='vae'\n{text}"));
        for reconstruction in [BCE, Reconstruction::Mse] {
            let objective = Objective {
                elbo: Some(elbo),
                ..objective(reconstruction)
            };
            compare(text, network(&config), objective, &[1, 16, 37]);
        }
    }
}

/// Layers as recipes write them.
fn lists(encoder: &str, decoder: &str, latent: Option<usize>, input: [usize; 3]) -> NetworkConfig {
    let mut config: LayersConfig =
        toml::from_str(&format!("encoder = {encoder}\ndecoder = {decoder}")).unwrap();
    config.input = Some(input);
    config.latent = latent;
    NetworkConfig::Layers(config)
}

#[test]
fn layers_in_any_order_agree() {
    let cases = [
        // A pool without activation, an upsampling at the end, convolutions one after the other, a dense
        // layer on channels.
        (
            [3, 8, 8],
            "['conv 3x3, 10', 'max-pool 2', 'conv 3x3, 20', 'conv 3x3, 2', 'relu', 'flatten',
              'dense 12, no bias']",
            "['reshape [3, 2, 2]', 'upsample 2', 'conv 3x3, 24', 'upsample 2', 'relu',
              'conv 3x3, 3', 'sigmoid']",
        ),
        // Strides, with and without activation and pool behind them, of even and odd kernels, few channels and many.
        (
            [2, 24, 36],
            "['conv 3x3, 5, stride 2', 'relu', 'conv 2x2, 9, stride 2', 'conv 5x5, 20, stride 3', 'relu']",
            "['upsample 3', 'conv 3x3, 7', 'conv-transpose 4x4, 2', 'sigmoid']",
        ),
        (
            [1, 16, 8],
            "['conv 7x7, 17, stride 2, no bias', 'relu', 'max-pool 2', 'conv 3x3, 30, stride 2']",
            "['conv-transpose 2x2, 18', 'relu', 'conv-transpose 2x2, 6, no bias', 'conv-transpose 2x2, 1', 'sigmoid']",
        ),
        // Convolutions without biases by every algorithm, and a reshape between two of them.
        (
            [1, 12, 12],
            "['conv 3x3, 16, no bias', 'relu', 'conv 3x3, 18, no bias', 'reshape [8, 18, 18]', 'conv 3x3, 6', 'max-pool 3']",
            "['conv 3x3, 20', 'upsample 2', 'conv 3x3, 16, no bias', 'conv 3x3, 1, no bias', 'reshape [1, 12, 12]', 'sigmoid']",
        ),
    ];
    for (input, encoder, decoder) in cases {
        let config = lists(encoder, decoder, None, input);
        compare(encoder, network(&config), objective(BCE), &[1, 4, 40]);
    }
}

#[test]
fn residual_blocks_agree() {
    let cases = [
        // The first block reads the image, which has no gradient; blocks one after the other and within each other.
        (
            [3, 8, 8],
            "[{ residual = ['conv 3x3, 12', 'relu', 'conv 3x3, 3'] }, 'conv 3x3, 20', 'relu',
              { residual = ['conv 3x3, 20', 'relu', 'conv 3x3, 20'] }, 'relu',
              { residual = [{ residual = ['conv 3x3, 20'] }, 'tanh', 'conv 1x1, 20'] }, 'max-pool 2']",
            "['upsample 2', 'conv 3x3, 3', 'sigmoid']",
        ),
        // A U-Net whose skips add.
        (
            [1, 16, 16],
            "['conv 3x3, 16', { residual = ['conv 2x2, 24, stride 2', 'relu',
              { residual = ['conv 2x2, 40, stride 2', 'relu', 'conv 3x3, 40', 'relu', 'conv-transpose 2x2, 24'] },
              'conv 3x3, 24', 'relu', 'conv-transpose 2x2, 16'] }]",
            "['conv 3x3, 1', 'sigmoid']",
        ),
        // Sums of values that lie differently: flat beside channels last, behind a reshape, behind few channels.
        (
            [1, 6, 6],
            "['conv 5x5, 8', 'elu', { residual = ['conv 3x3, 8'] }, { residual = ['conv 3x3, 2', 'conv 3x3, 8', 'relu'] },
              { residual = ['conv 2x2, 32, stride 2', 'reshape [8, 6, 6]'] }, 'flatten', 'dense 10',
              { residual = ['dense 10', 'relu'] }]",
            "[{ residual = ['dense 10'] }, 'dense 36', 'reshape [1, 6, 6]', { residual = ['tanh'] }, 'sigmoid']",
        ),
    ];
    for (input, encoder, decoder) in cases {
        let config = lists(encoder, decoder, None, input);
        compare(encoder, network(&config), objective(BCE), &[1, 4, 40]);
    }
}

fn elbo() -> Objective {
    Objective {
        elbo: Some(Elbo {
            beta: 1.0,
            warmup_steps: 0,
            sigma: 0.3,
        }),
        ..objective(BCE)
    }
}

#[test]
fn variational_lists_agree() {
    let encoder =
        "['conv 3x3, 12, stride 2', 'relu', { residual = ['conv 3x3, 12'] }, 'flatten', 'dense 6']";
    let decoder = "['dense 192', 'reshape [12, 4, 4]', 'relu', 'conv-transpose 2x2, 1', 'sigmoid']";
    let config = lists(encoder, decoder, Some(3), [1, 8, 8]);
    compare("variational lists", network(&config), elbo(), &[1, 5, 40]);
}
