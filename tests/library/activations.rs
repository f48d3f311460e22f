//! Activations: values and gradients against PyTorch and finite differences, how recipes write them,
//! networks that train with them, and the command that draws them.

use crate::common::{self, autoencode, values};
use std::path::Path;

use autoencode::activation::{Activation, Custom};
use autoencode::layer::{Dense, Function, Initialization, LayerSpec};
use autoencode::network::{Autoencoder, Code, Parameters, Stack, curves};
use autoencode::ops::{self, composed};
use autoencode::optim::Optimizer;
use autoencode::random::{Purpose, Stream};
use autoencode::recipe::{DenseConfig, NetworkConfig, Recipe, builtin};
use candle_core::{DType, Device, Tensor, Var};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Reference {
    points: Vec<f64>,
    softmax: Softmax,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    activation: Activation,
    values: Vec<f64>,
    derivatives: Vec<f64>,
}

#[derive(Deserialize)]
struct Softmax {
    x: Vec<f64>,
    cotangent: Vec<f64>,
    values: Vec<f64>,
    gradient: Vec<f64>,
}

/// What `scripts/reference_activations.py` wrote.
fn reference() -> Reference {
    serde_json::from_str(include_str!("../data/activations_reference.json")).unwrap()
}

/// One sample with these values.
fn sample(values: &[f64], dtype: DType) -> Var {
    let tensor = Tensor::new(values, &Device::Cpu).unwrap();
    Var::from_tensor(&tensor.unsqueeze(0).unwrap().to_dtype(dtype).unwrap()).unwrap()
}

/// f and the derivative of each value by its own x.
fn both(
    f: impl Fn(&Tensor) -> autoencode::Result<Tensor>,
    xs: &[f64],
    dtype: DType,
) -> (Vec<f64>, Vec<f64>) {
    let x = sample(xs, dtype);
    let y = f(&x).unwrap();
    assert_eq!(y.dtype(), dtype);
    let gradients = y.sum_all().unwrap().backward().unwrap();
    (values(&y), values(gradients.get(&x).unwrap()))
}

fn assert_close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() <= tolerance * expected.abs().max(1.0),
            "{what}: element {place}: expected {expected}, found {found}"
        );
    }
}

/// Every function of one value, some with several parameters.
fn functions() -> Vec<Activation> {
    let all = Activation::all().into_iter();
    let mut functions: Vec<_> = all.filter(|a| *a != Activation::Softmax).collect();
    functions.extend([
        Activation::LeakyRelu { slope: 0.3 },
        Activation::Elu { alpha: 0.3 },
        Activation::Swish { beta: 2.5 },
        Activation::CappedRelu { cap: 1.0 },
        Activation::CappedLinear { cap: 0.5 },
        Activation::Isru { alpha: 100.0 },
        Activation::Isru { alpha: 1e-6 },
        Activation::Scaled {
            of: Box::new(Activation::Gelu),
            a: -1.5,
            b: 0.3,
        },
        Activation::Custom(softsign()),
    ]);
    functions
}

/// A function of the user's own.
fn softsign() -> Custom {
    let value = |x: f64| x / (1.0 + x.abs());
    Custom::new("softsign", value, |x| (1.0 + x.abs()).powi(-2))
}

#[test]
fn values_and_gradients_are_pytorchs() {
    let reference = reference();
    for (dtype, tolerance) in [(DType::F64, 1e-11), (DType::F32, 5e-7)] {
        for case in &reference.cases {
            let (y, slope) = both(|x| case.activation.apply(x), &reference.points, dtype);
            let what = format!("{} {dtype:?}", case.activation);
            assert_close(&what, &y, &case.values, tolerance);
            let what = format!("derivative of {what}");
            assert_close(&what, &slope, &case.derivatives, tolerance);
        }
    }
}

#[test]
fn the_reference_holds_every_activation() {
    let mut found: Vec<&str> = Vec::new();
    let reference = reference();
    found.extend(reference.cases.iter().map(|case| case.activation.name()));
    found.extend(["softmax", "scaled"]);
    for activation in Activation::all() {
        assert!(found.contains(&activation.name()), "{activation}");
    }
}

