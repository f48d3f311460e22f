//! How far a long measurement has come: a bar on a terminal, lines elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::output::{complain, duration};
use super::shared::Shared;

/// How often a line is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(15);

/// Counts up to a total that is known, on standard error.
pub struct Counter {
    what: &'static str,
    total: u64,
    at: u64,
    style: Style,
}

enum Style {
    Silent,
    Bar(ProgressBar),
    Lines { started: Instant, last: Instant },
}

impl Counter {
    /// `what` is counted, in the plural.
    pub fn new(shared: &Shared, what: &'static str, total: usize) -> Self {
        let total = total as u64;
        let style = if shared.quiet {
            Style::Silent
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(total);
            let template = "{prefix} {bar:24} {human_pos}/{human_len} {eta} left";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_prefix(what);
            Style::Bar(bar)
        } else {
            Style::Lines {
                started: Instant::now(),
                last: Instant::now(),
            }
        };
        Self {
            what,
            total,
            at: 0,
            style,
        }
    }

    pub fn add(&mut self, count: usize) {
        self.at += count as u64;
        match &mut self.style {
            Style::Silent => {}
            Style::Bar(bar) => bar.set_position(self.at),
            Style::Lines { started, last } => {
                if last.elapsed() >= LINE_EVERY {
                    *last = Instant::now();
                    let rate = self.at as f64 / started.elapsed().as_secs_f64();
                    let left = self.total.saturating_sub(self.at) as f64 / rate.max(1e-9);
                    complain(&format!(
                        "{}: {}/{}, {} left",
                        self.what,
                        self.at,
                        self.total,
                        duration(left)
                    ));
                }
            }
        }
    }
}

impl Drop for Counter {
    /// The bar goes when the work is done or has failed.
    fn drop(&mut self) {
        if let Style::Bar(bar) = &self.style {
            bar.finish_and_clear();
        }
    }
}
