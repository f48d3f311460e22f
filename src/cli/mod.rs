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
mod inputs;
mod interpolate;
mod measures;
mod model;
mod output;
mod part;
mod pictures;
mod plot;
mod progress;
mod recipe;
mod recipes;
mod renamed;
mod reproduce;
mod sample;
mod shared;
mod shell;
mod status;
mod summary;
#[cfg(test)]
mod table;
mod threads;
mod train;
mod trained_data;
mod usage;
mod wording;

use std::process::ExitCode;

use anyhow::Result;
use autoencode::Error;
use autoencode::device::keep_freed_memory;
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
    let (arguments, notes) = match parse() {
        Ok(parsed) => parsed,
        Err(error) => return usage::answer(&error),
    };
    let shared = arguments.shared;
    notes.iter().for_each(|note| shared.note(note));
    shared.limit_pictures();
    keep_freed_memory();
    let result = threads::start(&shared).and_then(|()| run(arguments.command, &shared));
    match result {
        Ok(code) => output::lost().map_or(code, output::not_printed),
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

fn run(command: Command, shared: &Shared) -> Result<ExitCode> {
    match command {
        Command::Train(command) => command.run(shared),
        Command::Infer(command) => command.run(shared).map(done),
        Command::Encode(command) => command.run(shared),
        Command::Decode(command) => command.run(shared).map(done),
        Command::Interpolate(command) => command.run(shared).map(done),
        Command::Filters(command) => command.run(shared).map(done),
        Command::Evaluate(command) => command.run(shared).map(done),
        Command::Sample(command) => command.run(shared).map(done),
        Command::Summary(command) => command.run(shared).map(done),
        Command::Plot(command) => command.run(shared).map(done),
        Command::Recipes(command) => command.run(shared).map(done),
        Command::Activations(command) => command.run(shared).map(done),
        Command::Reproduce(command) => command.run(shared).map(done),
        Command::Bench(command) => command.run(shared).map(done),
    }
}

/// The command line, and notes on it.
fn parse() -> Result<(Arguments, Vec<String>), clap::Error> {
    let (arguments, notes) = renamed::rename(std::env::args_os());
    let matches = definition().try_get_matches_from(arguments)?;
    Ok((Arguments::from_arg_matches(&matches)?, notes))
}

/// The definition of the command line; a negative number after a flag is its value, not an unknown flag.
fn definition() -> clap::Command {
    let numbers = |argument: clap::Arg| {
        let takes = argument.get_action().takes_values() && !argument.is_positional();
        argument.allow_negative_numbers(takes)
    };
    Arguments::command()
        .mut_args(numbers)
        .mut_subcommands(|command| command.mut_args(numbers))
}

fn done(_: ()) -> ExitCode {
    ExitCode::SUCCESS
}