#[test]
fn the_softmax_of_each_sample_and_its_gradient_are_pytorchs() {
    let Softmax {
        x,
        cotangent,
        values: expected,
        gradient,
    } = reference().softmax;
    for (dtype, tolerance) in [(DType::F64, 1e-11), (DType::F32, 5e-7)] {
        let tensor = |values: &[f64]| {
            let flat = Tensor::new(values, &Device::Cpu).unwrap();
            flat.reshape((2, 4)).unwrap().to_dtype(dtype).unwrap()
        };
        let x = Var::from_tensor(&tensor(&x)).unwrap();
        let y = Activation::Softmax.apply(&x).unwrap();
        assert_close("softmax", &values(&y), &expected, tolerance);
        let loss = (y * tensor(&cotangent)).unwrap().sum_all().unwrap();
        let found = loss.backward().unwrap();
        let found = values(found.get(&x).unwrap());
        assert_close("gradient of softmax", &found, &gradient, tolerance);
    }
    let channels = Tensor::rand(0.0, 1.0, (2, 3, 4, 5), &Device::Cpu).unwrap();
    let sums = ops::softmax(&channels, 1).unwrap().sum(1).unwrap();
    assert_close("sums", &values(&sums), &[1.0; 40], 1e-12);
    let error = ops::softmax(&channels, 4).unwrap_err();
    assert!(error.is_input() && error.to_string().contains("softmax"));
}

#[test]
fn gradients_agree_with_differences() {
    let scaled = |of: Activation| Activation::Scaled {
        of: Box::new(of),
        a: 1.5,
        b: -0.75,
    };
    // Away from the kinks at 0, 1, 1.5, 2 and 6.
    let mut stream = Stream::new(3, Purpose::Init, 0, 0);
    let xs: Vec<f64> = (0..200)
        .map(|_| -5.0 + 10.0 * stream.uniform())
        .filter(|x| {
            [0.0, 1.0, 6.0, -8.0]
                .iter()
                .all(|kink| (x - kink).abs() > 1e-3)
        })
        .collect();
    let h = 1e-5;
    let moved = |by: f64| -> Vec<f64> { xs.iter().map(|x| x + by).collect() };
    let all = Activation::all();
    let plain = all.iter().filter(|a| **a != Activation::Softmax).cloned();
    for activation in plain.clone().chain(plain.map(scaled)) {
        let f = |x: &Tensor| activation.apply(x);
        let (_, slope) = both(f, &xs, DType::F64);
        let above = values(&f(&sample(&moved(h), DType::F64)).unwrap());
        let below = values(&f(&sample(&moved(-h), DType::F64)).unwrap());
        let pairs = above.iter().zip(&below);
        let differences: Vec<f64> = pairs.map(|(a, b)| (a - b) / (2.0 * h)).collect();
        assert_close(&activation.to_string(), &slope, &differences, 1e-8);
    }
}

#[test]
fn compositions_agree_with_the_kernels() {
    let mut xs = reference().points;
    xs.extend((0..300).map(|i| -6.0 + 0.04 * f64::from(i) + 0.003));
    for function in functions() {
        for (dtype, tolerance) in [(DType::F64, 1e-13), (DType::F32, 2e-6)] {
            let (y, slope) = both(|x| function.apply(x), &xs, dtype);
            let (composed_y, composed_slope) =
                both(|x| composed::only(|| function.apply(x)), &xs, dtype);
            assert_close(
                &format!("{function:?} {dtype:?}"),
                &composed_y,
                &y,
                tolerance,
            );
            let what = format!("derivative of {function:?} {dtype:?}");
            assert_close(&what, &composed_slope, &slope, tolerance);
        }
        // Types without a kernel.
        let (y, slope) = both(|x| function.apply(x), &xs, DType::BF16);
        let (kernel_y, kernel_slope) = both(|x| function.apply(x), &xs, DType::F32);
        assert_close(&format!("{function:?} in bf16"), &y, &kernel_y, 0.03);
        // A derivative that jumps, or changes fast, does so at the rounded point.
        if !matches!(
            function,
            Activation::Relu
                | Activation::LeakyRelu { .. }
                | Activation::CappedRelu { .. }
                | Activation::CappedLinear { .. }
                | Activation::SaturatedLinear
        ) {
            let what = format!("derivative of {function:?} in bf16");
            assert_close(&what, &slope, &kernel_slope, 0.06);
        }
    }
}

