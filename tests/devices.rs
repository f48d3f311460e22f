//! Another device against the kernels of the CPU: `AUTOENCODE_TEST_DEVICE=cuda` takes a card. Without it the
//! CPU itself does what another device would, by the compositions of candle's operations, from a single layer
//! to a run that is trained, saved and resumed.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use autoencode::activation::{Activation, Custom};
use autoencode::checkpoint::Checkpoint;
use autoencode::data::{Batch, Dataset, Keys, Preparation, Source, load_with};
use autoencode::engine::{Autograd, Gradients, Inference, fastest};
use autoencode::evaluate::Part;
use autoencode::file::Publish;
use autoencode::loss::{CustomLoss, Reconstruction};
use autoencode::network::{Autoencoder, Parameters};
use autoencode::ops::{self, composed};
use autoencode::optim::Optimizer;
use autoencode::picture::{Picture, read_picture, write_png};
use autoencode::random::{Purpose, Stream};
use autoencode::recipe::{NamedSet, NetworkConfig, Objective, Precision, Recipe, builtin};
use autoencode::train::{Resumable, RunFolder, Trainer};
use autoencode::{Error, Result};
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use common::{device, device_name, uniform, values};
use tempfile::TempDir;

/// Largest difference of f32 results relative to the largest value of the reference; matrix products in TF32
/// would differ by 3e-4.
const TOLERANCE: f64 = 1e-5;

/// A way to compute: by the kernels of the CPU, as any device under test does, or by the kernels of a CUDA card.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    Cpu,
    Tested,
    Card,
}

impl Side {
    fn run<R>(self, work: impl FnOnce(&Device) -> R) -> R {
        match self {
            Self::Cpu => work(&Device::Cpu),
            Self::Tested => {
                let device = device();
                composed::only(|| work(&device))
            }
            Self::Card => work(&device()),
        }
    }
}

/// What is compared with the CPU: a CUDA card computes in two ways.
fn tested() -> Vec<Side> {
    match device().is_cuda() {
        true => vec![Side::Tested, Side::Card],
        false => vec![Side::Tested],
    }
}

/// The types that the device under test has.
fn types() -> Vec<(DType, f64)> {
    let mut types = vec![(DType::F32, TOLERANCE)];
    if !device().is_metal() {
        types.push((DType::F64, 1e-12));
    }
    types
}

/// Asserts that values agree, relative to the largest of the reference.
fn assert_near(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(0f64, |a, b| a.max(b.abs()));
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() <= tolerance * largest,
            "{what}, value {place}: {found}, on the CPU {expected}, of at most {largest}"
        );
    }
}

/// How far values are from others, by their Euclidean norms.
fn distance(found: &[f64], expected: &[f64]) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let apart = norm(&mut found.iter().zip(expected).map(|(a, b)| a - b));
    apart / norm(&mut expected.iter().copied()).max(1e-30)
}

fn numbers(key: u64, dims: &[usize]) -> Tensor {
    let mut stream = Stream::new(key, Purpose::Init, 0, 0);
    uniform(&mut stream, dims, -1.0, 1.0, DType::F64)
}

type Operation = Box<dyn Fn(&[Tensor]) -> Result<Tensor>>;

