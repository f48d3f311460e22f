//! Adam and gradient clipping against PyTorch: `tests/data/adam_reference.json`, which
//! `scripts/reference_adam.py` writes. And Adam's state, kept and taken up again.

mod common;

use std::collections::BTreeMap;

use autoencode::optim::{Adam, global_norm};
use autoencode::random::{Purpose, Stream};
use autoencode::recipe::Optimizer;
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use serde::Deserialize;

type Values = BTreeMap<String, Vec<f64>>;

#[derive(Deserialize)]
struct Reference {
    shapes: BTreeMap<String, Vec<usize>>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    settings: Settings,
    start: Values,
    gradients: Vec<Values>,
    /// By number of steps.
    reached: BTreeMap<usize, Values>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Settings {
    lr: f64,
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    clip_norm: Option<f64>,
}

impl Settings {
    fn optimizer(self) -> Optimizer {
        let Self {
            lr,
            beta1,
            beta2,
            epsilon,
            clip_norm,
        } = self;
        Optimizer::Adam {
            lr,
            beta1,
            beta2,
            epsilon,
            clip_norm,
        }
    }
}

const USUAL: Settings = Settings {
    lr: 0.01,
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-7,
    clip_norm: None,
};

fn reference() -> Reference {
    serde_json::from_str(include_str!("data/adam_reference.json")).unwrap()
}

fn tensor(values: &[f64], shape: &[usize], dtype: DType) -> Tensor {
    Tensor::from_slice(values, shape, &Device::Cpu)
        .and_then(|tensor| tensor.to_dtype(dtype))
        .unwrap()
}

/// A store in which every variable has the gradient given for it.
fn store(vars: &[(String, Var)], gradients: &BTreeMap<String, Tensor>) -> GradStore {
    let mut sum: Option<Tensor> = None;
    for (name, var) in vars {
        if let Some(gradient) = gradients.get(name) {
            let product = (var.as_tensor() * gradient).unwrap().sum_all().unwrap();
            sum = Some(match sum {
                Some(sum) => (sum + product).unwrap(),
                None => product,
            });
        }
    }
    sum.unwrap().backward().unwrap()
}

impl Reference {
    fn tensors(&self, values: &Values, dtype: DType) -> BTreeMap<String, Tensor> {
        values
            .iter()
            .map(|(name, values)| (name.clone(), tensor(values, &self.shapes[name], dtype)))
            .collect()
    }

