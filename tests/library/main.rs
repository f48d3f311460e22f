//! The library by what it offers to other programs; each file says which part.

#[path = "../common/mod.rs"]
mod common;

mod activations;
mod any_size;
mod checkpoint;
mod data_folder;
mod data_npy;
mod data_pictures;
mod data_sample;
mod engines;
mod engines_drawn;
mod evaluate;
mod formats;
mod iwae;
mod measures;
mod mixture;
mod model;
mod ops;
mod ops_reference;
mod optim;
mod own;
mod patches;
mod picture;
mod preparation;
mod random;
mod recipes;
mod resume;
mod vae;
