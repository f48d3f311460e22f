//! The help of flags that several commands define for themselves.

pub const FORCE: &str = "Replace existing results. Without it, nothing is overwritten";
pub const OFFLINE: &str = "Download nothing: use the data set cached by an earlier download, or, for MNIST without one, the built-in sample";
pub const PRECISION: &str = "Number type: f32; f64; or tf32 or bf16, which use the tensor cores of a CUDA device for products (training.precision)";
pub const SET: &str =
    "Set any key of the recipe, for example --set optimizer.lr=3e-4; may be repeated";