    fn variables(&self, case: &Case, dtype: DType) -> Vec<(String, Var)> {
        self.tensors(&case.start, dtype)
            .into_iter()
            .map(|(name, tensor)| (name, Var::from_tensor(&tensor).unwrap()))
            .collect()
    }
}

#[test]
fn twenty_steps_lead_where_pytorchs_adam_leads() {
    let reference = reference();
    for (dtype, tolerance) in [(DType::F64, 1e-8), (DType::F32, 2e-5)] {
        for case in &reference.cases {
            let vars = reference.variables(case, dtype);
            let mut adam = Adam::new(&case.settings.optimizer(), vars.clone()).unwrap();
            let mut compared = 0;
            for (step, gradients) in (1..).zip(&case.gradients) {
                let gradients = store(&vars, &reference.tensors(gradients, dtype));
                adam.update(&gradients, case.settings.lr).unwrap();
                let Some(expected) = case.reached.get(&step) else {
                    continue;
                };
                for (name, var) in &vars {
                    for (found, expected) in common::values(var).iter().zip(&expected[name]) {
                        assert!(
                            (found - expected).abs() < tolerance,
                            "{:?}, {dtype:?}, step {step}, {name}: {found} and {expected}",
                            case.settings
                        );
                        compared += 1;
                    }
                }
            }
            assert_eq!(compared, 3 * (12 + 3 + 8));
            assert_eq!(adam.step_count(), 20);
        }
    }
}

#[test]
fn clipping_shapes_the_reference() {
    // Without the limit, the cases that have one end elsewhere: the test above sees clipping.
    let reference = reference();
    let clipped = || {
        reference
            .cases
            .iter()
            .filter(|c| c.settings.clip_norm.is_some())
    };
    assert_eq!(clipped().count(), 2);
    for case in clipped() {
        let vars = reference.variables(case, DType::F64);
        let settings = Settings {
            clip_norm: None,
            ..case.settings
        };
        let mut adam = Adam::new(&settings.optimizer(), vars.clone()).unwrap();
        for gradients in &case.gradients {
            let gradients = store(&vars, &reference.tensors(gradients, DType::F64));
            adam.update(&gradients, settings.lr).unwrap();
        }
        for (name, var) in &vars {
            let expected = &case.reached[&20][name];
            let furthest = common::values(var)
                .iter()
                .zip(expected)
                .fold(0.0f64, |far, (found, expected)| {
                    far.max((found - expected).abs())
                });
            assert!(furthest > 1e-3, "{name}: {furthest}");
        }
    }
}

#[test]
fn the_learning_rate_of_the_call_is_what_counts() {
    let var = Var::new(&[1f64, -2.0], &Device::Cpu).unwrap();
    let vars = vec![("w".to_string(), var.clone())];
    let mut adam = Adam::new(&USUAL.optimizer(), vars.clone()).unwrap();
    let gradient = tensor(&[5.0, -0.001], &[2], DType::F64);
    let gradients = store(&vars, &BTreeMap::from([("w".to_string(), gradient)]));
    // The first step of Adam moves every value by the rate, whatever its gradient's size.
    adam.update(&gradients, 0.25).unwrap();
    let moved = common::values(&var);
    assert!((moved[0] - 0.75).abs() < 1e-4, "{moved:?}");
    assert!((moved[1] + 1.75).abs() < 1e-4, "{moved:?}");
}

#[test]
fn the_norm_is_over_all_gradients_together() {
    let vars: Vec<(String, Var)> = ["a", "b", "c"]
        .map(|name| {
            let var = Var::zeros((1, 2), DType::F32, &Device::Cpu).unwrap();
            (name.to_string(), var)
        })
        .into();
    // `c` takes no part in the loss and has no gradient.
    let gradients = BTreeMap::from([
        ("a".to_string(), tensor(&[1.0, 2.0], &[1, 2], DType::F32)),
        ("b".to_string(), tensor(&[-4.0, 10.0], &[1, 2], DType::F32)),
    ]);
    let norm = global_norm(vars.iter().map(|(_, var)| var), &store(&vars, &gradients)).unwrap();
    assert_eq!(norm, 11.0);
}

/// Two variables, the same for every call.
fn variables() -> Vec<(String, Var)> {
    let mut stream = Stream::new(3, Purpose::Init, 0, 0);
    [("a", vec![3, 2]), ("b", vec![5])]
        .map(|(name, shape)| {
            let start = common::uniform(&mut stream, &shape, -1.0, 1.0, DType::F32);
            (name.to_string(), Var::from_tensor(&start).unwrap())
        })
        .into()
}

/// Steps with gradients keyed by their number.
fn walk(adam: &mut Adam, vars: &[(String, Var)], steps: std::ops::Range<u64>) {
    for step in steps {
        let mut stream = Stream::new(4, Purpose::Init, step, 0);
        let gradients = vars
            .iter()
            .map(|(name, var)| {
                let gradient = common::uniform(&mut stream, var.dims(), -1.0, 1.0, DType::F32);
                (name.clone(), gradient)
            })
            .collect();
        adam.update(&store(vars, &gradients), 0.01).unwrap();
    }
}

fn all_bits(vars: &[(String, Var)]) -> Vec<Vec<u32>> {
    vars.iter().map(|(_, var)| common::bits(var)).collect()
}

fn state_bits(adam: &Adam) -> BTreeMap<String, Vec<u32>> {
    adam.state()
        .into_iter()
        .map(|(name, tensor)| (name, common::bits(&tensor)))
        .collect()
}

#[test]
fn a_restored_optimiser_goes_on_bit_for_bit() {
    let settings = Settings {
        clip_norm: Some(1.2),
        ..USUAL
    };
    let whole = variables();
    let mut uninterrupted = Adam::new(&settings.optimizer(), whole.clone()).unwrap();
    walk(&mut uninterrupted, &whole, 0..12);

    let first = variables();
    let mut adam = Adam::new(&settings.optimizer(), first.clone()).unwrap();
    walk(&mut adam, &first, 0..5);
    let names: Vec<String> = adam.state().into_keys().collect();
    assert_eq!(names, ["first.a", "first.b", "second.a", "second.b"]);

    let second = variables();
    for ((_, var), (_, reached)) in second.iter().zip(&first) {
        var.set(reached.as_tensor()).unwrap();
    }
    let mut resumed = Adam::new(&settings.optimizer(), second.clone()).unwrap();
    resumed.restore(&adam.state(), adam.step_count()).unwrap();
    assert_eq!(resumed.step_count(), 5);
    walk(&mut resumed, &second, 5..12);
    assert_eq!(all_bits(&second), all_bits(&whole));
    assert_eq!(state_bits(&resumed), state_bits(&uninterrupted));
}

#[test]
fn a_state_that_was_handed_out_does_not_change_with_later_steps() {
    let vars = variables();
    let mut adam = Adam::new(&USUAL.optimizer(), vars.clone()).unwrap();
    walk(&mut adam, &vars, 0..3);
    let state = adam.state();
    let bits = state_bits(&adam);
    walk(&mut adam, &vars, 3..6);
    for (name, tensor) in state {
        assert_eq!(common::bits(&tensor), bits[&name], "{name}");
    }
    assert_ne!(state_bits(&adam), bits);
}

#[test]
fn a_state_that_does_not_fit_is_refused_by_name_and_changes_nothing() {
    let vars = variables();
    let mut adam = Adam::new(&USUAL.optimizer(), vars.clone()).unwrap();
    walk(&mut adam, &vars, 0..3);
    let before = state_bits(&adam);
    let mut other = adam.state();
    for tensor in other.values_mut() {
        *tensor = tensor.ones_like().unwrap();
    }
    let mut misshapen = other.clone();
    let wrong = Tensor::zeros(4, DType::F32, &Device::Cpu).unwrap();
    misshapen.insert("second.b".into(), wrong);
    let mut missing = other.clone();
    missing.remove("second.b");
    for (state, found) in [(misshapen, "[4]"), (missing, "none")] {
        let error = adam.restore(&state, 77).unwrap_err();
        let message = error.to_string();
        for part in ["second.b", "[5]", found] {
            assert!(message.contains(part), "{part}: {message}");
        }
        assert_eq!(state_bits(&adam), before);
        assert_eq!(adam.step_count(), 3);
    }
    // The same state without the flaw is taken.
    adam.restore(&other, 77).unwrap();
    assert_ne!(state_bits(&adam), before);
    assert_eq!(adam.step_count(), 77);
}

#[test]
fn a_state_of_another_type_is_refused() {
    let vars = variables();
    let mut adam = Adam::new(&USUAL.optimizer(), vars.clone()).unwrap();
    walk(&mut adam, &vars, 0..1);
    let mut state = adam.state();
    let double = state["first.a"].to_dtype(DType::F64).unwrap();
    state.insert("first.a".into(), double);
    let message = adam.restore(&state, 1).unwrap_err().to_string();
    assert!(message.contains("first.a"), "{message}");
}
