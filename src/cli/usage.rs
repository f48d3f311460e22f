//! What clap answers in place of running a command: help, the version, or what is wrong with the command line.

use std::error::Error;
use std::num::{IntErrorKind, ParseFloatError, ParseIntError};
use std::process::ExitCode;

use clap::error::{ContextKind, ErrorKind};

use super::output::{complain, not_printed, one_line};

/// Prints the answer; returns the exit code.
pub fn answer(error: &clap::Error) -> ExitCode {
    if let Some(line) = refused_value(error) {
        complain(&one_line(&format!("error: {line}")));
    } else if let Err(failure) = error.print()
        && !error.use_stderr()
    {
        return not_printed(&failure);
    }
    // 0 for help and the version, else 2.
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// The message for a value that its flag does not take.
fn refused_value(error: &clap::Error) -> Option<String> {
    let reason = error.source()?;
    if error.kind() != ErrorKind::ValueValidation {
        return None;
    }
    if let Some(message) = reason.downcast_ref::<autoencode::Error>() {
        return Some(message.to_string());
    }
    let flag = error.get(ContextKind::InvalidArg)?;
    let value = error.get(ContextKind::InvalidValue)?;
    let expected = expected(reason)?;
    Some(format!("{flag}: expected {expected}, found `{value}`"))
}

fn expected(reason: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = reason.downcast_ref::<ParseIntError>() {
        return Some(match error.kind() {
            IntErrorKind::PosOverflow => format!("a whole number of at most {}", u64::MAX),
            IntErrorKind::Zero => "a whole number from 1".to_string(),
            _ => "a whole number".to_string(),
        });
    }
    if reason.is::<ParseFloatError>() {
        return Some("a number".to_string());
    }
    let text = reason.to_string();
    if let Some(expected) = text.strip_prefix("expected ") {
        return Some(expected.to_string());
    }
    // clap's words: `0 is not in 1..=1024`.
    let (_, range) = text.split_once(" is not in ")?;
    let (first, last) = range.split_once("..")?;
    Some(match last.strip_prefix('=') {
        Some(last) => format!("a whole number from {first} to {last}"),
        None => format!("a whole number from {first}"),
    })
}