/// Every operation with arguments: more than one sample and channel, odd sizes, single rows and columns.
fn operations() -> Vec<(String, Operation, Vec<Tensor>)> {
    let mut all: Vec<(String, Operation, Vec<Tensor>)> = Vec::new();
    // Batch, channels in and out, height, width, kernel, stride, padding.
    for (n, c, o, h, w, kernel, stride, padding) in [
        (3, 2, 5, 7, 9, 3, 1, 1),
        (3, 5, 2, 7, 9, 3, 1, 1),
        (2, 3, 4, 9, 7, 5, 1, 2),
        (2, 3, 4, 9, 7, 3, 2, 1),
        (5, 4, 3, 3, 5, 1, 1, 0),
        (1, 1, 1, 5, 5, 3, 1, 1),
        (1, 7, 1, 1, 1, 1, 1, 0),
    ] {
        let x = numbers(1, &[n, c, h, w]);
        let weight = numbers(2, &[o, c, kernel, kernel]);
        let name = format!("conv2d {n} {c} {o} {h}x{w} {kernel} {stride} {padding}");
        all.push((
            format!("{name} without bias"),
            Box::new(move |a| ops::conv2d(&a[0], &a[1], None, stride, padding)),
            vec![x.clone(), weight.clone()],
        ));
        all.push((
            name,
            Box::new(move |a| ops::conv2d(&a[0], &a[1], Some(&a[2]), stride, padding)),
            vec![x, weight, numbers(3, &[o])],
        ));
    }
    for (n, inputs, outputs) in [(7, 13, 5), (1, 13, 5), (7, 1, 5), (7, 13, 1), (1, 1, 1)] {
        let (x, weight) = (numbers(4, &[n, inputs]), numbers(5, &[outputs, inputs]));
        all.push((
            format!("linear {n} {inputs} {outputs} without bias"),
            Box::new(|a| ops::linear(&a[0], &a[1], None)),
            vec![x.clone(), weight.clone()],
        ));
        all.push((
            format!("linear {n} {inputs} {outputs}"),
            Box::new(|a| ops::linear(&a[0], &a[1], Some(&a[2]))),
            vec![x, weight, numbers(6, &[outputs])],
        ));
    }
    for size in [1, 2, 3] {
        all.push((
            format!("max_pool2d {size}"),
            Box::new(move |a| ops::max_pool2d(&a[0], size)),
            vec![numbers(7, &[3, 5, 7, 9])],
        ));
        all.push((
            format!("upsample_nearest2d {size}"),
            Box::new(move |a| ops::upsample_nearest2d(&a[0], size)),
            vec![numbers(8, &[3, 5, 3, 7])],
        ));
    }
    for (n, c, o, h, w, scale) in [(3, 2, 5, 3, 7, 2), (2, 5, 1, 3, 1, 3), (1, 1, 1, 1, 1, 1)] {
        all.push((
            format!("conv_transpose2d {n} {c} {o} {h}x{w} {scale}"),
            Box::new(move |a| ops::conv_transpose2d(&a[0], &a[1], Some(&a[2]), scale)),
            vec![
                numbers(1, &[n, c, h, w]),
                numbers(2, &[c, o, scale, scale]),
                numbers(3, &[o]),
            ],
        ));
    }
    for (groups, dims) in [(2, vec![3, 6, 5, 3]), (1, vec![2, 3, 7]), (5, vec![3, 15])] {
        let of_channels = |key| numbers(key, &[dims[1]]);
        all.push((
            format!("group_norm {groups} {dims:?}"),
            Box::new(move |a| ops::group_norm(&a[0], groups, &a[1], &a[2], 1e-5)),
            vec![numbers(18, &dims), of_channels(19), of_channels(20)],
        ));
    }
    all.push((
        "views".to_string(),
        Box::new(|a| {
            let x = a[0].transpose(2, 3)?.narrow(1, 1, 3)?;
            let weight = a[1].transpose(0, 1)?;
            ops::max_pool2d(&ops::conv2d(&x, &weight, None, 1, 1)?.narrow(0, 1, 2)?, 2)
        }),
        vec![numbers(9, &[3, 5, 9, 7]), numbers(10, &[3, 4, 3, 3])],
    ));
    all.push((
        "a sum of two uses".to_string(),
        Box::new(|a| {
            let up = ops::upsample_nearest2d(&a[0], 2)?;
            Ok((ops::max_pool2d(&up, 2)? + ops::relu(&a[0])?)?)
        }),
        vec![numbers(11, &[3, 5, 3, 7])],
    ));
    all.push((
        "bce_with_logits_sum".to_string(),
        Box::new(|a| ops::bce_with_logits_sum(&(&a[0] * 30.0)?, &a[1])),
        vec![numbers(12, &[5, 3, 7]), numbers(13, &[5, 3, 7])],
    ));
    all.push((
        "absolute".to_string(),
        Box::new(|a| ops::absolute(&a[0])),
        vec![numbers(14, &[5, 7])],
    ));
    all.push((
        "softmax".to_string(),
        Box::new(|a| ops::softmax(&a[0], 1)),
        vec![numbers(15, &[5, 7, 3])],
    ));
    for loss in [Reconstruction::Mse, Reconstruction::Mae] {
        all.push((
            format!("{loss:?}"),
            Box::new(move |a| ops::loss_sum(loss, &a[0], &a[1])),
            vec![numbers(20, &[5, 3, 7]), numbers(21, &[5, 3, 7])],
        ));
    }
    let cubes = CustomLoss::new(
        "cubes",
        |x, t| (x - t).abs().powi(3),
        |x, t| 3.0 * (x - t).abs() * (x - t),
    );
    let target = numbers(21, &[5, 3, 7]);
    all.push((
        "a loss of the user's own".to_string(),
        Box::new(move |a| {
            let target = target.to_dtype(a[0].dtype())?.to_device(a[0].device())?;
            ops::loss_sum(Reconstruction::Custom(cubes), &a[0], &target)
        }),
        vec![numbers(20, &[5, 3, 7])],
    ));
    let far = (numbers(16, &[11, 13]) * 8.0).unwrap();
    let own = Activation::Custom(Custom::new(
        "own",
        |x| x / (1.0 + x * x),
        |x| (1.0 - x * x) / (1.0 + x * x).powi(2),
    ));
    all.push((
        "an activation of the user's own".to_string(),
        Box::new(move |a| own.apply(&a[0])),
        vec![far.clone()],
    ));
    for activation in Activation::all() {
        all.push((
            format!("{activation}"),
            Box::new(move |a| activation.apply(&a[0])),
            vec![far.clone()],
        ));
    }
    all
}

/// The result and the gradient of its weighted sum by each argument.
fn run(operation: &Operation, arguments: &[Tensor], dtype: DType, side: Side) -> Vec<Vec<f64>> {
    side.run(|device| {
        let place = |tensor: &Tensor| tensor.to_dtype(dtype)?.to_device(device);
        let variable = |tensor| Var::from_tensor(&place(tensor)?);
        let vars: Vec<Var> = arguments.iter().map(|a| variable(a).unwrap()).collect();
        let tensors: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
        let result = operation(&tensors).unwrap();
        let weights = place(&numbers(17, result.dims())).unwrap();
        let sum = (&result * weights).unwrap().sum_all().unwrap();
        let gradients = sum.backward().unwrap();
        let gradients = vars.iter().map(|var| values(gradients.get(var).unwrap()));
        std::iter::once(values(&result)).chain(gradients).collect()
    })
}

#[test]
fn operations_have_the_values_and_gradients_of_the_cpu() {
    for (dtype, tolerance) in types() {
        for (name, operation, arguments) in operations() {
            let found = run(&operation, &arguments, dtype, Side::Tested);
            let expected = run(&operation, &arguments, dtype, Side::Cpu);
            for (place, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let what = format!("{name}, {dtype:?}, tensor {place}");
                assert_near(&what, found, expected, tolerance);
            }
        }
    }
}

