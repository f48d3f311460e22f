//! How far work on many things of a kind has come: a bar on a terminal, lines elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use autoencode::data::grouped;
use indicatif::{ProgressBar, ProgressStyle};

use super::output::{complain, duration};
use super::shared::Shared;

/// Work that is shorter than this shows nothing.
const SHORT: Duration = Duration::from_secs(2);
/// How often a line is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(15);

pub struct Counter {
    style: Style,
    /// What is counted, as "images".
    noun: &'static str,
    total: usize,
    done: usize,
    started: Instant,
}

enum Style {
    Silent,
    Bar(Option<ProgressBar>),
    Lines { last: Instant },
}

impl Counter {
    pub fn new(shared: &Shared, noun: &'static str, total: usize) -> Self {
        let started = Instant::now();
        let style = if shared.quiet {
            Style::Silent
        } else if std::io::stderr().is_terminal() {
            Style::Bar(None)
        } else {
            Style::Lines { last: started }
        };
        Self {
            style,
            noun,
            total,
            done: 0,
            started,
        }
    }

    /// So many more are done.
    pub fn add(&mut self, count: usize) {
        self.done += count;
        match &mut self.style {
            Style::Silent => {}
            Style::Bar(bar) => {
                if bar.is_none() && self.started.elapsed() >= SHORT {
                    *bar = Some(new_bar(self.total, self.noun));
                }
                if let Some(bar) = bar {
                    bar.set_position(self.done as u64);
                }
            }
            Style::Lines { last } => {
                if last.elapsed() >= LINE_EVERY {
                    *last = Instant::now();
                    let (done, total) = (grouped(self.done), grouped(self.total));
                    let rate = self.done as f64 / self.started.elapsed().as_secs_f64();
                    let left = self.total.saturating_sub(self.done) as f64 / rate.max(1e-9);
                    let left = duration(left);
                    complain(&format!("{done} of {total} {}, {left} left", self.noun));
                }
            }
        }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        if let Style::Bar(Some(bar)) = &self.style {
            bar.finish_and_clear();
        }
    }
}

fn new_bar(total: usize, noun: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(total as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} {msg}, {eta} left") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(noun);
    bar
}
