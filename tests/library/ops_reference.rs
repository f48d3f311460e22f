//! The operations against PyTorch: values and gradients of `tests/data/ops_reference.json`, which
//! `scripts/reference_ops.py` writes, for both forms of every operation, in f32 and f64.

use std::collections::BTreeMap;

use autoencode::{Result, ops};
use candle_core::{DType, Device, Tensor, Var};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    op: String,
    settings: BTreeMap<String, f64>,
    arguments: BTreeMap<String, Values>,
    out: Values,
    cotangent: Values,
    gradients: BTreeMap<String, Values>,
}

#[derive(Deserialize)]
struct Values {
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl Values {
    fn tensor(&self, dtype: DType) -> Tensor {
        Tensor::from_vec(self.values.clone(), self.shape.clone(), &Device::Cpu)
            .and_then(|tensor| tensor.to_dtype(dtype))
            .unwrap()
    }
}

/// Which form of the operations to call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Automatic,
    Composed,
}

impl Case {
    fn size(&self, name: &str) -> usize {
        self.settings[name] as usize
    }

    fn apply(&self, form: Form, arguments: &BTreeMap<&str, Tensor>) -> Result<Tensor> {
        match form {
            Form::Automatic => self.operation(arguments),
            Form::Composed => ops::composed::only(|| self.operation(arguments)),
        }
    }

    fn operation(&self, arguments: &BTreeMap<&str, Tensor>) -> Result<Tensor> {
        let x = arguments.get("x").or(arguments.get("logits")).unwrap();
        let (weight, bias) = (arguments.get("weight"), arguments.get("bias"));
        match self.op.as_str() {
            "conv2d" => {
                let (stride, padding) = (self.size("stride"), self.size("padding"));
                ops::conv2d(x, weight.unwrap(), bias, stride, padding)
            }
            "conv_transpose2d" => {
                ops::conv_transpose2d(x, weight.unwrap(), bias, self.size("scale"))
            }
            "group_norm" => {
                let (groups, eps) = (self.size("groups"), self.settings["eps"]);
                ops::group_norm(x, groups, weight.unwrap(), bias.unwrap(), eps)
            }
            "linear" => ops::linear(x, weight.unwrap(), bias),
            "max_pool2d" => ops::max_pool2d(x, self.size("size")),
            "upsample_nearest2d" => ops::upsample_nearest2d(x, self.size("scale")),
            "relu" => ops::relu(x),
            "leaky_relu" => ops::leaky_relu(x, self.settings["slope"]),
            "sigmoid" => ops::sigmoid(x),
            "bce_with_logits_sum" => ops::bce_with_logits_sum(x, &arguments["targets"]),
            "two_paths" => {
                let up = ops::upsample_nearest2d(x, 2)?;
                let pooled = ops::max_pool2d(&ops::conv2d(&up, weight.unwrap(), None, 1, 1)?, 2)?;
                Ok((pooled + (x * x)?)?)
            }
            other => panic!("unknown operation {other}"),
        }
    }

    fn check(&self, form: Form, dtype: DType) {
        let what = format!("{} {:?} {form:?} {dtype:?}", self.op, self.settings);
        let variables: BTreeMap<&str, Var> = self
            .arguments
            .iter()
            .map(|(name, values)| {
                let variable = Var::from_tensor(&values.tensor(dtype)).unwrap();
                (name.as_str(), variable)
            })
            .collect();
        let arguments = variables
            .iter()
            .map(|(&name, variable)| (name, variable.as_tensor().clone()))
            .collect();
        let out = self.apply(form, &arguments).unwrap();
        assert_close(&format!("{what}: out"), &out, &self.out, dtype);
        let loss = (out * self.cotangent.tensor(dtype))
            .unwrap()
            .sum_all()
            .unwrap();
        let gradients = loss.backward().unwrap();
        for (name, variable) in &variables {
            let gradient = gradients.get(variable).unwrap();
            let what = format!("{what}: gradient of {name}");
            assert_close(&what, gradient, &self.gradients[*name], dtype);
        }
    }
}

fn assert_close(what: &str, found: &Tensor, expected: &Values, dtype: DType) {
    assert_eq!(found.dims(), expected.shape, "{what}");
    // Numbers are written with nine digits; sums of up to some hundred products of size 1 in f32.
    let tolerance = if dtype == DType::F64 { 2e-8 } else { 3e-6 };
    let values = found
        .to_dtype(DType::F64)
        .and_then(|found| found.flatten_all()?.to_vec1::<f64>())
        .unwrap();
    for (index, (&found, &expected)) in values.iter().zip(&expected.values).enumerate() {
        let error = (found - expected).abs();
        assert!(
            error <= tolerance * expected.abs().max(1.0),
            "{what}: element {index}: expected {expected}, found {found}"
        );
    }
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../data/ops_reference.json")).unwrap()
}

#[test]
fn every_operation_is_covered() {
    let mut names: Vec<String> = reference().cases.into_iter().map(|case| case.op).collect();
    names.sort();
    names.dedup();
    assert_eq!(
        names,
        [
            "bce_with_logits_sum",
            "conv2d",
            "conv_transpose2d",
            "group_norm",
            "leaky_relu",
            "linear",
            "max_pool2d",
            "relu",
            "sigmoid",
            "two_paths",
            "upsample_nearest2d",
        ]
    );
}

#[test]
fn operations_agree_with_pytorch() {
    for case in reference().cases {
        case.check(Form::Automatic, DType::F64);
        case.check(Form::Automatic, DType::F32);
    }
}

#[test]
fn compositions_agree_with_pytorch() {
    for case in reference().cases {
        case.check(Form::Composed, DType::F64);
        case.check(Form::Composed, DType::F32);
    }
}