/// Where there is no derivative, or several elements are the largest: the same choice on every device.
#[test]
fn kinks_and_ties_are_decided_as_on_the_cpu() {
    let zeros = Tensor::zeros((2, 3), DType::F64, &Device::Cpu).unwrap();
    let kinks: Vec<(&str, Operation, Tensor)> = vec![
        ("relu", Box::new(|a| ops::relu(&a[0])), zeros.clone()),
        (
            "leaky_relu",
            Box::new(|a| ops::leaky_relu(&a[0], 0.1)),
            zeros.clone(),
        ),
        (
            "absolute",
            Box::new(|a| ops::absolute(&a[0])),
            zeros.clone(),
        ),
        (
            "elu",
            Box::new(|a| Activation::Elu { alpha: 0.5 }.apply(&a[0])),
            zeros.clone(),
        ),
        (
            "capped relu",
            Box::new(|a| Activation::CappedRelu { cap: 1.0 }.apply(&a[0])),
            Tensor::new(&[0f64, 1.0, 0.5], &Device::Cpu).unwrap(),
        ),
    ];
    for (name, operation, x) in kinks {
        let sides = [Side::Tested, Side::Cpu];
        let [found, expected] =
            sides.map(|side| run(&operation, std::slice::from_ref(&x), DType::F32, side));
        for (found, expected) in found.iter().zip(&expected) {
            assert_near(name, found, expected, 1e-7);
        }
    }
    // All windows of 2 x 2 and 3 x 3 with values of 0 and 1.
    for size in [2usize, 3] {
        let elements = size * size;
        let windows: Vec<f64> = (0..1usize << elements)
            .flat_map(|bits| (0..elements).map(move |place| (bits >> place & 1) as f64))
            .collect();
        let shape = (1 << elements, 1, size, size);
        let x = Tensor::from_vec(windows.clone(), shape, &Device::Cpu).unwrap();
        let pool: Operation = Box::new(move |a| ops::max_pool2d(&a[0], size));
        let gradient = run(&pool, &[x], DType::F32, Side::Tested).remove(1);
        for (window, gradient) in windows.chunks(elements).zip(gradient.chunks(elements)) {
            let first = window.iter().position(|&value| value == 1.0).unwrap_or(0);
            let taken: Vec<usize> = (0..elements).filter(|&at| gradient[at] != 0.0).collect();
            assert_eq!(taken, [first], "{window:?}");
        }
    }
}

/// NaN must reach the loss, where training looks for it.
#[test]
fn nan_is_passed_on() {
    Side::Tested.run(|device| {
        for place in 0..4 {
            let mut window = [1f32, 4.0, 3.0, 2.0];
            window[place] = f32::NAN;
            let x = Tensor::from_slice(&window, (1, 1, 2, 2), device).unwrap();
            let is_nan = |tensor: &Tensor| values(tensor).iter().any(|value| value.is_nan());
            assert!(is_nan(&ops::max_pool2d(&x, 2).unwrap()), "place {place}");
            let tracked = Var::from_tensor(&x).unwrap();
            for activation in Activation::all() {
                let y = activation.apply(&tracked.flatten_from(1).unwrap()).unwrap();
                assert!(is_nan(&y), "{activation}, place {place}");
            }
        }
    });
}

fn config(text: &str) -> NetworkConfig {
    toml::from_str(text).unwrap()
}

/// Networks with their objective, of every family, kind of layer, loss and penalty.
fn networks() -> Vec<(NetworkConfig, Objective)> {
    [
        (
            "family='conv'\ninput=[3,12,20]\nencoder=[5,17]\ndecoder=[7]",
            "reconstruction='bce'",
        ),
        (
            "family='conv'\ninput=[1,9,9]\nencoder=[6,9]\ndecoder=[8]\nscale=3\nkernel=5",
            "reconstruction='mae'",
        ),
        (
            "family='conv'\ninput=[1,12,20]\nencoder=[8,72]\ndecoder=[36]",
            "reconstruction='bce'\ncode_penalty={l2=0.2}",
        ),
        (
            "family='conv'\ninput=[4,8,8]\nencoder=[24]\ndecoder=[]\nkernel=1\noutput_activation='linear'",
            "reconstruction='mse'",
        ),
        (
            "family='conv'\ninput=[2,6,10]\nencoder=[4]\ndecoder=[]\nactivation='softmax'",
            "reconstruction='bce'\ncode_penalty={l1=0.3,l2=0.2}",
        ),
        (
            "family='dense'\ninput=[1,5,7]\nencoder=[13,3]\nactivation='tanh'",
            "reconstruction='mse'\ncode_penalty={l1=0.3}",
        ),
        (
            "family='dense'\ninput=[1,6,6]\nencoder=[18]\nbias=false",
            "reconstruction='bce'",
        ),
        (
            "family='vae'\nbody='dense'\ninput=[1,6,6]\nencoder=[20,10]\nlatent=3",
            "reconstruction='bce'\nelbo={}",
        ),
        (
            "family='vae'\nbody='conv'\ninput=[3,8,8]\nencoder=[5,7]\nlatent=4",
            "reconstruction='mse'\nelbo={sigma=0.3}",
        ),
        // Strides of odd and even kernels, transposed convolutions, with and without relu and biases.
        (
            "family='layers'\ninput=[3,12,20]\nencoder=['conv 3x3, 8, stride 2', 'relu', \
             'conv 2x2, 12, stride 2, no bias', 'max-pool 1']\ndecoder=['conv-transpose 2x2, 9', \
             'relu', 'conv 3x3, 9', 'relu', 'conv-transpose 2x2, 3', 'sigmoid']",
            "reconstruction='bce'",
        ),
        (
            "family='layers'\ninput=[1,9,18]\nencoder=['conv 5x5, 6, stride 3', 'tanh']\n\
             decoder=['conv-transpose 3x3, 7, no bias', 'conv 3x3, 1', 'sigmoid']",
            "reconstruction='bce'\ncode_penalty={l2=0.2}",
        ),
        // Blocks that read the image, each other, a relu's result, the code; channels beside flat values.
        (
            "family='layers'\ninput=[3,8,8]\nencoder=[{residual=['conv 3x3, 10', 'relu', 'conv 3x3, 3']}, \
             'conv 3x3, 12', 'relu', {residual=['conv 3x3, 12', 'relu', 'conv 3x3, 12']}, \
             {residual=[{residual=['conv 3x3, 12']}, 'elu']}]\ndecoder=[{residual=['conv 2x2, 16, stride 2', \
             'relu', {residual=['conv 3x3, 16', 'relu']}, 'conv-transpose 2x2, 12']}, 'conv 3x3, 3', 'sigmoid']",
            "reconstruction='bce'\ncode_penalty={l1=0.3}",
        ),
        (
            "family='layers'\ninput=[1,4,6]\nlatent=3\nencoder=['conv 3x3, 5', {residual=['flatten', 'dense 120', \
             'relu', 'reshape [5,4,6]']}, 'flatten', 'dense 6']\ndecoder=['dense 24', {residual=['dense 24', \
             'tanh']}, 'reshape [1,4,6]', 'sigmoid']",
            "reconstruction='bce'\nelbo={}",
        ),
    ]
    .map(|(network, objective)| (config(network), toml::from_str(objective).unwrap()))
    .to_vec()
}

