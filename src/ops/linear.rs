//! The fully connected layer.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp3, Layout, Shape, Tensor};

use super::check::{misfit, vector};
use super::kernel::lanes;
use super::kernel::matrix::{Matrix, product};
use super::kernel::real::{
    Real, elements, gradient, has_kernel, storage, with_elements, with_real,
};
use crate::Result;

/// x W^T + b, as PyTorch's `nn.Linear`.
///
/// # Shapes
/// `x` is (N, in), `weight` is (out, in), `bias` is (out). The result is (N, out).
///
/// # Errors
/// [`Error::Layer`](crate::Error::Layer) if the shapes do not fit each other.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    let &[batch, inputs] = x.dims() else {
        return Err(misfit("linear", "an input (N, in)", x));
    };
    let outputs = match *weight.dims() {
        [outputs, columns] if columns == inputs && weight.elem_count() > 0 => outputs,
        _ => {
            let expected = format!("a weight (out, {inputs}), no size 0");
            return Err(misfit("linear", expected, weight));
        }
    };
    vector("linear", "bias", bias, outputs)?;
    Ok(linear_rows(x, weight, bias, &[batch, outputs])?)
}

/// [`linear`] on a tensor of any shape, read as rows of `in` elements, with a result of shape `dims`. A reshape before
/// and one after would each cost another gradient of that size.
pub(super) fn linear_rows(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    dims: &[usize],
) -> candle_core::Result<Tensor> {
    let (outputs, inputs) = weight.dims2()?;
    let batch = x.elem_count() / inputs;
    if !has_kernel(&[x, weight, bias.unwrap_or(weight)]) {
        let product = x.reshape((batch, inputs))?.matmul(&weight.t()?)?;
        let sum = match bias {
            Some(bias) => product.broadcast_add(bias)?,
            None => product,
        };
        return sum.reshape(dims);
    }
    // Without a bias the kernel gets an empty tensor.
    let biases = match bias {
        Some(bias) => bias.contiguous()?,
        None => Tensor::zeros(0, x.dtype(), x.device())?,
    };
    let op = Linear {
        batch,
        inputs,
        outputs,
        dims: Shape::from_dims(dims),
    };
    x.contiguous()?
        .apply_op3(&weight.contiguous()?, &biases, op)
}

/// The sizes of a linear map.
struct Linear {
    batch: usize,
    inputs: usize,
    outputs: usize,
    /// Shape of the result.
    dims: Shape,
}

impl Linear {
    fn operations(&self) -> usize {
        self.batch
            .saturating_mul(self.inputs)
            .saturating_mul(self.outputs)
    }

    fn forward<T: Real>(&self, x: &[T], weight: &[T], bias: &[T]) -> candle_core::Result<Vec<T>> {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let weight = Matrix::new(weight, outputs, inputs).t();
        lanes::fill_rows(self.batch, outputs, self.operations(), |first, out| {
            if !bias.is_empty() {
                for row in out.chunks_exact_mut(outputs) {
                    row.copy_from_slice(bias);
                }
            }
            let x = x.get(first * inputs..).unwrap_or_default();
            let x = Matrix::new(x, out.len() / outputs, inputs);
            product(out, outputs, x, weight, !bias.is_empty())
        })
    }

    fn input_gradient<T: Real>(&self, weight: &[T], grad: &[T]) -> candle_core::Result<Vec<T>> {
        let (inputs, outputs) = (self.inputs, self.outputs);
        let weight = Matrix::new(weight, outputs, inputs);
        lanes::fill_rows(self.batch, inputs, self.operations(), |first, out| {
            let grad = grad.get(first * outputs..).unwrap_or_default();
            let grad = Matrix::new(grad, out.len() / inputs, outputs);
            product(out, inputs, grad, weight, false)
        })
    }

    fn weight_gradient<T: Real>(&self, x: &[T], grad: &[T]) -> candle_core::Result<Vec<T>> {
        let (batch, inputs, outputs) = (self.batch, self.inputs, self.outputs);
        let x = Matrix::new(x, batch, inputs);
        lanes::fill_rows(outputs, inputs, self.operations(), |first, out| {
            let columns = first..first + out.len() / inputs;
            let grad = Matrix::new(grad, batch, outputs).columns(columns).t();
            product(out, inputs, grad, x, false)
        })
    }

    /// The gradient of the bias: sums over shards of rows, added in index order.
    fn column_sums<T: Real>(&self, grad: &[T]) -> candle_core::Result<Vec<T>> {
        let outputs = self.outputs;
        let lanes = lanes::collect(self.batch, grad.len(), |rows| {
            let grad = grad.get(rows.start * outputs..rows.end * outputs);
            let mut sums = vec![T::default(); outputs];
            for row in grad.unwrap_or_default().chunks_exact(outputs.max(1)) {
                for (sum, &value) in sums.iter_mut().zip(row) {
                    *sum += value;
                }
            }
            sums
        });
        lanes::sum(&lanes, outputs)
    }
}

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        with_real!(x.dtype(), T => {
            let (x, weight) = (elements::<T>(x, x_layout)?, elements(weight, weight_layout)?);
            let out = self.forward(x, weight, elements(bias, bias_layout)?)?;
            Ok((storage(out), self.dims.clone()))
        })
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _out: &Tensor,
        grad: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        with_real!(x.dtype(), T => with_elements::<T, _>(grad, |grad| {
            Ok((
                gradient(x, || with_elements(weight, |weight| self.input_gradient(weight, grad)))?,
                gradient(weight, || with_elements(x, |x| self.weight_gradient(x, grad)))?,
                gradient(bias, || self.column_sums(grad))?,
            ))
        }))
    }
}
