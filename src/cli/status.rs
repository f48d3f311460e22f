//! Display of ongoing work: a bar on a terminal, lines elsewhere, nothing with --quiet.

use std::cell::Cell;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use autoencode::data::grouped;
use indicatif::{ProgressBar, ProgressStyle};

use super::output::{complain, duration, say};
use super::shared::Shared;

/// The usual interval between lines printed without a terminal.
pub const LINE_EVERY: Duration = Duration::from_secs(15);
/// Shorter counted work shows no bar.
const SHORT: Duration = Duration::from_secs(2);

pub enum Status {
    Silent,
    Bar(ProgressBar),
    /// Lines at intervals: the interval, and the time of the last line.
    Lines {
        every: Duration,
        last: Cell<Instant>,
    },
}

impl Status {
    /// `bar` makes the bar for a terminal, in the style of `template`; elsewhere a line is printed at most once
    /// in `every`.
    pub fn new(
        shared: &Shared,
        every: Duration,
        template: &str,
        bar: impl FnOnce() -> ProgressBar,
    ) -> Self {
        if shared.quiet {
            return Self::Silent;
        }
        if !std::io::stderr().is_terminal() {
            let last = Cell::new(Instant::now());
            return Self::Lines { every, last };
        }
        let bar = bar();
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self::Bar(bar)
    }

    /// Reports progress: `on_bar` moves the bar; `line` is printed if the last line is old enough.
    pub fn tell(&self, on_bar: impl FnOnce(&ProgressBar), line: impl FnOnce() -> String) {
        match self {
            Self::Silent => {}
            Self::Bar(bar) => on_bar(bar),
            Self::Lines { every, last } => {
                if last.get().elapsed() >= *every {
                    last.set(Instant::now());
                    complain(&line());
                }
            }
        }
    }

    /// Changes the words beside the bar.
    pub fn message(&self, text: impl Into<String>) {
        if let Self::Bar(bar) = self {
            bar.set_message(text.into());
        }
    }

    /// Prints text on standard output, above the bar.
    pub fn say(&self, text: &str) {
        match self {
            Self::Bar(bar) => bar.suspend(|| say(text)),
            _ => say(text),
        }
    }
}

impl Drop for Status {
    fn drop(&mut self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// Progress of work on many items of one kind.
pub struct Counter {
    status: Status,
    /// The items counted, such as "images".
    noun: &'static str,
    total: usize,
    done: usize,
    started: Instant,
}

impl Counter {
    pub fn new(shared: &Shared, noun: &'static str, total: usize) -> Self {
        let template = "{bar:24} {pos}/{len} {msg}, {eta} left";
        let bar = || ProgressBar::new(total as u64).with_message(noun);
        Self {
            status: Status::new(shared, LINE_EVERY, template, bar),
            noun,
            total,
            done: 0,
            started: Instant::now(),
        }
    }

    /// Counts `count` more items as done.
    pub fn add(&mut self, count: usize) {
        self.done += count;
        let elapsed = self.started.elapsed();
        let on_bar = |bar: &ProgressBar| {
            // The bar is first drawn when its position changes.
            if elapsed >= SHORT {
                bar.set_position(self.done as u64);
            }
        };
        self.status.tell(on_bar, || {
            let (done, total) = (grouped(self.done), grouped(self.total));
            let rate = self.done as f64 / elapsed.as_secs_f64();
            let left = self.total.saturating_sub(self.done) as f64 / rate.max(1e-9);
            format!("{done} of {total} {}, {} left", self.noun, duration(left))
        });
    }
}
