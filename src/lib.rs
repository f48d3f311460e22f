//! Train, apply and look into autoencoders: dense and convolutional networks on
//! [candle](https://docs.rs/candle-core), on CPU, CUDA or Metal, kept in safetensors checkpoints.
//!
//! The binary `autoencode` is a thin layer over this library. A whole program with it:
//!
//! ```
//! use autoencode::checkpoint::Checkpoint;
//! use autoencode::data::{Source, load};
//! use autoencode::device::DeviceChoice;
//! use autoencode::picture::Picture;
//! use autoencode::recipe::{NamedSet, Recipe};
//! use autoencode::train::{Event, RunFolder, Trainer};
//!
//! fn main() -> autoencode::Result<()> {
//!     // A recipe is all that determines a model besides the data; any key can be set.
//!     let settings = ["network.encoder=[16]", "training.epochs=1"].map(String::from);
//!     let recipe = Recipe::load("dense-32", &settings)?;
//!     let data = load(&Source::Set(NamedSet::Sample), true)?;
//!     let device = DeviceChoice::Auto.open()?.device;
//!
//!     // Train; the run folder gets checkpoints, metrics, curves and pictures.
//! #   let temporary = tempfile::tempdir().unwrap();
//! #   let runs = temporary.path();
//! #   /*
//!     let runs = std::path::Path::new("runs");
//! #   */
//!     let mut folder = RunFolder::create_in(runs, &recipe.name)?;
//!     let mut trainer = Trainer::new(recipe, data, device.clone())?;
//!     trainer.run(Some(&mut folder), &|| false, &mut |event| {
//!         if let Event::Epoch(metrics) = event {
//!             println!("validation BCE {:.4} a pixel", metrics.validation_loss);
//!         }
//!     })?;
//!
//!     // Use the best epoch: digits to codes, codes to digits.
//!     let checkpoint = Checkpoint::read(&folder.best())?;
//!     let network = checkpoint.inference(&folder.best(), &device)?;
//!     let digits = trainer.dataset().test.batch(&[0, 1, 2], &device)?;
//!     let codes = network.encode(&digits)?;
//!     assert_eq!(codes.dims(), [3, 16]);
//!     let pictures = Picture::from_batch(&network.decode(&codes)?)?;
//!     assert_eq!((pictures.len(), pictures[0].width()), (3, 28));
//!     Ok(())
//! }
//! ```
//!
//! # The modules, from the top
//!
//! [`experiments`] repeats published tutorials. [`train`] runs the training loop and asks an [`engine`] for steps;
//! an [`engine::Inference`] applies a network. [`evaluate`] measures reconstructions; [`codes`] keeps codes in files, fits densities to them and interpolates
//! between them; [`checkpoint`] saves and loads. [`optim`] has the optimisers, [`objective`] the losses. [`network`]
//! builds networks from lists of layers, [`layer`] has one file a kind of layer, and [`ops`] their differentiable
//! operations. [`data`] reads images, [`picture`] draws, and [`corruption`] adds noise from the keyed streams of
//! [`random`]. [`recipe`] is the plain data that all of them read; [`mod@file`] writes files whole, and
//! [`memory`] ends a program that runs out of it. A module calls those after it, never before.

#![warn(missing_docs)]

pub mod activation;
mod arithmetic;
pub mod checkpoint;
pub mod codes;
pub mod corruption;
pub mod data;
pub mod device;
pub mod engine;
pub mod error;
pub mod evaluate;
pub mod experiments;
pub mod file;
pub mod layer;
pub mod loss;
pub mod memory;
pub mod network;
mod number;
pub mod objective;
mod open;
pub mod ops;
pub mod optim;
pub mod picture;
pub mod random;
pub mod recipe;
mod registry;
mod run_files;
mod simd;
mod tensor_file;
pub mod train;

pub use error::{Error, Result};

/// The README's program, so that it compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The programs of the page on the library, likewise.
#[cfg(doctest)]
#[doc = include_str!("../docs/LIBRARY.md")]
struct Library;
