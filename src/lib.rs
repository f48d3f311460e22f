//! Train, apply and look into autoencoders: dense and convolutional networks on
//! [candle](https://docs.rs/candle-core), on CPU, CUDA or Metal, kept in safetensors checkpoints.

pub mod checkpoint;
pub mod corruption;
pub mod data;
pub mod device;
pub mod engine;
pub mod error;
pub mod evaluate;
mod file;
pub mod model;
pub mod objective;
pub mod ops;
pub mod optim;
pub mod picture;
pub mod random;
pub mod recipe;
pub mod train;

pub use error::{Error, Result};
