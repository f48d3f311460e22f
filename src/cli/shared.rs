//! Flags that several commands take.

use std::fmt::Display;

use anyhow::Result;
use autoencode::data::Dataset;
use autoencode::device::{Chosen, DeviceChoice};
use autoencode::engine::Inference;
use clap::Args;
use serde_json::Value;

use super::output::{complain, print, print_json};

#[derive(Debug, Args)]
pub struct Shared {
    /// The device: auto, cpu, cuda, cuda:N or metal.
    #[arg(
        long,
        global = true,
        default_value = "auto",
        value_name = "DEVICE",
        help_heading = "Common options"
    )]
    device: DeviceChoice,

    /// Number of CPU threads [default: one per core]. Results do not depend on it.
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Common options")]
    threads: Option<u16>,

    /// Print no progress, notes or lists of files: only errors and the result of a query.
    #[arg(long, short, global = true, help_heading = "Common options")]
    pub quiet: bool,

    /// Print the result as one JSON object on standard output.
    #[arg(long, global = true, help_heading = "Common options")]
    pub json: bool,
}

impl Shared {
    pub fn threads(&self) -> usize {
        match self.threads {
            Some(threads) => usize::from(threads),
            None => std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// Opens the device, for a command that itself prints which device it uses.
    pub fn device_to_name(&self) -> autoencode::Result<Chosen> {
        self.device.open()
    }

    /// Opens the device, and notes on standard error if it is only a fallback.
    pub fn device(&self) -> autoencode::Result<Chosen> {
        let chosen = self.device_to_name()?;
        if chosen.is_fallback {
            let reason = &chosen.reason;
            self.note(format_args!(
                "on the CPU, as there is {reason} (--device cpu asks for it)"
            ));
        }
        Ok(chosen)
    }

    /// Whether a command prints text for people on standard output.
    pub fn talks(&self) -> bool {
        !self.quiet && !self.json
    }

    /// Prints the result: as JSON with --json, else as text unless --quiet.
    pub fn report(&self, json: &Value, text: impl FnOnce() -> String) -> Result<()> {
        match (self.json, self.quiet) {
            (true, _) => print_json(json),
            (false, true) => Ok(()),
            (false, false) => print(&text()),
        }
    }

    /// Notes if the data is not the full set, and how to get that.
    pub fn note_origin(&self, dataset: &Dataset) {
        if let Some(notice) = dataset.origin.notice() {
            self.note(notice);
        }
    }

    /// Notes if a network ran slower than it could, and why.
    pub fn note_network(&self, network: &Inference) {
        if let Some(note) = network.note() {
            self.note(note);
        }
    }

    /// Prints a remark that begins with `note:`.
    pub fn note(&self, note: impl Display) {
        self.remark(&format!("note: {note}"));
    }

    /// Prints a remark beside the result: on standard error, unless --quiet.
    pub fn remark(&self, text: &str) {
        if !self.quiet {
            complain(text);
        }
    }
}
