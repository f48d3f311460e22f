//! What the CPU kernels share: element types, lanes, scratch memory, matrix products, convolution
//! columns.

pub(super) mod columns;
pub(super) mod convolution;
pub(super) mod lanes;
pub(super) mod matrix;
pub(super) mod real;
