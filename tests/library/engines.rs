//! The fast engine against the reference: the same losses and the same gradients.

use autoencode::activation::{Activation, Custom};
use autoencode::data::Batch;
use autoencode::engine::{Autograd, CpuEngine, Gradients, Inference};
use autoencode::layer::{Dense, Function, Initialization, LayerSpec};
use autoencode::loss::CustomLoss;
use autoencode::network::{Autoencoder, Code, Parameters, Posterior, Stack};
use autoencode::ops::composed;
use autoencode::recipe::{
    CodePenalty, Elbo, LayersConfig, NetworkConfig, Objective, Reconstruction,
};
use candle_core::{DType, Device, Tensor};
use rayon::prelude::*;

/// Largest difference between two gradients, relative to the largest element of the reference.
pub(super) const TOLERANCE: f64 = 1e-5;

/// Values that repeat for the same key, uniform in -1 to 1.
pub(super) fn values(key: u64, dims: &[usize]) -> Tensor {
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

/// Other values for another `key`.
pub(super) fn batch(model: &Autoencoder, key: u64, samples: usize) -> Batch {
    let mut dims = vec![samples];
    dims.extend(model.input_shape());
    let latent = match model.code() {
        Code::Gaussian { latent } => Some(values(3 * key + 3, &[samples, latent])),
        Code::Plain => None,
    };
    Batch {
        input: ((values(3 * key + 1, &dims) + 1.0).unwrap() * 0.5).unwrap(),
        target: ((values(3 * key + 2, &dims) + 1.0).unwrap() * 0.5).unwrap(),
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
    let largest = sizes.iter().copied().max().unwrap_or(1);
    let mut plan = CpuEngine::new(&model, objective, largest)
        .unwrap()
        .expect("a plan");
    let mut autograd = Autograd::new(model.clone(), objective);
    compare_inference(name, &model, &[1, 129, 2, 17]);
    for &samples in sizes {
        let name = format!("{name}, {samples} samples");
        let batch = batch(&model, 0, samples);
        compare_on(&name, &batch, &parameters, &mut plan, &mut autograd);
    }
}

fn compare_on(
    name: &str,
    batch: &Batch,
    parameters: &Parameters,
    plan: &mut CpuEngine,
    autograd: &mut Autograd,
) {
    let (loss, (gradient, parameter)) = apart(batch, parameters, plan, autograd);
    assert!(loss < TOLERANCE, "{name}: losses {loss:.2e} apart");
    assert!(
        gradient < TOLERANCE,
        "{name}, {parameter}: {gradient:.2e} apart"
    );
}

/// How far the engines' losses are apart, and their gradients of the parameter where it is most.
pub(super) fn apart(
    batch: &Batch,
    parameters: &Parameters,
    plan: &mut CpuEngine,
    autograd: &mut Autograd,
) -> (f64, (f64, String)) {
    let (losses, gradients) = plan.gradients(batch).unwrap();
    let (expected, reference) = autograd.gradients(batch).unwrap();
    assert_eq!(losses.count, expected.count);
    let loss = (losses.sum - expected.sum).abs() / expected.sum.abs().max(1e-12);
    let of_parameters = parameters.vars().into_iter().map(|(parameter, var)| {
        let (ours, reference) = (gradients.get(&var).unwrap(), reference.get(&var).unwrap());
        (difference(ours, reference), parameter)
    });
    let largest = of_parameters.max_by(|a, b| a.0.total_cmp(&b.0));
    (loss, largest.unwrap())
}

/// Compares what an [`Inference`] gives with what the network itself gives, for batches of several sizes one after the
/// other.
pub(super) fn compare_inference(name: &str, model: &Autoencoder, sizes: &[usize]) {
    let network = Inference::new(model.clone());
    let has_logits = model.ends_in(Activation::Sigmoid);
    for &samples in sizes {
        let x = batch(model, 0, samples).input;
        let codes = model.encode(&x).unwrap();
        let mut pairs = vec![
            ("codes", network.encode(&x), model.encode(&x)),
            ("decoded", network.decode(&codes), model.decode(&codes)),
            (
                "reconstruct",
                network.reconstruct(&x),
                model.reconstruct(&x),
            ),
        ];
        if has_logits {
            pairs.push(("logits", network.logits(&x), model.logits(&x)));
        }
        if let Code::Gaussian { .. } = model.code() {
            let parts = |posterior: Posterior| (posterior.mean, posterior.log_variance);
            let found = network.posterior(&x).map(parts).unwrap();
            let expected = model.posterior(&x).map(parts).unwrap();
            pairs.push(("means", Ok(found.0), Ok(expected.0)));
            pairs.push(("log-variances", Ok(found.1), Ok(expected.1)));
        }
        for (what, found, expected) in pairs {
            let (found, expected) = (found.unwrap(), expected.unwrap());
            assert_eq!(found.dims(), expected.dims(), "{name}: {what}");
            assert!(!found.track_op(), "{name}: {what}");
            let apart = difference(&found, &expected);
            assert!(
                apart < TOLERANCE,
                "{name}, {samples} samples, {what}: {apart:.2e} apart"
            );
        }
    }
    assert_eq!(network.note(), None, "{name}");
}

fn config(text: &str) -> NetworkConfig {
    toml::from_str(text).unwrap()
}

pub(super) fn network(config: &NetworkConfig) -> impl Fn(&Parameters) -> Autoencoder {
    move |parameters| {
        Autoencoder::new(config, parameters.builder(DType::F32, &Device::Cpu)).unwrap()
    }
}

pub(super) fn objective(reconstruction: Reconstruction) -> Objective {
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
            "rows of large images",
            "input=[3,40,72]\nencoder=[40,24]\ndecoder=[40]",
            &[1, 3],
        ),
        (
            "rows of large images, larger kernels",
            "input=[5,24,60]\nencoder=[20]\ndecoder=[]\nkernel=7",
            &[2],
        ),
        (
            "kernels larger than the images",
            "input=[6,4,8]\nencoder=[12,20]\ndecoder=[14]\nkernel=9",
            &[1, 19],
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

/// Between convolutions of every kind, before and after pools of two sizes, upsamplings and sums.
#[test]
fn every_activation_between_convolutions_agrees() {
    let scaled = |a: f64, b: f64| Activation::Scaled {
        of: Box::new(Activation::Tanh),
        a,
        b,
    };
    let mut activations = Activation::all().to_vec();
    activations.extend([scaled(1.5, 0.5), scaled(-1.5, 0.5), scaled(-1.5, -0.5)]);
    for activation in activations {
        let f = activation.to_string();
        let encoder = format!(
            "['conv 3x3, 6', '{f}', 'max-pool 2', 'conv 3x3, 20', 'max-pool 2', '{f}', \
             {{ residual = ['{f}', 'conv 3x3, 20'] }}, '{f}', 'conv 2x2, 17, stride 2', '{f}']"
        );
        let decoder = format!(
            "['conv-transpose 2x2, 9', '{f}', 'conv 3x3, 10', '{f}', 'max-pool 2', 'upsample 4', '{f}', \
              'conv 3x3, 7', '{f}', '{f}', 'upsample 2', 'conv 3x3, 3', '{f}']"
        );
        let config = lists(&encoder, &decoder, None, [3, 16, 24]);
        let mse = objective(Reconstruction::Mse);
        compare(&activation.to_string(), network(&config), mse, &[1, 19]);
    }
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
pub(super) fn lists(
    encoder: &str,
    decoder: &str,
    latent: Option<usize>,
    input: [usize; 3],
) -> NetworkConfig {
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
        // Group normalisation between all kinds of steps: few and many channels, one group and several.
        (
            [2, 12, 8],
            "['group-norm 1', 'conv 3x3, 12', 'group-norm 4', 'relu', 'conv 5x5, 20, stride 2', 'group-norm 5', 'max-pool 2',
              'flatten', 'dense 24', 'group-norm 3']",
            "['dense 54', 'reshape [9, 3, 2]', 'group-norm 3', 'upsample 2', 'conv 3x3, 6', 'group-norm 2', 'tanh', 'upsample 2',
              'group-norm 6', 'conv 7x7, 2', 'sigmoid']",
        ),
        // Pools and upsamplings that no convolution includes.
        (
            [3, 24, 24],
            "['max-pool 2', 'conv 3x3, 20', 'tanh', 'max-pool 3', 'max-pool 2']",
            "['upsample 2', 'upsample 3', 'conv 9x9, 5', 'relu', 'upsample 2', 'conv 1x1, 3', 'sigmoid']",
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

pub(super) fn elbo() -> Objective {
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

/// A small convolutional network whose first convolution passes its images on, `gain` times.
fn passing_on(text: &str, gain: f32) -> (Autoencoder, Parameters) {
    let config = config(&format!("family='conv'\n{text}"));
    let parameters = Parameters::drawn(7);
    let model = network(&config)(&parameters);
    let vars = parameters.vars();
    let (_, weight) = vars
        .iter()
        .find(|(name, _)| name == "encoder.0.weight")
        .unwrap();
    let (outputs, inputs, kernel, _) = weight.dims4().unwrap();
    let mut taps = vec![0f32; outputs * inputs * kernel * kernel];
    for (output, taps) in taps.chunks_exact_mut(inputs * kernel * kernel).enumerate() {
        taps[output % inputs * kernel * kernel + kernel * kernel / 2] = gain;
    }
    let taps = Tensor::from_vec(taps, weight.shape(), &Device::Cpu).unwrap();
    weight.set(&taps).unwrap();
    (model, parameters)
}

/// Images to black ones: the errors of the results are all of one sign, and no sum of them cancels.
fn to_black(images: Vec<f32>, dims: &[usize]) -> Batch {
    let images = Tensor::from_vec(images, dims, &Device::Cpu).unwrap();
    Batch {
        target: images.zeros_like().unwrap(),
        input: images,
        latent_noise: None,
        kl_weight: 0.0,
    }
}

/// Sixteenths that no engine rounds, in which the largest of each window of two by two stands at
/// several places: at every two, every three and all four.
#[test]
fn ties_in_a_window_pass_their_gradient_to_the_first_place() {
    let tied: Vec<u32> = (0u32..16)
        .filter(|places| places.count_ones() > 1)
        .collect();
    let (height, width) = (8, 2 * tied.len());
    let image = |channel: usize| -> Vec<f32> {
        let lower = values(channel as u64 + 5, &[height * width]);
        let lower = lower.to_vec1::<f32>().unwrap();
        let value = |place: usize| {
            let (y, x) = (place / width, place % width);
            let places = tied[(x / 2 + y / 2 * 5 + channel) % tied.len()];
            match places >> (y % 2 * 2 + x % 2) & 1 {
                1 => 9.0 / 16.0,
                _ => (4.5 + 4.0 * lower[place]).round() / 16.0,
            }
        };
        (0..height * width).map(value).collect()
    };
    // Sums as they are written; Winograd's, with a gain that its fractions divide; a max-pool that stands alone.
    for (channels, gain, activation) in [
        (1, 1.0, "'relu'"),
        (1, 1.0, "'linear'"),
        (6, 144.0 / 128.0, "'relu'"),
        (6, 144.0 / 128.0, "'linear'"),
        (1, 1.0, "{kind='leaky-relu',slope=0.5}"),
    ] {
        let text = format!(
            "input=[{channels},{height},{width}]\nencoder=[6,5]\ndecoder=[4]\nactivation={activation}"
        );
        let (model, parameters) = passing_on(&text, gain);
        let objective = objective(Reconstruction::Mse);
        let mut plan = CpuEngine::new(&model, objective, 3)
            .unwrap()
            .expect("a plan");
        let mut autograd = Autograd::new(model, objective);
        let images = (0..3 * channels).flat_map(image).collect();
        let batch = to_black(images, &[3, channels, height, width]);
        compare_on(&text, &batch, &parameters, &mut plan, &mut autograd);
    }
}

/// A NaN at any place of a window is the window's result, so that the loss tells of it.
#[test]
fn a_nan_at_any_place_of_a_window_is_kept() {
    for (scale, activation) in [
        (2, "'relu'"),
        (2, "'linear'"),
        (2, "{kind='leaky-relu',slope=0.5}"),
        (3, "'relu'"),
    ] {
        let size = 2 * scale;
        let text = format!(
            "input=[1,{size},{size}]\nencoder=[6,5]\ndecoder=[4]\nkernel=1\nscale={scale}\nactivation={activation}"
        );
        let (model, _) = passing_on(&text, 1.0);
        let objective = objective(Reconstruction::Mse);
        let mut plan = CpuEngine::new(&model, objective, 1)
            .unwrap()
            .expect("a plan");
        let mut autograd = Autograd::new(model, objective);
        let images: Vec<f32> = (1..=size * size).map(|value| value as f32).collect();
        for place in 0..size * size {
            let mut images = images.clone();
            images[place] = f32::NAN;
            let batch = to_black(images, &[1, 1, size, size]);
            for (engine, losses) in [
                ("cpu", plan.gradients(&batch).unwrap().0),
                ("autograd", autograd.gradients(&batch).unwrap().0),
            ] {
                assert!(losses.sum.is_nan(), "{engine}, {text}, {place}: {losses:?}");
            }
        }
    }
}

/// A small convolutional network with its parameters.
fn small() -> (Autoencoder, Parameters) {
    let parameters = Parameters::drawn(7);
    let config = config("family='conv'\ninput=[1,8,8]\nencoder=[8,20]\ndecoder=[8]");
    (network(&config)(&parameters), parameters)
}

fn bits(tensor: &Tensor) -> Vec<u32> {
    let values: Vec<f32> = tensor.flatten_all().unwrap().to_vec1().unwrap();
    values.into_iter().map(f32::to_bits).collect()
}

#[test]
fn several_threads_use_one_inference_from_its_first_call_on() {
    let (model, _) = small();
    let batches: Vec<Tensor> = (1..=24).map(|n| batch(&model, 0, n).input).collect();
    let alone = Inference::new(model.clone());
    let expected: Vec<_> = batches
        .iter()
        .map(|x| bits(&alone.reconstruct(x).unwrap()))
        .collect();
    let shared = Inference::new(model.clone());
    let run = |x: &Tensor| bits(&shared.reconstruct(x).unwrap());
    let found: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = batches
            .iter()
            .map(|x| scope.spawn(move || run(x)))
            .collect();
        threads.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(found, expected);
    // Jobs of a pool that itself works out the steps.
    let pooled = Inference::new(model);
    let found: Vec<_> = batches
        .par_iter()
        .map(|x| bits(&pooled.reconstruct(x).unwrap()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn another_inference_has_the_weights_that_have_changed() {
    let (model, parameters) = small();
    let x = batch(&model, 0, 3).input;
    let before = Inference::new(model.clone()).reconstruct(&x).unwrap();
    for (_, var) in parameters.vars() {
        var.set(&(var.as_tensor() * 1.5).unwrap()).unwrap();
    }
    let after = Inference::new(model.clone()).reconstruct(&x).unwrap();
    assert!(difference(&after, &before) > 0.01);
    assert!(difference(&after, &model.reconstruct(&x).unwrap()) < TOLERANCE);
}

#[test]
fn an_inference_refuses_samples_of_another_shape_as_the_network_does() {
    let (model, _) = small();
    let network = Inference::new(model.clone());
    let x = values(1, &[2, 1, 8, 12]);
    let same = |found: autoencode::Result<Tensor>, expected: autoencode::Result<Tensor>| {
        let found = found.unwrap_err().to_string();
        assert_eq!(found, expected.unwrap_err().to_string());
        assert!(found.contains("[2, 1, 8, 12]"), "{found}");
    };
    same(network.encode(&x), model.encode(&x));
    same(network.reconstruct(&x), model.reconstruct(&x));
    same(network.decode(&x), model.decode(&x));
    same(network.decode_logits(&x), model.decode_logits(&x));
    assert!(network.posterior(&values(1, &[2, 1, 8, 8])).is_err());
    let none = network.reconstruct(&values(1, &[0, 1, 8, 8])).unwrap();
    assert_eq!(none.dims(), [0, 1, 8, 8]);
}

#[test]
fn the_network_itself_does_what_no_step_can() {
    // f64, a function of the user's in one half, and the CPU in place of another device.
    let text = "family='conv'\ninput=[1,8,8]\nencoder=[8,20]\ndecoder=[8]";
    let parameters = Parameters::drawn(7);
    let vb = parameters.builder(DType::F64, &Device::Cpu);
    let model = Autoencoder::new(&config(text), vb).unwrap();
    let x = values(1, &[2, 1, 8, 8]).to_dtype(DType::F64).unwrap();
    let found = Inference::new(model.clone()).reconstruct(&x).unwrap();
    let expected: Vec<f64> = model
        .reconstruct(&x)
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap();
    assert_eq!(
        found.flatten_all().unwrap().to_vec1::<f64>().unwrap(),
        expected
    );
    assert!(!found.track_op());

    let parameters = Parameters::drawn(7);
    let vb = parameters.builder(DType::F32, &Device::Cpu);
    let dense = |units| LayerSpec::from(Dense { units, bias: true });
    let square = LayerSpec::from(Function::new("square", |x| x.sqr()));
    let init = Initialization::default();
    let encoder = Stack::new("encoder", &[dense(5), square], &[9], init, vb.clone()).unwrap();
    let decoder = Stack::new("decoder", &[dense(9)], &[5], init, vb).unwrap();
    let model = Autoencoder::from_stacks(encoder, Code::Plain, decoder).unwrap();
    compare_inference("a function of the user's", &model, &[1, 129, 2, 17]);

    let (model, _) = small();
    let x = batch(&model, 0, 3).input;
    let (found, expected) = composed::only(|| {
        let network = Inference::new(model.clone());
        (
            network.reconstruct(&x).unwrap(),
            model.reconstruct(&x).unwrap(),
        )
    });
    assert_eq!(bits(&found), bits(&expected));
}

/// A network of the user's own lists: dense layers with an activation.
fn with_activation(activation: Activation) -> impl Fn(&Parameters) -> Autoencoder {
    move |parameters| {
        let vb = parameters.builder(DType::F32, &Device::Cpu);
        let init = Initialization::default();
        let dense = |units| LayerSpec::from(Dense { units, bias: true });
        let encoder = [dense(5), activation.clone().into()];
        let decoder = [dense(9), activation.clone().into()];
        let encoder = Stack::new("encoder", &encoder, &[9], init, vb.clone()).unwrap();
        let decoder = Stack::new("decoder", &decoder, &[5], init, vb).unwrap();
        Autoencoder::from_stacks(encoder, Code::Plain, decoder).unwrap()
    }
}

#[test]
fn an_activation_and_a_loss_of_the_users_own_agree() {
    let bump = Custom::new(
        "bump",
        |x| x * (-x * x).exp(),
        |x| (1.0 - 2.0 * x * x) * (-x * x).exp(),
    );
    let huber = CustomLoss::new(
        "huber",
        |x, t| match (x - t).abs() {
            size if size <= 0.1 => 0.5 * size * size,
            size => 0.1 * (size - 0.05),
        },
        |x, t| (x - t).clamp(-0.1, 0.1),
    );
    let own = Reconstruction::Custom(huber);
    let build = with_activation(Activation::Custom(bump));
    compare(
        "activation",
        &build,
        objective(Reconstruction::Mse),
        &[3, 40],
    );
    compare("both", &build, objective(own), &[3, 40]);
    let config = config("family='conv'\ninput=[1,6,10]\nencoder=[8]\ndecoder=[]");
    compare("loss", network(&config), objective(own), &[3, 40]);
}

/// The user's own forms of what the library has.
#[test]
fn what_the_user_writes_again_trains_alike() {
    let own = Custom::new("own", |x| x / (1.0 + x.abs()), |x| (1.0 + x.abs()).powi(-2));
    let square = CustomLoss::new("square", |x, t| (x - t) * (x - t), |x, t| 2.0 * (x - t));
    let gradients = |activation, reconstruction| {
        let parameters = Parameters::drawn(7);
        let model = with_activation(activation)(&parameters);
        let objective = objective(reconstruction);
        let mut engine = CpuEngine::new(&model, objective, 20)
            .unwrap()
            .expect("a plan");
        let batch = batch(&model, 0, 20);
        let (losses, gradients) = engine.gradients(&batch).unwrap();
        let vars = parameters.vars().into_iter();
        let gradients: Vec<Tensor> = vars
            .map(|(_, var)| gradients.get(&var).unwrap().clone())
            .collect();
        (losses.sum, gradients)
    };
    let (sum, found) = gradients(Activation::Custom(own), Reconstruction::Custom(square));
    let (expected_sum, expected) = gradients(Activation::Elliot, Reconstruction::Mse);
    assert!((sum - expected_sum).abs() < 1e-6 * expected_sum);
    for (found, expected) in found.iter().zip(&expected) {
        assert!(difference(found, expected) < TOLERANCE);
    }
}
