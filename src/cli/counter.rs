//! Progress of work on many items of one kind.

use std::time::{Duration, Instant};

use autoencode::data::grouped;
use indicatif::ProgressBar;

use super::output::duration;
use super::shared::Shared;
use super::status::Status;

/// Shorter work shows no bar.
const SHORT: Duration = Duration::from_secs(2);
/// The interval between lines printed without a terminal.
const LINE_EVERY: Duration = Duration::from_secs(15);

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
