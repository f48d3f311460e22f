//! Optimisers and gradient clipping against PyTorch and Keras:
//! `tests/data/optimizers_reference.json`, which `scripts/reference_optimizers.py` writes. And their
//! state, kept and taken up again.

use crate::common;
use std::collections::BTreeMap;

use autoencode::optim::{Optimizer, global_norm};
use autoencode::random::{Purpose, Stream};
use autoencode::recipe;
use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use serde::Deserialize;
use serde_json::{Value, json};

type Values = BTreeMap<String, Vec<f64>>;

#[derive(Deserialize)]
struct Reference {
    shapes: BTreeMap<String, Vec<usize>>,
    series: BTreeMap<String, Series>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Series {
    start: Values,
    gradients: Vec<Values>,
}

#[derive(Deserialize)]
struct Case {
    library: String,
    series: String,
    /// As in the `[optimizer]` table of a recipe.
    settings: Value,
    /// By number of steps.
    reached: BTreeMap<usize, Values>,
}

/// Every kind with everything that adds state, as in the `[optimizer]` table of a recipe.
fn kinds() -> Vec<(Value, Vec<&'static str>)> {
    vec![
        (json!({"kind": "sgd", "lr": 0.01}), vec![]),
        (
            json!({"kind": "sgd", "lr": 0.01, "momentum": 0.9, "nesterov": true}),
            vec!["velocity"],
        ),
        (json!({"kind": "rmsprop", "lr": 0.01}), vec!["square"]),
        (
            json!({"kind": "rmsprop", "lr": 0.01, "momentum": 0.5, "epsilon_inside": true}),
            vec!["square", "velocity"],
        ),
        (
            json!({"kind": "adadelta", "lr": 1.0}),
            vec!["delta", "square"],
        ),
        (json!({"kind": "adam", "lr": 0.01}), vec!["first", "second"]),
        (
            json!({"kind": "adam", "lr": 0.01, "epsilon_hat": true}),
            vec!["first", "second"],
        ),
        (
            json!({"kind": "adamw", "lr": 0.01, "weight_decay": 0.1}),
            vec!["first", "second"],
        ),
    ]
}

fn config(settings: &Value) -> recipe::Optimizer {
    serde_json::from_value(settings.clone()).unwrap()
}

fn optimizer(settings: &Value, vars: &[(String, Var)]) -> Optimizer {
    Optimizer::new(&config(settings), vars.to_vec()).unwrap()
}

fn adam(vars: &[(String, Var)]) -> Optimizer {
    optimizer(&json!({"kind": "adam", "lr": 0.01}), vars)
}

/// `settings` with one key more, or without it.
fn with(settings: &Value, key: &str, value: Option<Value>) -> Value {
    let mut settings = settings.clone();
    let table = settings.as_object_mut().unwrap();
    match value {
        Some(value) => table.insert(key.to_string(), value),
        None => table.remove(key),
    };
    settings
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../data/optimizers_reference.json")).unwrap()
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
        self.tensors(&self.series[&case.series].start, dtype)
            .into_iter()
            .map(|(name, tensor)| (name, Var::from_tensor(&tensor).unwrap()))
            .collect()
    }

    /// How far from where the case says the steps lead, summed over all values, after each step whose
    /// results it holds.
    fn distances(&self, case: &Case, settings: &Value, dtype: DType) -> BTreeMap<usize, f64> {
        let vars = self.variables(case, dtype);
        let rate = config(settings).lr();
        let mut optimizer = optimizer(settings, &vars);
        let mut distances = BTreeMap::new();
        for (step, gradients) in (1..).zip(&self.series[&case.series].gradients) {
            let gradients = store(&vars, &self.tensors(gradients, dtype));
            optimizer.update(&gradients, rate).unwrap();
            assert_eq!(optimizer.step_count(), step as u64);
            let Some(expected) = case.reached.get(&step) else {
                continue;
            };
            let mut distance = 0.0;
            for (name, var) in &vars {
                let found = common::values(var);
                assert_eq!(found.len(), expected[name].len());
                for (found, expected) in found.iter().zip(&expected[name]) {
                    // Unlike a maximum, a sum keeps what is not a number.
                    distance += (found - expected).abs();
                }
            }
            distances.insert(step, distance);
        }
        distances
    }
}

