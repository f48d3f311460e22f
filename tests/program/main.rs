//! The program as people run it: its commands, what they print and write, and what they refuse.

#[path = "../common/mod.rs"]
mod common;

mod bad_input;
mod cli;
mod codes;
mod data_program;
mod experiments;
mod faults;
mod plot;
mod sampling;
mod train;