/// A batch of numbers for a network, and its initial weights, losses and gradients.
type Derived = (BTreeMap<String, Vec<f64>>, Vec<f64>, Vec<Vec<f64>>);

fn derive(
    network: &NetworkConfig,
    objective: Objective,
    (samples, precision): (usize, Precision),
    side: Side,
) -> Derived {
    side.run(|device| {
        let parameters = Parameters::drawn(7);
        let builder = parameters.builder(DType::F32, device);
        let model = Autoencoder::new(network, builder).unwrap();
        let place = |key, dims: &[usize]| {
            let numbers = numbers(key, dims).to_dtype(DType::F32).unwrap();
            numbers.to_device(device).unwrap()
        };
        let mut dims = vec![samples];
        dims.extend(model.input_shape());
        let unit = |key| ((place(key, &dims) + 1.0).unwrap() * 0.5).unwrap();
        let code = model.code_shape().to_vec();
        let batch = Batch {
            input: unit(1),
            target: unit(2),
            latent_noise: objective.elbo.map(|_| place(3, &[samples, code[0]])),
            kl_weight: 0.7,
        };
        let vars = parameters.vars();
        let weights = vars
            .iter()
            .map(|(name, var)| (name.clone(), values(var)))
            .collect();
        // The fast engines are compared as well.
        let mut engine: Box<dyn Gradients> = match side {
            Side::Cpu | Side::Card => fastest(model, objective, precision, samples).unwrap(),
            Side::Tested => Box::new(Autograd::new(model, objective)),
        };
        let (losses, gradients) = engine.gradients(&batch).unwrap();
        let gradient = |var: &Var| values(gradients.get(var).unwrap());
        (
            weights,
            vec![losses.sum, losses.kl_sum, losses.count as f64],
            vars.iter().map(|(_, var)| gradient(var)).collect(),
        )
    })
}

/// Asserts that a side derives what the CPU does.
fn compare_derived(
    network: &NetworkConfig,
    objective: Objective,
    (samples, precision): (usize, Precision),
    side: Side,
    tolerance: f64,
) {
    let what = format!("{side:?}, {precision:?}: {network:?}, {samples} samples");
    let found = derive(network, objective, (samples, precision), side);
    let expected = derive(network, objective, (samples, Precision::F32), Side::Cpu);
    assert_eq!(found.0, expected.0, "{what}: initial weights");
    for (found, expected) in found.1.iter().zip(&expected.1) {
        assert_near(&what, &[*found], &[*expected], tolerance);
    }
    let gradients = found.2.iter().zip(&expected.2);
    for (name, (found, expected)) in found.0.keys().zip(gradients) {
        let what = format!("{what}: gradient of {name}");
        assert_near(&what, found, expected, tolerance);
    }
}

#[test]
fn networks_have_the_weights_losses_and_gradients_of_the_cpu() {
    for side in tested() {
        for (network, objective) in networks() {
            for samples in [1, 7] {
                let with = (samples, Precision::F32);
                compare_derived(&network, objective, with, side, TOLERANCE);
            }
        }
    }
}

/// Codes, what a decoder makes of others, its logits where it has some, and reconstructions, of batches of these sizes.
fn applied(network: &NetworkConfig, sizes: &[usize], side: Side) -> Vec<Vec<f64>> {
    side.run(|device| {
        let builder = Parameters::drawn(7).builder(DType::F32, device);
        let network = Inference::new(Autoencoder::new(network, builder).unwrap());
        let model = network.model();
        let batch = |key, samples, shape: &[usize]| {
            let numbers = numbers(key, &[&[samples], shape].concat());
            let numbers = numbers.to_dtype(DType::F32).unwrap();
            numbers.to_device(device).unwrap()
        };
        let mut results = Vec::new();
        for &samples in sizes {
            let images = batch(1, samples, model.input_shape());
            let codes = batch(2, samples, model.code_shape());
            results.push(network.encode(&images));
            results.push(network.decode(&codes));
            results.push(network.reconstruct(&images));
            if model.ends_in(Activation::Sigmoid) {
                results.push(network.decode_logits(&codes));
            }
        }
        assert_eq!(network.note(), None, "{model:?}");
        let results = results.into_iter();
        results.map(|result| values(&result.unwrap())).collect()
    })
}

#[test]
fn networks_are_applied_as_on_the_cpu() {
    // More than a card takes at once.
    let small = config("family='dense'\ninput=[1,3,3]\nencoder=[5]");
    let networks = networks()
        .into_iter()
        .map(|(network, _)| (network, [3, 1, 9]));
    for side in tested() {
        for (network, sizes) in networks.clone().chain([(small.clone(), [2, 1100, 7])]) {
            let found = applied(&network, &sizes, side);
            let expected = applied(&network, &sizes, Side::Cpu);
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                assert_near(
                    &format!("{side:?}: {network:?}"),
                    found,
                    expected,
                    TOLERANCE,
                );
            }
        }
    }
}

