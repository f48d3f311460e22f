//! Shared parts of the CPU kernels: element types, lanes (shards of the work), matrix products.

pub(super) mod lanes;
pub(super) mod matrix;
pub(super) mod real;
