//! Train, apply and look into autoencoders: dense and convolutional networks on
//! [candle](https://docs.rs/candle-core), on CPU, CUDA or Metal, kept in safetensors checkpoints.

pub mod corruption;
pub mod data;
pub mod device;
pub mod error;
pub mod ops;
pub mod picture;
pub mod random;

pub use error::{Error, Result};
