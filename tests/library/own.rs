//! What a program brings of its own: data, networks, losses, noise, ways to watch a run.

use std::ops::ControlFlow;

use autoencode::Error;
use autoencode::activation::{Activation, Custom};
use autoencode::checkpoint::{BuiltIn, Checkpoint};
use autoencode::data::{Dataset, Images};
use autoencode::device::keep_freed_memory;
use autoencode::engine::Inference;
use autoencode::evaluate::Part;
use autoencode::layer::{
    Conv2d, ConvTranspose2d, Dense, Flatten, Function, GroupNorm, Initialization, LayerSpec,
    MaxPool2d, Reshape, Residual, Upsample,
};
use autoencode::loss::CustomLoss;
use autoencode::network::{Autoencoder, Code, Parameters, Stack};
use autoencode::picture::Picture;
use autoencode::recipe::{
    Adam, ConvConfig, Corruption, CustomCorruption, CustomNoise, DenseConfig, LayersConfig, Noise,
    Objective, Recipe, Reconstruction, Training, VaeConfig,
};
use autoencode::train::{Ending, Event, Resumable, RunFolder, Trainer};
use candle_core::{DType, Device, Tensor};

/// Images of two channels with a gradient each.
fn images(count: usize) -> Images {
    let values = (0..count * 32).map(|i| ((i * 5 + i / 32) % 17) as f32 / 16.0);
    Images::from_floats((2, 4, 4), values.collect()).unwrap()
}

fn recipe(name: &str) -> Recipe {
    Recipe {
        training: Training::new(4, 8),
        ..Recipe::new(name, DenseConfig::new([6, 3]))
    }
}

fn dense(units: usize) -> LayerSpec {
    Dense::new(units).into()
}

/// A trainer can move to a thread of its own.
#[test]
fn trainers_and_networks_can_be_sent() {
    fn is_send<T: Send>() {}
    fn is_shared<T: Send + Sync>() {}
    is_send::<Trainer>();
    is_send::<RunFolder>();
    is_shared::<Inference>();
    is_shared::<Autoencoder>();
    is_shared::<Error>();
    keep_freed_memory();
}

#[test]
fn data_from_numbers_has_any_shape_and_labels_or_not() {
    let some = images(30);
    assert_eq!((some.len(), some.shape()), (30, (2, 4, 4)));
    assert_eq!(some.labels(), [0; 30]);
    let first = some.batch(&[0], &Device::Cpu).unwrap();
    let first: Vec<f32> = first.flatten_all().unwrap().to_vec1().unwrap();
    let rounded = |i: usize| ((i * 5 % 17) as f32 / 16.0 * 255.0).round() / 255.0;
    assert_eq!(first, (0..32).map(rounded).collect::<Vec<_>>());
    let labelled = some.clone().with_labels((0..30).collect()).unwrap();
    assert_eq!(labelled.labels()[29], 29);
    assert!(some.clone().with_labels(vec![0; 29]).is_err());
    for wrong in [-0.1, 1.5, f32::NAN] {
        let error = Images::from_floats((1, 1, 2), vec![0.0, wrong]).unwrap_err();
        assert!(matches!(error, Error::Argument { .. }), "{error}");
    }
    assert!(Images::from_floats((1, 0, 2), vec![]).is_err());
    assert!(Images::from_floats((1, 1, 2), vec![0.0; 3]).is_err());

    let whole = Dataset::split(&labelled).unwrap();
    let parts = [&whole.train, &whole.validation, &whole.test];
    assert_eq!(parts.map(Images::len), [25, 2, 3]);
    // Parts that cannot be trained on are refused here, and by the trainer if they were put together by hand.
    let none = images(0);
    for (train, validation) in [(&none, &some), (&some, &none)] {
        let error = Dataset::new(train.clone(), validation.clone(), none.clone()).unwrap_err();
        assert!(error.to_string().contains("found none"), "{error}");
        let mut by_hand = whole.clone();
        (by_hand.train, by_hand.validation) = (train.clone(), validation.clone());
        assert!(Trainer::new(recipe("empty"), by_hand, Device::Cpu).is_err());
    }
    // Outside of 0 to 1 the cross-entropy has no least value.
    let points = Images::points(2, (0..40).map(f64::from).collect()).unwrap();
    let points = Dataset::split(&points).unwrap();
    let error = Trainer::new(recipe("points"), points, Device::Cpu).map(|_| ());
    assert!(matches!(error, Err(Error::Recipe { .. })), "{error:?}");
    let other = Images::from_floats((1, 4, 8), vec![0.0; 32]).unwrap();
    assert!(Dataset::new(some.clone(), other, none.clone()).is_err());
    let trainer = Dataset::new(some.clone(), some, none).unwrap();
    let trainer = Trainer::new(recipe("no-test"), trainer, Device::Cpu).unwrap();
    let network = trainer.inference();
    assert!(trainer.evaluate(&network, Part::Test).is_err());
}

