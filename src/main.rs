//! The command line of autoencode.

use std::process::ExitCode;

mod cli;

fn main() -> ExitCode {
    cli::main()
}
