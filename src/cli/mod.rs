//! The command line, one file per command: it parses arguments, calls the library, and writes tables
//! or pictures.

mod activations;
mod bench;
mod data;
mod decode;
mod encode;
mod evaluate;
mod files;
mod filters;
mod infer;
mod interpolate;
mod measures;
mod model;
mod output;
mod pictures;
mod plot;
mod progress;
mod recipes;
mod reproduce;
mod sample;
mod shared;
mod status;
mod summary;
mod train;

use std::process::ExitCode;

use autoencode::Error;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use shared::Shared;

/// Train, apply and look into autoencoders.
#[derive(Debug, Parser)]
#[command(name = "autoencode", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    shared: Shared,
}

#[derive(Debug, Subcommand)]
enum Command {
    Train(train::Train),
    Infer(infer::Infer),
    Encode(encode::Encode),
    Decode(decode::Decode),
    Interpolate(interpolate::Interpolate),
    Filters(filters::Filters),
    Evaluate(evaluate::Evaluate),
    Sample(sample::Sample),
    Summary(summary::Summary),
    Plot(plot::Plot),
    Recipes(recipes::Recipes),
    Activations(activations::Activations),
    Reproduce(reproduce::Reproduce),
    Bench(bench::Bench),
}

/// Parses the command line, runs the command and returns an exit code: 0 done; 2 the command or an
/// input is wrong; 1 anything else; 130 and 143 after SIGINT and SIGTERM.
pub fn main() -> ExitCode {
    let arguments = parse();
    let shared = arguments.shared;
    set_threads(shared.threads());
    keep_freed_memory();
    let result = match arguments.command {
        Command::Train(command) => command.run(&shared),
        Command::Infer(command) => command.run(&shared).map(done),
        Command::Encode(command) => command.run(&shared),
        Command::Decode(command) => command.run(&shared).map(done),
        Command::Interpolate(command) => command.run(&shared).map(done),
        Command::Filters(command) => command.run(&shared).map(done),
        Command::Evaluate(command) => command.run(&shared).map(done),
        Command::Sample(command) => command.run(&shared).map(done),
        Command::Summary(command) => command.run(&shared).map(done),
        Command::Plot(command) => command.run(&shared).map(done),
        Command::Recipes(command) => command.run(&shared).map(done),
        Command::Activations(command) => command.run(&shared).map(done),
        Command::Reproduce(command) => command.run(&shared).map(done),
        Command::Bench(command) => command.run(&shared).map(done),
    };
    match result {
        Ok(code) => code,
        Err(error) if output::is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&format!(
                "error: {}",
                output::one_line(&format!("{error:#}"))
            ));
            let input = error
                .chain()
                .filter_map(|cause| cause.downcast_ref::<Error>())
                .any(Error::is_input);
            ExitCode::from(if input { 2 } else { 1 })
        }
    }
}

/// The command line; a negative number after a flag is its value, not an unknown flag.
fn parse() -> Arguments {
    let numbers = |argument: clap::Arg| {
        let takes = argument.get_action().takes_values() && !argument.is_positional();
        argument.allow_negative_numbers(takes)
    };
    let command = Arguments::command()
        .mut_args(numbers)
        .mut_subcommands(|command| command.mut_args(numbers));
    let matches = command.get_matches();
    Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

fn done(_: ()) -> ExitCode {
    ExitCode::SUCCESS
}

/// Fixes the size of every thread pool.
fn set_threads(threads: usize) {
    let threads = threads.to_string();
    for name in ["RAYON_NUM_THREADS", "CANDLE_NUM_THREADS"] {
        // SAFETY: this is the program's only thread. candle takes the number from here; without it,
        // it reads /proc/cpuinfo again for every matrix product.
        unsafe { std::env::set_var(name, &threads) };
    }
}

/// Keeps freed tensor memory for reuse. glibc would return it to the system and fault its pages in
/// again: some 58,000 page faults per step of conv-denoiser, a fifth of its time. The threshold is the
/// largest that glibc accepts.
fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt only sets tuning values; this is the program's only thread.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
    }
}