#[test]
fn a_closure_stops_a_run_and_the_best_epoch_is_kept_without_a_folder() {
    let data = Dataset::split(&images(30)).unwrap();
    let mut trainer = Trainer::new(recipe("watched"), data, Device::Cpu).unwrap();
    let (mut losses, mut stops_at) = (Vec::new(), 2);
    let mut fit = |trainer: &mut Trainer, stops_at: usize| {
        let ending = trainer.fit(None, |event| match event {
            Event::Epoch(metrics) => {
                losses.push(metrics.validation_loss);
                match metrics.epoch == stops_at {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            }
            _ => ControlFlow::Continue(()),
        });
        ending.unwrap()
    };
    assert_eq!(fit(&mut trainer, stops_at), Ending::Stopped);
    stops_at = 0;
    assert_eq!(fit(&mut trainer, stops_at), Ending::Finished);
    assert_eq!(losses.len(), 4);
    let best = trainer.best().unwrap();
    let network = best.inference("best".as_ref(), &Device::Cpu).unwrap();
    let report = trainer.evaluate(&network, Part::Validation).unwrap();
    let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(report.loss(trainer.recipe().objective), least);

    // A checkpoint holds the weights as they were; the model's change.
    let kept = trainer.checkpoint().unwrap();
    let samples = trainer
        .dataset()
        .train
        .batch(&[0, 1], &Device::Cpu)
        .unwrap();
    let values = |network: &Autoencoder| {
        let result = network.reconstruct(&samples).unwrap();
        result.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    let kept = kept.model("kept".as_ref(), &Device::Cpu).unwrap();
    let before = values(&kept);
    assert_eq!(before, values(trainer.model()));
    trainer.step(&[0, 1, 2]).unwrap();
    assert_eq!(before, values(&kept));
    assert_ne!(before, values(trainer.model()));
}

/// A layer, an activation, a loss and noise that recipes do not have train under the one trainer, with its folder, and
/// the run goes on from there to the same weights as without a break.
#[test]
fn a_programs_own_parts_train_resume_and_load() {
    let snake = Custom::new("snake", |x| x + x.sin().powi(2), |x| 1.0 + (2.0 * x).sin());
    let halved = Function::new("halved", |x| x * 0.5);
    let quartic = CustomLoss::new(
        "quartic",
        |x, t| (x - t).powi(4),
        |x, t| 4.0 * (x - t).powi(3),
    );
    let dead = CustomCorruption::new("dead-values", |values, strength, random| {
        for value in values {
            if random.uniform() < strength {
                *value = 0.0;
            }
        }
    });
    let build = || Recipe {
        training: Training::new(3, 8),
        optimizer: Adam::new(0.01).into(),
        objective: Objective::of(Reconstruction::Custom(quartic)),
        corruption: Corruption::Custom(CustomNoise {
            name: dead,
            noise: Noise::of(0.3),
        }),
        ..Recipe::new(
            "own-parts",
            LayersConfig::new(
                vec![
                    Flatten.into(),
                    dense(5),
                    Activation::Custom(snake.clone()).into(),
                    halved.clone().into(),
                ],
                vec![
                    dense(32),
                    Reshape {
                        shape: vec![2, 4, 4],
                    }
                    .into(),
                    Activation::Sigmoid.into(),
                ],
            ),
        )
    };
    let out = tempfile::tempdir().unwrap();
    let data = Dataset::split(&images(30)).unwrap();
    let new = || Trainer::new(build(), data.clone(), Device::Cpu).unwrap();
    let weights = |path: &std::path::Path| {
        let checkpoint = Checkpoint::read(path).unwrap();
        let weights = checkpoint.weights.into_iter();
        let values = |tensor: Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        weights
            .map(|(_, tensor)| values(tensor))
            .collect::<Vec<_>>()
    };

    // What a file could not name is refused before the first step.
    let mut folder = RunFolder::create(&out.path().join("early")).unwrap();
    let refused = new().run(Some(&mut folder), &|| false, &mut |_| {});
    let message = refused.unwrap_err().to_string();
    assert!(message.contains("not registered"), "{message}");

    snake.clone().register().unwrap();
    halved.clone().register().unwrap();
    quartic.register().unwrap();
    dead.register().unwrap();
    dead.register().unwrap();
    let taken = CustomCorruption::new("dead-values", |_, _, _| {});
    assert!(taken.register().is_err());
    assert!(Custom::new("relu", |x| x, |_| 1.0).register().is_err());
    for name in ["flatten", "dense", "relu"] {
        assert!(Function::new(name, |x| Ok(x.clone())).register().is_err());
    }
    assert!(
        CustomLoss::new("two words", |_, _| 0.0, |_, _| 0.0)
            .register()
            .is_err()
    );

    let whole = out.path().join("whole");
    let mut folder = RunFolder::create(&whole).unwrap();
    new()
        .run(Some(&mut folder), &|| false, &mut |_| {})
        .unwrap();
    drop(folder);

    let broken = out.path().join("broken");
    let mut folder = RunFolder::create(&broken).unwrap();
    let mut steps = 0;
    let ending = new().fit(Some(&mut folder), |event| {
        steps += usize::from(matches!(event, Event::Step { .. }));
        match steps == 5 {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    assert_eq!(ending.unwrap(), Ending::Stopped);
    drop(folder);
    let mut run = Resumable::open(&broken).unwrap();
    assert_eq!(run.checkpoint.recipe.objective, build().objective);
    let (checkpoint, file) = (run.checkpoint, run.file);
    let mut trainer = Trainer::resume(checkpoint, &file, data.clone(), Device::Cpu).unwrap();
    trainer
        .run(Some(&mut run.folder), &|| false, &mut |_| {})
        .unwrap();
    for name in ["best.safetensors", "last.safetensors"] {
        assert_eq!(
            weights(&whole.join(name)),
            weights(&broken.join(name)),
            "{name}"
        );
    }
    let network = Inference::load(&whole, &Device::Cpu).unwrap();
    assert_eq!(
        network.model().encoder().layers()[2].spec(),
        &Activation::Custom(snake.clone()).into()
    );
    assert_eq!(
        Recipe::read(&whole.join("recipe.toml"), &[])
            .unwrap()
            .corruption,
        build().corruption
    );
}

/// Sizes that no recipe would state are errors in every constructor, and never panic.
#[test]
fn layers_built_by_code_are_checked() {
    let device = &Device::Cpu;
    let bad: Vec<LayerSpec> = vec![
        Conv2d {
            stride: 1,
            ..Conv2d::new(3, 2)
        }
        .into(),
        Conv2d {
            stride: 0,
            ..Conv2d::new(3, 3)
        }
        .into(),
        Conv2d::new(0, 3).into(),
        Conv2d::new(3, 0).into(),
        Conv2d {
            stride: 0,
            ..Conv2d::new(3, 0)
        }
        .into(),
        Conv2d::new(3, usize::MAX).into(),
        Conv2d::new(usize::MAX, 3).into(),
        ConvTranspose2d::new(0, 2).into(),
        ConvTranspose2d::new(2, 0).into(),
        ConvTranspose2d::new(2, usize::MAX).into(),
        MaxPool2d { size: 0 }.into(),
        Upsample { scale: 0 }.into(),
        Upsample { scale: usize::MAX }.into(),
        GroupNorm { groups: 0 }.into(),
        Reshape { shape: vec![] }.into(),
        Reshape { shape: vec![0] }.into(),
        dense(3),
    ];
    for layer in bad {
        for layers in [
            vec![layer.clone()],
            vec![
                Residual {
                    body: vec![layer.clone()],
                }
                .into(),
            ],
        ] {
            let parameters = Parameters::drawn(1);
            let vb = parameters.builder(DType::F32, device);
            let init = Initialization::default();
            let error = Stack::new("encoder", &layers, &[2, 8, 8], init, vb).unwrap_err();
            assert!(matches!(error, Error::Layer { .. }), "{layer:?}: {error}");
            assert!(parameters.vars().is_empty(), "{layer:?}");
            let mut recipe = Recipe::new("bad", LayersConfig::new(layers, vec![dense(2)]));
            recipe.network.resolve_input([2, 8, 8]).unwrap();
            assert!(Autoencoder::outline(&recipe.network, DType::F32).is_err());
        }
    }
    let flat = |units| {
        let parameters = Parameters::drawn(1);
        let vb = parameters.builder(DType::F32, device);
        Stack::new(
            "encoder",
            &[dense(units)],
            &[units],
            Initialization::default(),
            vb,
        )
    };
    assert!(flat(0).is_err());
    assert!(flat(2).is_ok());
}

/// An even kernel as large as its stride has the same results in both ways of computing a network.
#[test]
fn even_kernels_agree() {
    for (kernel, stride) in [(2, 2), (4, 4), (1, 2), (3, 2), (5, 4)] {
        let parameters = Parameters::drawn(3);
        let vb = parameters.builder(DType::F32, &Device::Cpu);
        let init = Initialization::default();
        let conv = Conv2d {
            stride,
            ..Conv2d::new(3, kernel)
        };
        let encoder = Stack::new("encoder", &[conv.into()], &[2, 8, 8], init, vb.clone()).unwrap();
        let up = ConvTranspose2d::new(2, stride);
        let shape = encoder.output_shape().to_vec();
        let decoder = Stack::new("decoder", &[up.into()], &shape, init, vb).unwrap();
        let model = Autoencoder::from_stacks(encoder, Code::Plain, decoder).unwrap();
        let x = Tensor::rand(0f32, 1.0, (3, 2, 8, 8), &Device::Cpu).unwrap();
        let fast = Inference::new(model.clone()).encode(&x).unwrap();
        let reference = model.encode(&x).unwrap();
        assert_eq!(fast.dims(), reference.dims(), "{kernel}, stride {stride}");
        let apart = (fast - reference)
            .unwrap()
            .abs()
            .unwrap()
            .max_all()
            .unwrap();
        assert!(
            apart.to_scalar::<f32>().unwrap() < 1e-5,
            "{kernel}, stride {stride}"
        );
    }
}

#[test]
fn inputs_that_do_not_fit_say_in_what() {
    let device = &Device::Cpu;
    let fast = BuiltIn::ConvDenoiser.inference(device).unwrap();
    let wrong = [
        // Bytes would silently be 255 times too bright.
        (
            Tensor::zeros((2, 1, 28, 28), DType::U8, device),
            "divided by 255",
        ),
        (
            Tensor::zeros((2, 1, 28, 28), DType::I64, device),
            "divided by 255",
        ),
        // A sample without the axis of the batch.
        (
            Tensor::zeros((1, 28, 28), DType::F32, device),
            "[N, 1, 28, 28]",
        ),
    ];
    for (samples, says) in wrong {
        let samples = samples.unwrap();
        for result in [
            fast.reconstruct(&samples),
            fast.model().reconstruct(&samples),
        ] {
            let Err(Error::Layer {
                expected, found, ..
            }) = result
            else {
                panic!("{:?} of {:?} is accepted", samples.dims(), samples.dtype());
            };
            assert!(expected.contains(says), "{expected}");
            assert!(!expected.contains(&found) && !found.contains(&expected));
        }
    }
    let bytes = Tensor::zeros((2, 1, 28, 28), DType::U8, device).unwrap();
    assert!(Picture::from_batch(&bytes).is_err());
    let tight = fast.encode(&Tensor::zeros((2, 1, 28, 28), DType::F32, device).unwrap());
    assert_eq!(tight.unwrap().dims(), [2, 128, 7, 7]);
}

#[test]
fn errors_of_files_differ_by_type_and_become_candles() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.safetensors");
    let load = || {
        Autoencoder::load(&path, &Device::Cpu)
            .map(|_| ())
            .unwrap_err()
    };
    assert!(matches!(load(), Error::Io { .. }));
    let whole = BuiltIn::ConvDenoiser
        .checkpoint()
        .unwrap()
        .to_bytes()
        .unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(load(), Error::Damaged { .. }));
    let mut changed = whole.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    std::fs::write(&path, changed).unwrap();
    assert!(matches!(load(), Error::Damaged { .. }));
    std::fs::write(&path, "a poem, longer than eight bytes").unwrap();
    assert!(matches!(load(), Error::NotACheckpoint { .. }));
    let tensors = std::collections::HashMap::from([(
        "x",
        Tensor::zeros(1, DType::F32, &Device::Cpu).unwrap(),
    )]);
    candle_core::safetensors::save(&tensors, &path).unwrap();
    assert!(matches!(load(), Error::NotACheckpoint { .. }));
    let message = load().to_string();
    let candles: candle_core::Error = load().into();
    assert!(candles.to_string().contains(&message), "{candles}");
    std::fs::write(&path, whole).unwrap();
    assert!(Autoencoder::load(folder.path(), &Device::Cpu).is_err());
    assert!(Autoencoder::load(&path, &Device::Cpu).is_ok());
}

/// The defaults of constructors are those of recipes.
#[test]
fn constructors_have_the_defaults_of_recipes() {
    let read = |network: &str, objective: &str| {
        let text = format!(
            "name = 'plain'\n[network]\n{network}\n[objective]\n{objective}\n\
             [optimizer]\nkind = 'adam'\nlr = 1e-3\n[training]\nepochs = 10\nbatch_size = 128"
        );
        Recipe::parse(&text, "plain.toml".as_ref(), &[]).unwrap()
    };
    let bce = "reconstruction = 'bce'";
    let dense = read("family = 'dense'\nencoder = [8, 2]", bce);
    assert_eq!(Recipe::new("plain", DenseConfig::new([8, 2])), dense);
    let conv = read("family = 'conv'\nencoder = [8, 4]\ndecoder = [8]", bce);
    assert_eq!(Recipe::new("plain", ConvConfig::new([8, 4], [8])), conv);
    let vae = read(
        "family = 'vae'\nbody = 'dense'\nencoder = [8]\nlatent = 2",
        "reconstruction = 'bce'\nelbo = {}",
    );
    let body = autoencode::recipe::Body::Dense;
    assert_eq!(Recipe::new("plain", VaeConfig::new(body, [8], 2)), vae);
    let layers = read(
        "family = 'layers'\nencoder = ['flatten', 'dense 2']\ndecoder = ['dense 16', 'reshape [1, 4, 4]']",
        "reconstruction = 'mse'",
    );
    let dense = |units| LayerSpec::from(Dense::new(units));
    let built = LayersConfig::new(
        vec![Flatten.into(), dense(2)],
        vec![
            dense(16),
            Reshape {
                shape: vec![1, 4, 4],
            }
            .into(),
        ],
    );
    assert_eq!(Recipe::new("plain", built), layers);
    for (kind, optimizer) in [
        ("sgd", autoencode::recipe::Sgd::new(1e-3).into()),
        ("rmsprop", autoencode::recipe::RmsProp::new(1e-3).into()),
        ("adadelta", autoencode::recipe::Adadelta::new(1e-3).into()),
        ("adamw", autoencode::recipe::AdamW::new(1e-3).into()),
    ] {
        let text = layers.to_toml().unwrap();
        let settings = [format!("optimizer={{kind=\"{kind}\",lr=0.001}}")];
        let read = Recipe::parse(&text, "plain.toml".as_ref(), &settings).unwrap();
        assert_eq!(read.optimizer, optimizer, "{kind}");
    }
}
