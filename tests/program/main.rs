//! The program as people run it: its commands, what they print and write, and what they refuse.

#[path = "../common/mod.rs"]
mod common;

mod again;
mod bad_input;
mod cli;
mod codes;
mod data_program;
mod experiments;
mod faults;
mod fitting;
mod inputs;
mod overwriting;
mod photos;
mod plot;
mod resources;
mod run_data;
mod sampling;
mod tables;
mod train;