/// Every activation, also where it follows no layer that it could be worked out with, on either side of its kinks.
#[test]
fn activations_have_the_gradients_of_the_cpu() {
    let objective = toml::from_str("reconstruction='mse'").unwrap();
    for side in tested() {
        for activation in [
            "'linear'",
            "'relu'",
            "{kind='leaky-relu', slope=0.2}",
            "'sigmoid'",
            "'tanh'",
            "'sin'",
            "{kind='elu', alpha=0.7}",
            "{kind='swish', beta=1.5}",
            "'gelu'",
            "'gelu-tanh'",
            "'softplus'",
            "{kind='capped-relu', cap=0.3}",
            "{kind='capped-linear', cap=0.3}",
            "{kind='isru', alpha=2.0}",
            "'arctan'",
            "'arcsinh'",
            "'elliot'",
            "'logarithmic'",
        ] {
            let network = config(&format!(
                "family='dense'\ninput=[1,3,5]\nencoder=[6,4]\nactivation={activation}\noutput_activation={activation}\ninit={{normal={{deviation=0.8}}}}"
            ));
            compare_derived(&network, objective, (7, Precision::F32), side, TOLERANCE);
        }
    }
}

/// Products on tensor cores, which round their factors; on other devices all is f32. The networks are smooth, as a
/// value that rounding puts to the other side of a relu changes a gradient by more.
#[test]
fn gradients_of_lower_precision_are_near_those_of_f32() {
    let smooth = [
        "family='conv'\ninput=[3,12,20]\nencoder=[40]\ndecoder=[]\nactivation='tanh'",
        "family='conv'\ninput=[1,9,9]\nencoder=[16]\ndecoder=[]\nkernel=5\nactivation='softplus'",
        "family='dense'\ninput=[1,12,12]\nencoder=[40,12]\nactivation='tanh'",
        "family='layers'\ninput=[1,12,12]\nencoder=['conv 3x3, 24, stride 2', {residual=['conv 3x3, 24']}]\n\
         decoder=['conv-transpose 2x2, 20', 'conv 3x3, 1', 'sigmoid']",
        "family='dense'\ninput=[1,5,7]\nencoder=[13]\nactivation='sigmoid'",
    ];
    let objective = toml::from_str("reconstruction='bce'").unwrap();
    for (precision, tolerance) in [(Precision::Tf32, 2e-3), (Precision::Bf16, 1e-2)] {
        for side in tested() {
            for network in smooth {
                let network = config(network);
                compare_derived(&network, objective, (7, precision), side, tolerance);
            }
        }
    }
}

const OPTIMIZERS: [&str; 7] = [
    "kind='sgd'\nlr=0.1",
    "kind='sgd'\nlr=0.1\nmomentum=0.9\nnesterov=true\nclip_norm=0.5",
    "kind='rmsprop'\nlr=0.01\nclip_norm=1e-3",
    "kind='rmsprop'\nlr=0.01\nmomentum=0.5\nepsilon_inside=true",
    "kind='adadelta'\nlr=1.0",
    "kind='adam'\nlr=0.01\nepsilon_hat=true",
    "kind='adamw'\nlr=0.01\nweight_decay=0.1\nclip_norm=2.0",
];

/// Weights and state after some steps; in the middle the state moves to another optimiser by way of the CPU.
fn optimize(config: &str, dtype: DType, side: Side) -> BTreeMap<String, Vec<f64>> {
    side.run(|device| {
        let config = toml::from_str(config).unwrap();
        let place = |key, dims: &[usize]| {
            let numbers = numbers(key, dims).to_dtype(dtype).unwrap();
            numbers.to_device(device).unwrap()
        };
        let var = |name: &str, key, dims: &[usize]| {
            (
                name.to_string(),
                Var::from_tensor(&place(key, dims)).unwrap(),
            )
        };
        let vars = vec![var("weight", 1, &[5, 7]), var("bias", 2, &[5])];
        let mut optimizer = Optimizer::new(&config, vars.clone()).unwrap();
        for step in 0..6u64 {
            if step == 3 {
                let mut state = optimizer.state().unwrap();
                for tensor in state.values_mut() {
                    *tensor = tensor.to_device(&Device::Cpu).unwrap();
                }
                optimizer = Optimizer::new(&config, vars.clone()).unwrap();
                optimizer.restore(&state, step).unwrap();
            }
            let mut gradients = GradStore::default();
            for (place_of, (_, var)) in vars.iter().enumerate() {
                gradients.insert(var, place(10 + 2 * step + place_of as u64, var.dims()));
            }
            optimizer.update(&gradients, 0.05).unwrap();
        }
        let state = optimizer.state().unwrap();
        let state = state.iter().map(|(name, t)| (name.clone(), values(t)));
        let weights = vars.iter().map(|(name, var)| (name.clone(), values(var)));
        weights.chain(state).collect()
    })
}

#[test]
fn optimisers_lead_where_those_of_the_cpu_lead() {
    for (dtype, tolerance) in types() {
        for config in OPTIMIZERS {
            let found = optimize(config, dtype, Side::Tested);
            let expected = optimize(config, dtype, Side::Cpu);
            for ((name, found), (_, expected)) in found.iter().zip(&expected) {
                assert_near(&format!("{config}: {name}"), found, expected, tolerance);
            }
        }
    }
}

fn shipped(name: &str, settings: &[&str]) -> Recipe {
    let settings: Vec<String> = settings.iter().map(|s| s.to_string()).collect();
    Recipe::load(name, &settings).unwrap()
}

