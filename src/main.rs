//! The command line of autoencode.

use std::process::ExitCode;

use autoencode::memory::OrExit;

mod cli;

#[global_allocator]
static ALLOCATOR: OrExit = OrExit;

fn main() -> ExitCode {
    cli::main()
}
