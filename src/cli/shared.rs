//! Flags that several commands take.

use std::ffi::OsString;
use std::fmt::Display;

use anyhow::Result;
use autoencode::data::Dataset;
use autoencode::device::{Chosen, DeviceChoice};
use autoencode::engine::Inference;
use autoencode::picture::set_picture_memory;
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

    /// Memory for reading pictures, in MiB: as many are read at once as there is room for, and a picture that needs
    /// more is refused [default: 1024, or half of the free memory if that is less; a single picture may take half of
    /// the free memory].
    #[arg(
        long,
        global = true,
        value_name = "MIB",
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = "Common options"
    )]
    picture_memory: Option<u32>,

    /// Print no progress, notes or lists of files: only errors and the result of a query.
    #[arg(long, short, global = true, help_heading = "Common options")]
    pub quiet: bool,

    /// Print the result as one JSON object on standard output.
    #[arg(long, global = true, help_heading = "Common options")]
    pub json: bool,
}

impl Shared {
    /// Number of CPU threads to start.
    pub fn threads(&self) -> usize {
        match self.threads {
            Some(threads) => usize::from(threads),
            None => std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// Sets the memory for reading pictures, if it was given.
    pub fn limit_pictures(&self) {
        if let Some(mib) = self.picture_memory {
            set_picture_memory(u64::from(mib) << 20);
        }
    }

    /// The flags with which a command that follows this one runs on the same processors.
    pub fn flags(&self) -> Vec<OsString> {
        let mut flags: Vec<OsString> = Vec::new();
        if self.device != DeviceChoice::Auto {
            flags.extend(["--device".into(), self.device.to_string().into()]);
        }
        if let Some(threads) = self.threads {
            flags.extend(["--threads".into(), threads.to_string().into()]);
        }
        flags
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

    /// Prints a report on standard error where `beside` is true: standard output then has the result itself.
    pub fn report_beside(
        &self,
        beside: bool,
        json: &Value,
        text: impl FnOnce() -> String,
    ) -> Result<()> {
        match (beside, self.json, self.quiet) {
            (false, ..) => return self.report(json, text),
            (true, true, _) => complain(&json.to_string()),
            (true, false, true) => {}
            (true, false, false) => complain(&text()),
        }
        Ok(())
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