#[test]
fn twenty_steps_lead_where_pytorch_and_keras_lead() {
    let reference = reference();
    let mut kinds = BTreeMap::new();
    for case in &reference.cases {
        let kind = case.settings["kind"].as_str().unwrap().to_string();
        *kinds.entry((case.library.as_str(), kind)).or_insert(0) += 1;
        // PyTorch adds 1e-6 to the norm when it clips.
        let exact = match case.settings.get("clip_norm") {
            Some(_) => 1e-7,
            None => 1e-12,
        };
        for (dtype, tolerance) in [(DType::F64, exact), (DType::F32, 1e-4)] {
            let distances = reference.distances(case, &case.settings, dtype);
            assert_eq!(distances.keys().copied().collect::<Vec<_>>(), [1, 10, 20]);
            for (step, distance) in distances {
                assert!(
                    distance < tolerance,
                    "{} {}, {dtype:?}, step {step}: {distance}",
                    case.library,
                    case.settings
                );
            }
        }
    }
    let compared: Vec<_> = kinds.into_iter().collect();
    let count = |library, kind: &str, number| ((library, kind.to_string()), number);
    assert_eq!(
        compared,
        [
            count("keras", "adadelta", 1),
            count("keras", "adam", 2),
            count("keras", "adamw", 1),
            count("keras", "rmsprop", 3),
            count("keras", "sgd", 1),
            count("torch", "adadelta", 3),
            count("torch", "adam", 6),
            count("torch", "adamw", 3),
            count("torch", "rmsprop", 4),
            count("torch", "sgd", 4),
        ]
    );
}

#[test]
fn every_setting_shapes_the_reference() {
    // With any setting left out or another, the steps end elsewhere: the test above sees them all.
    let reference = reference();
    let mut seen = BTreeMap::new();
    for case in &reference.cases {
        let table = case.settings.as_object().unwrap();
        for (key, value) in table {
            let changed = match value {
                Value::Bool(set) => with(&case.settings, key, Some(json!(!set))),
                Value::Number(number) if key != "clip_norm" => {
                    let other = number.as_f64().unwrap() * 0.9;
                    with(&case.settings, key, Some(json!(other)))
                }
                Value::Number(_) => with(&case.settings, key, None),
                _ => continue,
            };
            // Not every case tells: where beta1 is 0, it stays 0.
            let distance = reference.distances(case, &changed, DType::F64)[&20];
            let seen = seen
                .entry((table["kind"].to_string(), key.clone()))
                .or_insert(0.0f64);
            *seen = seen.max(distance);
        }
    }
    assert_eq!(seen.len(), 4 + 6 + 4 + 6 + 7, "{seen:?}");
    for (key, distance) in seen {
        assert!(distance > 1e-3, "{key:?}: {distance}");
    }
}