#[test]
fn nothing_is_nan_however_large() {
    let xs = [
        -1e30, -1e19, -1e5, -200.0, -0.0, 0.0, 1e-30, 200.0, 1e5, 1e19, 1e30,
    ];
    for dtype in [DType::F64, DType::F32] {
        for activation in Activation::all() {
            let (y, slope) = both(|x| activation.apply(x), &xs, dtype);
            let finite = y.iter().chain(&slope).all(|value| value.is_finite());
            assert!(finite, "{activation} {dtype:?}: {y:?} {slope:?}");
        }
        for function in functions() {
            let (y, slope) = both(|x| function.apply(x), &xs, dtype);
            let (composed_y, composed_slope) =
                both(|x| composed::only(|| function.apply(x)), &xs, dtype);
            assert_close(&format!("{function:?}"), &composed_y, &y, 1e-5);
            assert_close(&format!("{function:?}"), &composed_slope, &slope, 1e-5);
        }
    }
}

#[test]
fn strided_tensors_and_scalars_are_taken() {
    let x = Tensor::rand(-1.0, 1.0, (4, 6), &Device::Cpu).unwrap();
    let turned = Var::from_tensor(&x).unwrap();
    for function in functions() {
        let y = function.apply(&turned.t().unwrap()).unwrap();
        let gradients = y.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        let straight = Var::from_tensor(&x).unwrap();
        let z = function.apply(&straight).unwrap();
        let expected = z.sqr().unwrap().sum_all().unwrap().backward().unwrap();
        assert_eq!(values(&y.t().unwrap()), values(&z));
        assert_eq!(
            values(gradients.get(&turned).unwrap()),
            values(expected.get(&straight).unwrap())
        );
    }
    let one = Tensor::new(0.5, &Device::Cpu).unwrap();
    assert_eq!(Activation::Elliot.apply(&one).unwrap().rank(), 0);
    let none = Tensor::zeros((0, 3), DType::F32, &Device::Cpu).unwrap();
    assert_eq!(Activation::Elliot.apply(&none).unwrap().dims(), [0, 3]);
}

#[test]
fn parameters_that_cannot_work_are_refused() {
    let x = Tensor::new(&[0.5], &Device::Cpu).unwrap();
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        for function in [
            Activation::LeakyRelu { slope: bad },
            Activation::Elu { alpha: bad },
            Activation::Swish { beta: bad },
            Activation::CappedRelu { cap: bad },
            Activation::CappedLinear { cap: bad },
            Activation::Isru { alpha: bad },
        ] {
            assert!(function.apply(&x).unwrap_err().is_input());
            assert!(
                composed::only(|| function.apply(&x))
                    .unwrap_err()
                    .is_input()
            );
        }
    }
}

// Recipes

/// dense-32 with settings.
fn recipe(settings: &[&str]) -> autoencode::Result<Recipe> {
    let settings: Vec<String> = settings.iter().map(|s| s.to_string()).collect();
    Recipe::load("dense-32", &settings)
}

fn dense(recipe: &Recipe) -> &DenseConfig {
    match &recipe.network {
        NetworkConfig::Dense(config) => config,
        other => panic!("dense-32 is {other:?}"),
    }
}

#[test]
fn recipes_without_parameters_are_written_as_before() {
    let text = recipe(&["network.activation=leaky-relu"])
        .unwrap()
        .to_toml()
        .unwrap();
    let network = "\
[network]
family = \"dense\"
encoder = [32]
activation = \"leaky-relu\"
output_activation = \"sigmoid\"
init = \"glorot-uniform\"
";
    assert!(text.contains(network), "{text}");
    let json = serde_json::to_string(&recipe(&[]).unwrap().network).unwrap();
    let expected = r#"{"family":"dense","encoder":[32],"activation":"relu","output_activation":"sigmoid","init":"glorot-uniform"}"#;
    assert_eq!(json, expected);
}

