//! The library user's functions on tensors of any device: computed on the host, in f64.

use candle_core::{DType, Device, Result, Tensor};

/// `f` of each element, outside any graph.
pub(super) fn map(x: &Tensor, f: impl Fn(f64) -> f64) -> Result<Tensor> {
    back(x, values(x)?.into_iter().map(f).collect())
}

/// `f` of each pair of elements, with the shape and device of the first tensor, outside any graph.
pub(super) fn zip(a: &Tensor, b: &Tensor, f: impl Fn(f64, f64) -> f64) -> Result<Tensor> {
    let pairs = values(a)?.into_iter().zip(values(b)?);
    back(a, pairs.map(|(a, b)| f(a, b)).collect())
}

fn values(x: &Tensor) -> Result<Vec<f64>> {
    let x = x.detach().force_contiguous()?.to_device(&Device::Cpu)?;
    x.to_dtype(DType::F64)?.flatten_all()?.to_vec1()
}

fn back(like: &Tensor, values: Vec<f64>) -> Result<Tensor> {
    let tensor = Tensor::from_vec(values, like.dims(), &Device::Cpu)?;
    tensor.to_dtype(like.dtype())?.to_device(like.device())
}
