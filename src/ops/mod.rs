//! Differentiable operations that candle lacks, computes wrongly or computes slowly.
//!
//! Every operation checks its shapes first and is composed from candle operations whose values and gradients are right
//! on any device and for any float type. They avoid the defects of candle 0.11: the gradients of its max pooling
//! (shared out wrongly), of its nearest upsampling (overwrites contributions from other uses of the tensor) and of its
//! convolution (slow, and wrong on Metal). The operations that take most of the time in small networks have a second
//! form for f32 and f64 on the CPU, a kernel of our own: the same mathematics in one pass, or around large matrix
//! products.
//!
//! The kernels divide a batch into at most 16 shards by its size alone and add the sums of shards in index order, so
//! that results have the same bits for any number of threads.

mod activation;
mod check;
pub mod composed;
mod conv2d;
mod conv_transpose2d;
mod group_norm;
mod host;
pub(crate) mod in_place;
mod kernel;
mod linear;
mod loss;
mod max_pool2d;
mod softmax;
mod upsample_nearest2d;

pub use activation::{absolute, leaky_relu, relu, sigmoid};
pub(crate) use composed::has_kernels;
pub use conv_transpose2d::conv_transpose2d;
pub use conv2d::conv2d;
pub use group_norm::group_norm;
pub(crate) use kernel::matrix::{Matrix, product};
pub(crate) use kernel::real::{Real, has_kernel, with_elements};
pub use linear::linear;
pub use loss::{bce_with_logits_sum, loss_sum};
pub use max_pool2d::max_pool2d;
pub use softmax::softmax;
pub use upsample_nearest2d::upsample_nearest2d;