#[test]
fn every_activation_survives_recipe_and_checkpoint_text() {
    let mut all = Activation::all().to_vec();
    all.extend(reference().cases.into_iter().map(|case| case.activation));
    for activation in all {
        let setting = format!("network.activation={}", activation.to_toml());
        let recipe = recipe(&[&setting]).unwrap_or_else(|e| panic!("{setting}: {e}"));
        assert_eq!(dense(&recipe).activation, activation);
        let text = recipe.to_toml().unwrap();
        let again = Recipe::parse(&text, Path::new("again"), &[]).unwrap();
        assert_eq!(recipe, again, "{text}");
        let json = serde_json::to_string(&recipe).unwrap();
        let again: Recipe = serde_json::from_str(&json).unwrap();
        assert_eq!(recipe, again, "{json}");
    }
    for shipped in builtin() {
        let recipe = Recipe::load(shipped.name, &[]).unwrap();
        assert!(!recipe.to_toml().unwrap().contains("kind = \"relu\""));
    }
}

#[test]
fn parameters_left_out_have_their_defaults() {
    for (written, expected) in [
        (
            r#"{ kind = "leaky-relu" }"#,
            Activation::LeakyRelu { slope: 0.01 },
        ),
        (
            r#"{ kind = "elu", alpha = 2 }"#,
            Activation::Elu { alpha: 2.0 },
        ),
        (r#"{ kind = "relu" }"#, Activation::Relu),
        (r#"relu"#, Activation::Relu),
        (
            r#"{ kind = "scaled", of = "sin", b = 3.0 }"#,
            Activation::Scaled {
                of: Box::new(Activation::Sin),
                a: 1.0,
                b: 3.0,
            },
        ),
    ] {
        let recipe = recipe(&[&format!("network.activation={written}")]).unwrap();
        assert_eq!(dense(&recipe).activation, expected);
    }
    let dotted = recipe(&[
        "network.activation.kind=elu",
        "network.activation.alpha=0.5",
    ])
    .unwrap();
    assert_eq!(dense(&dotted).activation, Activation::Elu { alpha: 0.5 });
}

#[test]
fn a_wrong_activation_is_named() {
    for (setting, parts) in [
        (
            "activation=reul",
            vec!["network", "reul", "leaky-relu", "scaled"],
        ),
        ("activation=scaled", vec!["network", "of ="]),
        (
            r#"activation={ kind = "scaled" }"#,
            vec!["`network.activation.of`", "found none"],
        ),
        (
            r#"activation={ slope = 1.0 }"#,
            vec!["`network.activation.kind`", "found none"],
        ),
        (
            r#"activation={ kind = "relu", slope = 1.0 }"#,
            vec!["expected relu without parameters", "found `slope`"],
        ),
        (
            r#"activation={ kind = "elu", slope = 1.0 }"#,
            vec!["elu", "`slope`", "alpha"],
        ),
        (
            r#"activation={ kind = "relu", of = "tanh" }"#,
            vec!["relu", "`of`"],
        ),
        (
            r#"activation={ kind = "elu", alpha = "big" }"#,
            vec!["network", "expected a number", "\"big\""],
        ),
        (
            r#"activation={ kind = "elu", alpha = 0.0 }"#,
            vec!["network.activation.alpha"],
        ),
        (
            r#"activation={ kind = "elu", alpha = nan }"#,
            vec!["network.activation.alpha"],
        ),
        (
            r#"activation={ kind = "leaky-relu", slope = -1.0 }"#,
            vec!["network.activation.slope"],
        ),
        (
            r#"activation={ kind = "scaled", of = "sin", a = 0.0 }"#,
            vec!["network.activation.a"],
        ),
        (
            r#"activation={ kind = "scaled", of = { kind = "scaled", of = "sin" } }"#,
            vec!["network.activation.of"],
        ),
        (
            r#"activation={ kind = "scaled", of = { kind = "isru", alpha = -2.0 } }"#,
            vec!["network.activation.of.alpha"],
        ),
        (
            "activation=3",
            vec!["network", "an activation, as \"relu\""],
        ),
        (
            r#"output_activation={ kind = "swish", beta = 0.0 }"#,
            vec!["network.output_activation.beta"],
        ),
        (
            "output_activation=tanh",
            vec!["network.output_activation", "sigmoid", "tanh"],
        ),
        (
            r#"activations=["relu"]"#,
            vec!["network.activations", "3 entries", "1 entries"],
        ),
        (
            r#"activations=["relu", "relu", { kind = "elu", alpha = -1.0 }]"#,
            vec!["network.activations[2].alpha"],
        ),
    ] {
        let setting = format!("network.{setting}");
        let error = recipe(&["network.encoder=[16,8]", &setting]).unwrap_err();
        assert!(error.is_input(), "{setting}");
        let message = error.to_string();
        assert!(!message.contains('\n'), "{message}");
        for part in parts {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    }
}

// Networks

/// The layers of a network as its summary names them, encoder and decoder.
fn layers(recipe: &mut Recipe) -> Vec<String> {
    recipe.network.resolve_input([1, 4, 4]).unwrap();
    let (model, _) = common::network(recipe, DType::F32);
    let rows = model.summary().layers.into_iter();
    rows.map(|row| row.layer).collect()
}

#[test]
fn a_dense_network_has_an_activation_a_layer_and_biases_or_none() {
    let mut own = recipe(&[
        "network.encoder=[9,6,3]",
        r#"network.activations=["sin", "softplus", { kind = "elu", alpha = 0.5 }, "linear", "sin"]"#,
        "network.bias=false",
    ])
    .unwrap();
    let text = own.to_toml().unwrap();
    assert_eq!(Recipe::parse(&text, Path::new("again"), &[]).unwrap(), own);
    assert_eq!(
        layers(&mut own),
        [
            "flatten",
            "dense 9, no bias",
            "sin",
            "dense 6, no bias",
            "softplus",
            "dense 3, no bias",
            "elu (alpha 0.5)",
            "dense 6, no bias",
            "dense 9, no bias",
            "sin",
            "dense 16, no bias",
            "reshape [1, 4, 4]",
            "sigmoid",
        ]
    );
    let (model, parameters) = common::network(&own, DType::F32);
    let weights = 2 * (16 * 9 + 9 * 6 + 6 * 3);
    assert_eq!(model.summary().parameters, weights);
    assert!(
        parameters
            .vars()
            .iter()
            .all(|(name, _)| name.ends_with("weight"))
    );
    // With the one activation for all there are as many.
    let mut same = recipe(&["network.encoder=[9,6,3]", "network.activation=sin"]).unwrap();
    let same = layers(&mut same);
    assert_eq!(same.iter().filter(|layer| *layer == "sin").count(), 5);
    assert!(!same.iter().any(|layer| layer.contains("no bias")));
}

#[test]
fn a_softmax_is_over_the_units_and_refused_over_one() {
    let mse = "objective.reconstruction=mse";
    let mut outputs = recipe(&[mse, "network.output_activation=softmax"]).unwrap();
    outputs.network.resolve_input([1, 4, 4]).unwrap();
    let (model, _) = common::network(&outputs, DType::F64);
    let x = Tensor::rand(0.0, 1.0, (3, 1, 4, 4), &Device::Cpu).unwrap();
    let sums = model.reconstruct(&x).unwrap().flatten_from(1).unwrap();
    assert_close("sums", &values(&sums.sum(1).unwrap()), &[1.0; 3], 1e-12);

    let mut one = recipe(&["network.encoder=[1]", "network.activation=softmax"]).unwrap();
    one.network.resolve_input([1, 4, 4]).unwrap();
    let builder = Parameters::drawn(1).builder(DType::F32, &Device::Cpu);
    let error = Autoencoder::new(&one.network, builder).unwrap_err();
    assert!(error.is_input(), "{error}");
    assert!(error.to_string().contains("encoder.2 (softmax)"), "{error}");
}

/// Trains ten steps with Adam and says the loss before and after.
fn train(model: &Autoencoder, parameters: &Parameters, shape: &[usize]) -> (f64, f64) {
    let mut stream = Stream::new(5, Purpose::Init, 0, 0);
    let x = common::uniform(&mut stream, shape, 0.0, 1.0, DType::F32);
    let loss = || {
        let difference = (model.reconstruct(&x).unwrap() - &x).unwrap();
        difference.sqr().unwrap().mean_all().unwrap()
    };
    let settings = recipe(&[]).unwrap().optimizer;
    let mut optimizer = Optimizer::new(&settings, parameters.vars()).unwrap();
    let before = scalar_of(&loss());
    for _ in 0..10 {
        optimizer
            .update(&loss().backward().unwrap(), 0.005)
            .unwrap();
    }
    (before, scalar_of(&loss()))
}

fn scalar_of(tensor: &Tensor) -> f64 {
    values(tensor)[0]
}

#[test]
fn networks_of_both_families_learn_with_every_activation() {
    let mut all = Activation::all().to_vec();
    all.extend(reference().cases.into_iter().map(|case| case.activation));
    for activation in all {
        let setting = format!("network.activation={}", activation.to_toml());
        for (name, sizes, shape) in [
            ("dense-32", &["network.encoder=[12,8]"][..], [16, 1, 4, 4]),
            ("conv-denoiser", &common::SMALL[..], [6, 1, 4, 4]),
        ] {
            let settings = [sizes, &[&setting]].concat();
            let recipe = common::recipe(name, &settings, [1, 4, 4]);
            let (model, parameters) = common::network(&recipe, DType::F32);
            let (before, after) = train(&model, &parameters, &shape);
            assert!(after < before, "{name} {activation}: {before} to {after}");
        }
    }
}

#[test]
fn a_users_own_function_learns_and_is_named() {
    let cube = Function::new("cube", |x| (x.sqr()? * x)? + x);
    let parameters = Parameters::drawn(3);
    let vb = parameters.builder(DType::F32, &Device::Cpu);
    let init = Initialization::default();
    let dense = |units| LayerSpec::from(Dense { units, bias: true });
    let own = LayerSpec::Function(cube.clone());
    assert_eq!(own.to_string(), "cube");
    assert_eq!(own, own.clone());
    assert_ne!(
        own,
        LayerSpec::Function(Function::new("cube", |x| Ok(x.clone())))
    );
    let encoder = Stack::new("encoder", &[dense(5), own], &[9], init, vb.clone()).unwrap();
    let decoder = Stack::new("decoder", &[dense(9)], &[5], init, vb).unwrap();
    let model = Autoencoder::from_stacks(encoder, Code::Plain, decoder).unwrap();
    assert_eq!(model.summary().layers[1].layer, "cube");
    assert!(format!("{model:?}").contains("Function(cube)"));
    let (before, after) = train(&model, &parameters, &[20, 9]);
    assert!(after < before, "{before} to {after}");

    let sum = Function::new("sum", |x| x.sum_keepdim(1));
    let x = Tensor::ones((2, 3), DType::F32, &Device::Cpu).unwrap();
    let error = sum.apply(&x).unwrap_err();
    assert!(
        error.is_input() && error.to_string().contains("sum"),
        "{error}"
    );
}

#[test]
fn a_users_own_activation_has_its_name_and_stays_out_of_recipes() {
    let own = Activation::Custom(softsign());
    assert_eq!(own.to_string(), "softsign");
    assert_eq!(own, own.clone());
    assert_ne!(own, Activation::Custom(softsign()));
    let error = serde_json::to_string(&own).unwrap_err().to_string();
    assert!(error.contains("softsign"), "{error}");
    assert!(recipe(&["network.activation=softsign"]).is_err());
}

// Curves and the command

#[test]
fn curves_are_the_functions_and_their_slopes() {
    let curves = curves().unwrap();
    let x_of = |points: &[(f64, f64)]| points.iter().map(|p| p.0).collect::<Vec<_>>();
    for curve in &curves {
        let xs = x_of(&curve.values);
        assert_eq!(xs, x_of(&curve.derivatives), "{}", curve.name);
        let printed = curve.activation.is_none();
        assert_eq!(xs.len(), if printed { 200 } else { 400 }, "{}", curve.name);
        assert_eq!(xs.last(), Some(&3.0));
        assert_eq!(printed, curve.name.ends_with("as printed"));
        if curve.name == "softmax" {
            let sum: f64 = curve.values.iter().map(|p| p.1).sum();
            assert!((sum - 1.0).abs() < 1e-12);
            continue;
        }
        // The slope between two points lies between, or close to, the derivatives at both.
        for (value, slope) in curve.values.windows(2).zip(curve.derivatives.windows(2)) {
            // At 0 two have a cusp, which is steeper than on either side.
            let step = value[1].0 - value[0].0;
            if value[0].0 < 0.0 && value[1].0 > 0.0 {
                continue;
            }
            let between = (value[1].1 - value[0].1) / step;
            let (low, high) = (slope[0].1.min(slope[1].1), slope[0].1.max(slope[1].1));
            assert!(
                between > low - 1e-4 && between < high + 1e-4,
                "{} at {}: {between}, {slope:?}",
                curve.name,
                value[0].0
            );
        }
    }
    for activation in Activation::all() {
        let named = curves.iter().filter_map(|curve| curve.activation.as_ref());
        let times = named
            .filter(|drawn| drawn.name() == activation.name())
            .count();
        assert_eq!(times, 1, "{activation}");
    }
}

#[test]
fn the_command_draws_and_lists_every_activation() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = autoencode()
            .current_dir(folder.path())
            .arg("activations")
            .args(arguments)
            .assert()
            .success()
            .stderr("")
            .get_output()
            .stdout
            .clone();
        String::from_utf8(output).unwrap()
    };
    let text = run(&[]);
    for activation in Activation::all() {
        assert!(
            text.contains(activation.name()),
            "{activation} is not in: {text}"
        );
    }
    for part in [
        r#"{ kind = "scaled", of = "sigmoid", a = 3.0, b = 0.1 }"#,
        r#"{ kind = "capped-relu", cap = 2.0 }"#,
        "24 activations -> activations.png",
    ] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    let picture = image::open(folder.path().join("activations.png")).unwrap();
    assert_eq!(
        (picture.width(), picture.height()),
        (1920, 2 * (8 * 224 + 40))
    );

    let mine = folder.path().join("pictures/mine.png");
    let text = run(&["--output", "pictures/mine.png", "--json"]);
    assert_eq!(text.lines().count(), 1);
    let report: Value = serde_json::from_str(&text).unwrap();
    let listed = report["activations"].as_array().unwrap();
    assert_eq!(listed.len(), 24);
    for one in listed {
        if let Ok(activation) = serde_json::from_value::<Activation>(one["recipe"].clone()) {
            assert_eq!(one["name"], json!(activation.to_string()));
        } else {
            assert_eq!(one["recipe"], Value::Null);
        }
        assert!(one["range"].is_string() && one["formula"].is_string());
    }
    let bytes = std::fs::read(&mine).unwrap();
    assert_eq!(
        bytes,
        std::fs::read(folder.path().join("activations.png")).unwrap()
    );

    let none = autoencode::picture::panels(&[], 3, 1.0).unwrap_err();
    assert!(none.is_input(), "{none}");
    let quiet = run(&["--quiet", "--force"]);
    assert!(!quiet.contains("->"), "{quiet}");
    autoencode()
        .current_dir(folder.path())
        .arg("activations")
        .assert()
        .code(2)
        .stdout("")
        .stderr(predicates::str::contains("activations.png"))
        .stderr(predicates::str::contains("--force"));
}
