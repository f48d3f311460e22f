//! Checks of arguments, with the errors of operations.

use candle_core::Tensor;

use crate::{Error, Result};

/// The error for a tensor that an operation does not accept.
pub(super) fn misfit(operation: &str, expected: impl Into<String>, found: &Tensor) -> Error {
    Error::layer(operation, expected, format!("{:?}", found.dims()))
}

/// The sizes of an input of images.
pub(super) fn images(operation: &str, x: &Tensor) -> Result<[usize; 4]> {
    let sizes = x.dims().try_into();
    sizes.map_err(|_| misfit(operation, "an input (N, C, H, W)", x))
}

/// Checks that a parameter, if there is one, is a vector of `len` elements.
pub(super) fn vector(
    operation: &str,
    name: &str,
    parameter: Option<&Tensor>,
    len: usize,
) -> Result<()> {
    match parameter {
        Some(found) if found.dims() != [len] => {
            Err(misfit(operation, format!("a {name} ({len})"), found))
        }
        _ => Ok(()),
    }
}

/// Whether a tensor of these sizes can be addressed, in f64.
pub(super) fn is_addressable(sizes: &[usize]) -> bool {
    let mut sizes = sizes.iter().chain([&size_of::<f64>()]);
    let bytes = sizes.try_fold(1usize, |bytes, &size| bytes.checked_mul(size));
    bytes.is_some_and(|bytes| isize::try_from(bytes).is_ok())
}