/// A recipe's own points, or the first digits of the built-in sample.
fn data(recipe: &Recipe, digits: u32) -> Dataset {
    if let Some(points) = recipe.data.points {
        return load_with(&Source::Points(points), &recipe.data, true).unwrap();
    }
    let mut data = load_with(&Source::Set(NamedSet::Sample), &recipe.data, true).unwrap();
    for images in [&mut data.train, &mut data.validation, &mut data.test] {
        let first: Vec<u32> = (0..digits.min(images.len() as u32)).collect();
        *images = images.subset(&first).unwrap();
    }
    data
}

/// What the host draws for a device are the same bits; what a CUDA card draws itself is tested with `data::resident`.
#[test]
fn samples_and_their_noise_are_those_of_the_cpu_to_the_bit() {
    for name in ["conv-denoiser", "vae", "deep-denoise", "ellipse-noisy"] {
        let recipe = shipped(name, &[]);
        if recipe.training.precision == Precision::F64 && device().is_metal() {
            continue;
        }
        let data = data(&recipe, 40);
        let preparation = Preparation::of(&recipe);
        let keys = Keys::training(&preparation, recipe.seed, 3);
        let prepare = |side: Side| {
            side.run(|device| {
                let indices = [31, 2, 17, 5];
                let batch = Batch::prepare(&data.train, &indices, &preparation, keys, device)?;
                batch.with_latent_noise(&indices, 3, keys.corruption, 1.0)
            })
            .map(|batch: Batch| [batch.input, batch.target, batch.latent_noise.unwrap()])
            .unwrap()
            .map(|tensor| values(&tensor))
        };
        assert_eq!(prepare(Side::Tested), prepare(Side::Cpu), "{name}");
    }
}

/// What a run has come to after some steps: losses, weights, and the validation loss.
type Trained = (Vec<f64>, BTreeMap<String, Vec<f64>>, f64);

fn weights(trainer: &Trainer) -> BTreeMap<String, Vec<f64>> {
    let model = trainer.model();
    let layers = model.encoder().walk().chain(model.decoder().walk());
    layers
        .filter_map(|layer| Some((layer.name().to_string(), values(layer.weight().ok()?))))
        .collect()
}

fn train(recipe: &Recipe, data: &Dataset, steps: usize, side: Side) -> Trained {
    side.run(|device| {
        let mut trainer = Trainer::new(recipe.clone(), data.clone(), device.clone()).unwrap();
        // The fast engines are compared as well.
        assert!(trainer.notes().is_empty(), "{:?}", trainer.notes());
        let mut losses = Vec::new();
        for indices in trainer.batches(1).unwrap().cycle().take(steps) {
            losses.push(trainer.step(&indices).unwrap().mean());
        }
        let report = trainer
            .evaluate(&trainer.inference(), Part::Validation)
            .unwrap();
        let loss = report.loss(trainer.recipe().objective);
        (losses, weights(&trainer), loss)
    })
}

#[test]
fn every_shipped_recipe_trains_as_on_the_cpu() {
    for recipe in builtin() {
        let name = recipe.name;
        let mut settings = vec!["training.batch_size=4"];
        if name == "conv-denoiser" {
            settings.push("network.encoder=[8,16,24]");
            settings.push("network.decoder=[24,16]");
        }
        if name.starts_with("photo") {
            // Patches of digits.
            settings.extend(["data.patch=16", "data.patches=2", "data.channels=1"]);
            settings.push("network.widths=[8,16]");
        }
        let mut recipe = shipped(name, &settings);
        if recipe.data.points.is_some() {
            // Points are given in one batch.
            recipe.training.batch_size = shipped(name, &[]).training.batch_size;
        }
        let is_double = recipe.training.precision == Precision::F64;
        if is_double && device().is_metal() {
            continue;
        }
        let data = data(&recipe, 12);
        let tolerance = if is_double { 1e-10 } else { TOLERANCE };
        let compare = |recipe: &Recipe, side: Side| {
            let found = train(recipe, &data, 3, side);
            let expected = train(recipe, &data, 3, Side::Cpu);
            let what = format!("{name}, {side:?}: losses");
            assert_near(&what, &found.0, &expected.0, tolerance);
            (found, expected)
        };
        for side in tested() {
            // By its own optimiser; those that divide by the size of a gradient move weights whose gradient is no
            // more than rounding by whole steps, so that weights are compared behind steps that do not.
            compare(&recipe, side);
            let mut descent = recipe.clone();
            descent.optimizer =
                toml::from_str("kind='sgd'\nlr=0.1\nmomentum=0.9\nclip_norm=1.0").unwrap();
            let (found, expected) = compare(&descent, side);
            let what = format!("{name}, {side:?}: validation loss");
            assert_near(&what, &[found.2], &[expected.2], tolerance);
            for (layer, expected) in &expected.1 {
                let apart = distance(&found.1[layer], expected);
                assert!(
                    apart <= tolerance,
                    "{name}, {side:?}: {layer} is {apart:.1e} apart"
                );
            }
        }
    }
}

const SMALL: [&str; 6] = [
    "network.encoder=[4,8]",
    "network.decoder=[8]",
    "training.batch_size=7",
    "training.epochs=2",
    "optimizer={kind='sgd', lr=0.1, momentum=0.9, clip_norm=0.5}",
    "schedule={kind='cosine'}",
];

/// Trains in a folder until that many steps are done, or to the end.
fn train_in(folder: &Path, recipe: &Recipe, data: &Dataset, until: u64, side: Side) {
    side.run(|device| {
        let (mut trainer, mut folder) = match folder.exists() {
            false => {
                let trainer = Trainer::new(recipe.clone(), data.clone(), device.clone()).unwrap();
                (trainer, RunFolder::create(folder).unwrap())
            }
            true => {
                let run = Resumable::open(folder).unwrap();
                assert!(run.notes.is_empty(), "{:?}", run.notes);
                let (file, data) = (run.file, data.clone());
                let trainer = Trainer::resume(run.checkpoint, &file, data, device.clone()).unwrap();
                (trainer, run.folder)
            }
        };
        // It is asked whether to stop behind every step.
        let steps = std::cell::Cell::new(trainer.progress().step);
        let stop = || {
            steps.set(steps.get() + 1);
            steps.get() > until
        };
        trainer.run(Some(&mut folder), &stop, &mut |_| {}).unwrap();
    });
}

