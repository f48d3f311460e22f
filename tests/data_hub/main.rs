//! The download from the hub, against small servers on this machine.
#![cfg(feature = "hub")]

#[path = "../common/mod.rs"]
mod common;
mod failures;
mod parquet_file;
mod program;
mod server;
mod silence;
mod success;
