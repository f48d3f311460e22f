//! What the CPU kernels share: element types, lanes, matrix products.

pub(super) mod lanes;
pub(super) mod matrix;
pub(super) mod real;