#[test]
fn the_learning_rate_of_the_call_is_what_counts() {
    let var = Var::new(&[1f64, -2.0], &Device::Cpu).unwrap();
    let vars = vec![("w".to_string(), var.clone())];
    let mut adam = adam(&vars);
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

#[test]
fn the_norm_of_many_values_is_exact_to_f64_and_does_not_depend_on_threads() {
    let mut stream = Stream::new(5, Purpose::Init, 0, 0);
    let gradient = common::uniform(&mut stream, &[600_003], -1.0, 1.0, DType::F32);
    let exact = common::values(&gradient)
        .iter()
        .map(|value| value * value)
        .sum::<f64>()
        .sqrt();
    let var = Var::zeros(600_003, DType::F32, &Device::Cpu).unwrap();
    let vars = vec![("w".to_string(), var)];
    let gradients = store(&vars, &BTreeMap::from([("w".to_string(), gradient)]));
    let norm = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let norm = || global_norm(vars.iter().map(|(_, var)| var), &gradients);
        pool.build().unwrap().install(norm).unwrap()
    };
    assert!((norm(1) / exact - 1.0).abs() < 1e-13, "{} {exact}", norm(1));
    assert_eq!(norm(1).to_bits(), norm(3).to_bits());
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
fn walk(optimizer: &mut Optimizer, vars: &[(String, Var)], steps: std::ops::Range<u64>) {
    for step in steps {
        let mut stream = Stream::new(4, Purpose::Init, step, 0);
        let gradients = vars
            .iter()
            .map(|(name, var)| {
                let gradient = common::uniform(&mut stream, var.dims(), -1.0, 1.0, DType::F32);
                (name.clone(), gradient)
            })
            .collect();
        optimizer.update(&store(vars, &gradients), 0.01).unwrap();
    }
}

fn all_bits(vars: &[(String, Var)]) -> Vec<Vec<u32>> {
    vars.iter().map(|(_, var)| common::bits(var)).collect()
}

fn state_bits(optimizer: &Optimizer) -> BTreeMap<String, Vec<u32>> {
    optimizer
        .state()
        .unwrap()
        .into_iter()
        .map(|(name, tensor)| (name, common::bits(&tensor)))
        .collect()
}

#[test]
fn a_restored_optimiser_goes_on_bit_for_bit() {
    for (settings, state_names) in kinds() {
        let settings = with(&settings, "clip_norm", Some(json!(1.2)));
        let whole = variables();
        let mut uninterrupted = optimizer(&settings, &whole);
        walk(&mut uninterrupted, &whole, 0..12);

        let first = variables();
        let mut stopped = optimizer(&settings, &first);
        walk(&mut stopped, &first, 0..5);
        let names: Vec<String> = stopped.state().unwrap().into_keys().collect();
        let expected: Vec<String> = state_names
            .iter()
            .flat_map(|name| [format!("{name}.a"), format!("{name}.b")])
            .collect();
        assert_eq!(names, expected, "{settings}");

        let second = variables();
        for ((_, var), (_, reached)) in second.iter().zip(&first) {
            var.set(reached.as_tensor()).unwrap();
        }
        let mut resumed = optimizer(&settings, &second);
        resumed
            .restore(&stopped.state().unwrap(), stopped.step_count())
            .unwrap();
        assert_eq!(resumed.step_count(), 5);
        let taken = state_bits(&stopped);
        walk(&mut resumed, &second, 5..12);
        assert_eq!(state_bits(&stopped), taken, "it was copied");
        assert_eq!(all_bits(&second), all_bits(&whole), "{settings}");
        assert_eq!(state_bits(&resumed), state_bits(&uninterrupted));
        if state_names.is_empty() {
            continue;
        }

        // Without the state, or without Adam's number of the step, the end is another one.
        let third = variables();
        for ((_, var), (_, reached)) in third.iter().zip(&first) {
            var.set(reached.as_tensor()).unwrap();
        }
        let mut forgetful = optimizer(&settings, &third);
        walk(&mut forgetful, &third, 5..12);
        assert_ne!(all_bits(&third), all_bits(&whole), "{settings}");
    }
}

#[test]
fn a_variable_without_a_gradient_is_left_alone() {
    for (settings, _) in kinds() {
        let vars = variables();
        let mut optimizer = optimizer(&settings, &vars);
        walk(&mut optimizer, &vars, 0..3);
        let (values, state) = (all_bits(&vars), state_bits(&optimizer));
        walk(&mut optimizer, &vars[..1], 3..5);
        assert_ne!(all_bits(&vars)[0], values[0], "{settings}");
        assert_eq!(all_bits(&vars)[1], values[1], "{settings}");
        for (name, bits) in state_bits(&optimizer) {
            assert_eq!(bits == state[&name], name.ends_with(".b"), "{settings}");
        }
    }
}

#[test]
fn a_gradient_of_another_type_changes_nothing() {
    for (settings, _) in kinds() {
        let vars = variables();
        let mut optimizer = optimizer(&settings, &vars);
        walk(&mut optimizer, &vars, 0..3);
        let (values, state) = (all_bits(&vars), state_bits(&optimizer));
        // The first variable's gradient fits, the second's does not.
        let ones = |(name, var): &(String, Var)| (name.clone(), var.ones_like().unwrap());
        let mut gradients = store(&vars, &vars.iter().map(ones).collect());
        let wrong = vars[1].1.ones_like().unwrap().to_dtype(DType::F64).unwrap();
        gradients.insert(&vars[1].1, wrong);
        optimizer.update(&gradients, 0.01).unwrap_err();
        assert_eq!(all_bits(&vars), values, "{settings}");
        assert_eq!(state_bits(&optimizer), state, "{settings}");
        assert_eq!(optimizer.step_count(), 3);
    }
}

#[test]
fn a_broadcast_gradient_moves_as_one_written_out() {
    for (settings, _) in kinds() {
        let ends = [false, true].map(|broadcast| {
            let vars = variables();
            let mut optimizer = optimizer(&settings, &vars);
            let gradients = vars.iter().map(|(name, var)| {
                let third = Tensor::new(1.0f32 / 3.0, var.device()).unwrap();
                let gradient = third.broadcast_as(var.shape()).unwrap();
                let gradient = if broadcast {
                    gradient
                } else {
                    gradient.contiguous().unwrap()
                };
                (name.clone(), gradient)
            });
            let gradients: BTreeMap<_, _> = gradients.collect();
            let mut given = store(&vars, &gradients);
            for (name, var) in &vars {
                given.insert(var, gradients[name].clone());
            }
            optimizer.update(&given, 0.01).unwrap();
            all_bits(&vars)
        });
        assert_eq!(ends[0], ends[1], "{settings}");
        assert_ne!(ends[0], all_bits(&variables()), "{settings}");
    }
}

#[test]
fn a_frozen_copy_of_the_network_follows_every_step() {
    let vars = variables();
    let frozen: Vec<Tensor> = vars
        .iter()
        .map(|(_, var)| var.as_detached_tensor())
        .collect();
    let mut adam = adam(&vars);
    walk(&mut adam, &vars, 0..3);
    for ((_, var), frozen) in vars.iter().zip(&frozen) {
        assert_eq!(common::bits(var), common::bits(frozen));
    }
    assert_ne!(common::bits(&frozen[0]), all_bits(&variables())[0]);
}

#[test]
fn the_state_does_not_hold_on_to_the_graph() {
    for (settings, _) in kinds() {
        let vars = variables();
        let mut optimizer = optimizer(&settings, &vars);
        for _ in 0..2 {
            // The gradient of a square is an expression of the variable itself.
            let var = &vars[0].1;
            let loss = var.mul(var).and_then(|square| square.sum_all());
            let gradients = loss.unwrap().backward().unwrap();
            assert!(gradients.get(var).unwrap().track_op());
            optimizer.update(&gradients, 0.01).unwrap();
        }
        for (name, tensor) in optimizer.state().unwrap() {
            assert!(!tensor.track_op(), "{settings}: {name}");
        }
    }
}

#[test]
fn a_state_that_was_handed_out_does_not_change_with_later_steps() {
    for (settings, state_names) in kinds() {
        let vars = variables();
        let mut optimizer = optimizer(&settings, &vars);
        walk(&mut optimizer, &vars, 0..3);
        let state = optimizer.state().unwrap();
        let bits = state_bits(&optimizer);
        walk(&mut optimizer, &vars, 3..6);
        for (name, tensor) in state {
            assert_eq!(common::bits(&tensor), bits[&name], "{name}");
        }
        assert!(state_names.is_empty() || state_bits(&optimizer) != bits);
    }
}

#[test]
fn a_state_that_does_not_fit_is_refused_by_name_and_changes_nothing() {
    for (settings, state_names) in kinds() {
        let vars = variables();
        let mut optimizer = optimizer(&settings, &vars);
        walk(&mut optimizer, &vars, 0..3);
        let before = state_bits(&optimizer);
        let mut other = optimizer.state().unwrap();
        for tensor in other.values_mut() {
            *tensor = tensor.ones_like().unwrap();
        }
        let wrong = Tensor::zeros(4, DType::F32, &Device::Cpu).unwrap();
        let mut refuse = |state: &BTreeMap<String, Tensor>, parts: [&str; 3]| {
            let message = optimizer.restore(state, 77).unwrap_err().to_string();
            for part in parts {
                assert!(message.contains(part), "{settings}, {part}: {message}");
            }
            assert_eq!(state_bits(&optimizer), before);
            assert_eq!(optimizer.step_count(), 3);
        };
        let mut extra = other.clone();
        extra.insert("third.b".into(), wrong.clone());
        refuse(&extra, ["third.b", "no variable", "[4]"]);
        if let Some(last) = state_names.last() {
            let name = format!("{last}.b");
            let mut misshapen = other.clone();
            misshapen.insert(name.clone(), wrong);
            refuse(&misshapen, [&name, "[5]", "[4]"]);
            let mut missing = other.clone();
            let double = missing.remove(&name).unwrap();
            refuse(&missing, [&name, "[5]", "missing"]);
            let mut retyped = other.clone();
            retyped.insert(name.clone(), double.to_dtype(DType::F64).unwrap());
            refuse(&retyped, [&name, "F32", "F64"]);
        }
        // The same state without the flaw is taken.
        optimizer.restore(&other, 77).unwrap();
        assert!(state_names.is_empty() || state_bits(&optimizer) != before);
        assert_eq!(optimizer.step_count(), 77);
    }
}

#[test]
fn the_state_of_another_kind_is_refused() {
    for (settings, state_names) in kinds() {
        let vars = variables();
        let mut own = optimizer(&settings, &vars);
        for (other, other_names) in kinds() {
            let result = own.restore(&optimizer(&other, &vars).state().unwrap(), 1);
            assert_eq!(
                result.is_ok(),
                other_names == state_names,
                "{settings}, {other}"
            );
        }
    }
}