#[test]
fn runs_move_between_devices() {
    let recipe = shipped("conv-denoiser", &SMALL);
    let data = data(&recipe, 30);
    let out = tempfile::tempdir().unwrap();
    let tensors = |run: &str| {
        let checkpoint = Checkpoint::read(&out.path().join(run).join("last.safetensors")).unwrap();
        assert_eq!(checkpoint.progress.step, 10);
        let all = checkpoint.weights.into_iter().chain(checkpoint.optimizer);
        all.map(|(name, tensor)| (name, values(&tensor)))
            .collect::<BTreeMap<_, _>>()
    };
    let end = u64::MAX;
    train_in(&out.path().join("cpu"), &recipe, &data, end, Side::Cpu);
    let expected = tensors("cpu");
    let ways = |side| {
        [
            ("left", [side, Side::Cpu]),
            ("taken-up", [Side::Cpu, side]),
            ("all", [side, side]),
        ]
    };
    for (name, ways) in tested().into_iter().flat_map(ways) {
        let name = &format!("{name} {ways:?}");
        let run = out.path().join(name);
        // Within the second epoch.
        train_in(&run, &recipe, &data, 7, ways[0]);
        train_in(&run, &recipe, &data, end, ways[1]);
        for (tensor, found) in tensors(name) {
            let apart = distance(&found, &expected[&tensor]);
            assert!(apart < TOLERANCE, "{name}: {tensor} is {apart:.1e} apart");
        }
    }
}

/// A run that goes on with the bits with which it was left ends as one that was never left.
#[test]
fn a_resumed_run_is_the_same_on_one_device_to_the_bit() {
    let recipe = shipped("vae-2d", &["training.batch_size=7", "training.epochs=2"]);
    let data = data(&recipe, 30);
    for side in tested() {
        let out = tempfile::tempdir().unwrap();
        let (whole, resumed) = (out.path().join("whole"), out.path().join("resumed"));
        train_in(&whole, &recipe, &data, u64::MAX, side);
        train_in(&resumed, &recipe, &data, 6, side);
        train_in(&resumed, &recipe, &data, u64::MAX, side);
        for file in ["last.safetensors", "best.safetensors"] {
            let [whole, resumed] = [&whole, &resumed].map(|run| fs::read(run.join(file)).unwrap());
            assert!(whole == resumed, "{side:?}: {file} differs");
        }
    }
}

/// Also where steps are asynchronous: the run ends at the step that failed, in the state before it.
#[test]
fn a_number_that_is_none_ends_the_run_at_the_step_where_it_does_on_the_cpu() {
    let settings = [
        "network.encoder=[9]",
        "network.activation='linear'",
        "network.output_activation='linear'",
        "objective.reconstruction='mse'",
        "training.batch_size=7",
        "optimizer={kind='sgd', lr=100}",
    ];
    let recipe = shipped("dense-32", &settings);
    let data = data(&recipe, 40);
    let end = |side: Side| {
        side.run(|device| {
            let mut trainer = Trainer::new(recipe.clone(), data.clone(), device.clone()).unwrap();
            let error = trainer.run(None, &|| false, &mut |_| {}).unwrap_err();
            let Error::NotFinite { what, step, .. } = error else {
                panic!("{error}");
            };
            let at = trainer.progress();
            let position = (step - 1) % trainer.steps_per_epoch() as u64;
            assert_eq!((at.step, at.position as u64), (step - 1, position));
            assert!(
                weights(&trainer)
                    .values()
                    .flatten()
                    .all(|weight| weight.is_finite())
            );
            (what, step)
        })
    };
    let expected = end(Side::Cpu);
    for side in tested() {
        assert_eq!(end(side), expected, "{side:?}");
    }
}

/// Metal has no f64: a recipe that asks for it is refused before anything is computed. candle's stand-in for
/// a Metal device is in every other build.
#[cfg(not(feature = "metal"))]
#[test]
fn f64_on_metal_is_refused() {
    let metal = Device::Metal(candle_core::MetalDevice);
    let recipe = shipped("ellipse-leaky", &["training.epochs=1"]);
    let data = data(&recipe, 0);
    let refused = Trainer::new(recipe.clone(), data.clone(), metal.clone()).err();
    let message = refused.unwrap().to_string();
    common::contains(&message, &["training.precision", "Metal", "f64", "cpu"]);

    let out = tempfile::tempdir().unwrap();
    let run = out.path().join("run");
    train_in(&run, &recipe, &data, u64::MAX, Side::Cpu);
    let path = run.join("best.safetensors");
    let refused = Checkpoint::read(&path).unwrap().model(&path, &metal).err();
    assert_eq!(refused.unwrap().to_string(), message);
}

/// Runs the program on the device under test.
fn program(folder: &TempDir, arguments: &[&str]) -> String {
    let mut command = common::autoencode();
    command.current_dir(folder.path()).args(arguments);
    command.args(["--device", &device_name()]);
    let output = command.assert().success().get_output().clone();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_program_computes_on_the_device() {
    let out = tempfile::tempdir().unwrap();
    let digits = common::digits(60, 20);
    let data = digits.path().to_str().unwrap();
    let run = ["--output", "run", "--epochs", "1", "--quiet"];
    let small = ["--set", "network.encoder=[20]", "--set", "network.latent=3"];
    let train = [
        &["train", "vae", "--data", data][..],
        &run,
        &small,
        &["--set", "sampling.components=1"],
    ];
    program(&out, &train.concat());
    let environment = fs::read_to_string(out.path().join("run/environment.json")).unwrap();
    let environment: serde_json::Value = serde_json::from_str(&environment).unwrap();
    let device = environment["device"].as_str().unwrap();
    assert!(device.starts_with(&device_name()), "{device}");
    let peak = &environment["device_peak_memory_mb"];
    match device.starts_with("cuda") {
        true => assert!(peak.as_f64().unwrap() > 0.1, "{peak}"),
        false => assert!(peak.is_null(), "{peak}"),
    }
    program(
        &out,
        &[
            "train", "--resume", "run", "--data", data, "--epochs", "2", "--quiet",
        ],
    );

    // What the program gives is what the library gives on the CPU without its kernels.
    let path = out.path().join("run/best.safetensors");
    let checkpoint = Checkpoint::read(&path).unwrap();
    let pixels = common::sample()
        .test
        .batch(&[0, 1, 2], &Device::Cpu)
        .unwrap();
    let (codes, back) = composed::only(|| {
        let model = checkpoint.model(&path, &Device::Cpu).unwrap();
        let codes = model.encode(&pixels).unwrap();
        let back = model.decode(&codes).unwrap();
        (values(&codes), values(&back))
    });
    let pictures = Picture::from_batch(&pixels).unwrap();
    for (index, picture) in pictures.iter().enumerate() {
        let file = out.path().join(format!("in-{index}.png"));
        write_png(file, picture, Publish::New).unwrap();
    }
    let inputs = ["in-0.png", "in-1.png", "in-2.png"];
    let encode = [
        &["encode", "--checkpoint", "run"][..],
        &inputs,
        &["--output", "codes.csv"],
    ];
    program(&out, &encode.concat());
    let text = fs::read_to_string(out.path().join("codes.csv")).unwrap();
    let found: Vec<f64> = text
        .lines()
        .skip(1)
        .flat_map(|line| {
            line.rsplitn(4, ',')
                .take(3)
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
        })
        .map(|value| value.parse().unwrap())
        .collect();
    assert_near("codes", &found, &codes, TOLERANCE);
    let decode = [
        "decode",
        "--checkpoint",
        "run",
        "codes.csv",
        "--output",
        "decoded",
    ];
    program(&out, &decode);
    let infer = [
        &["infer", "--checkpoint", "run"][..],
        &inputs,
        &["--output", "inferred"],
    ];
    program(&out, &infer.concat());
    for folder in ["decoded", "inferred"] {
        let entries = fs::read_dir(out.path().join(folder)).unwrap();
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let read = |file| read_picture(file, 1).unwrap().into_values();
        let found: Vec<f64> = files.iter().flat_map(read).map(f64::from).collect();
        assert_eq!(found.len(), back.len(), "{folder}");
        for (found, expected) in found.iter().zip(&back) {
            let apart = (found - expected).abs();
            assert!(apart < 0.501 / 255.0, "{folder}: {found} for {expected}");
        }
    }
    program(
        &out,
        &[
            "sample",
            "--checkpoint",
            "run",
            "--count",
            "4",
            "--sheet",
            "grid.png",
        ],
    );
    let report = program(
        &out,
        &["evaluate", "--checkpoint", "run", "--data", data, "--json"],
    );
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert!(report.is_object(), "{report}");
}

/// A driver whose call `FAKE_CALL` gives the result `FAKE_CODE`, and has no text for any.
#[cfg(all(feature = "cuda", target_os = "linux"))]
const FAKE_DRIVER: &str = r#"
#include <stdlib.h>
#include <string.h>
static int result(const char *call) {
    return strcmp(getenv("FAKE_CALL"), call) ? 0 : atoi(getenv("FAKE_CODE"));
}
int cuInit(unsigned flags) { return result("cuInit"); }
int cuDeviceGetCount(int *count) { *count = 1; return result("cuDeviceGetCount"); }
int cuDeviceGet(int *device, int number) { *device = number; return result("cuDeviceGet"); }
int cuDevicePrimaryCtxRetain(void **context, int device) { return result("cuDevicePrimaryCtxRetain"); }
int cuGetErrorName(int code, const char **name) { return 1; }
int cuGetErrorString(int code, const char **text) { return 1; }
"#;

#[cfg(all(feature = "cuda", target_os = "linux"))]
#[test]
fn whatever_the_driver_answers_is_told_in_one_line_and_auto_takes_the_cpu() {
    let folder = TempDir::new().unwrap();
    let (source, library) = (folder.path().join("fake.c"), folder.path().join("fake.so"));
    fs::write(&source, FAKE_DRIVER).unwrap();
    let mut compiler = std::process::Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-w", "-o"]);
    let compiled = compiler.arg(&library).arg(&source).status();
    if !compiled.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: there is no C compiler for a driver that fails");
        return;
    }
    for call in [
        "cuInit",
        "cuDeviceGetCount",
        "cuDeviceGet",
        "cuDevicePrimaryCtxRetain",
    ] {
        // Of these, cudarc knows 100 and 999; 1000 is what it keeps for success.
        for code in ["35", "100", "999", "1000", "1001", "-1"] {
            let run = |device| {
                let arguments = ["bench", "dense-32", "--steps", "1", "--device", device];
                let mut program = common::autoencode();
                program.env("LD_PRELOAD", &library).args(arguments);
                program.env("FAKE_CALL", call).env("FAKE_CODE", code);
                let output = program.output().unwrap();
                let told = String::from_utf8(output.stderr).unwrap();
                assert_eq!(told.lines().count(), 1, "{call} {code}: {told}");
                let named = told.contains(&format!("the driver's error {code}"));
                assert!(named, "{call} {code}: {told}");
                output.status.code()
            };
            assert_eq!(run("cuda"), Some(2), "{call} {code}");
            assert_eq!(run("auto"), Some(0), "{call} {code}");
        }
    }
}
