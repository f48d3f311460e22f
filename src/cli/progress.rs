//! What a run shows while it goes on: a bar on a terminal, lines elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use autoencode::data::grouped;
use autoencode::train::{EpochMetrics, Event, Trainer};
use indicatif::{ProgressBar, ProgressStyle};

use super::output::{complain, duration, figure, say};
use super::shared::Shared;

/// How often a line is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(15);

pub struct Progress {
    style: Style,
    epochs: usize,
    /// Steps that this process will do, and has done.
    steps_left: f64,
    started: Instant,
    steps_done: f64,
    samples_done: usize,
    label: &'static str,
    unit: &'static str,
    noun: &'static str,
}

enum Style {
    Silent,
    Bar(ProgressBar),
    Lines { last: Instant },
}

impl Progress {
    pub fn new(shared: &Shared, trainer: &Trainer) -> Self {
        let epochs = trainer.recipe().training.epochs;
        let at = trainer.progress();
        let steps = (trainer.steps_per_epoch() * epochs.saturating_sub(at.epoch))
            .saturating_sub(at.position);
        let style = if shared.quiet {
            Style::Silent
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(trainer.steps_per_epoch() as u64);
            if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:24} {pos}/{len} {msg}") {
                bar.set_style(style.progress_chars("=> "));
            }
            Style::Bar(bar)
        } else {
            Style::Lines {
                last: Instant::now(),
            }
        };
        Self {
            style,
            epochs,
            steps_left: steps as f64,
            started: Instant::now(),
            steps_done: 0.0,
            samples_done: 0,
            label: trainer.recipe().objective.label(),
            unit: trainer.recipe().loss_unit(),
            noun: trainer.recipe().data.noun(),
        }
    }

    pub fn show(&mut self, event: &Event) {
        match *event {
            Event::Step {
                epoch,
                position,
                steps,
                done,
                samples,
                loss,
            } => {
                self.steps_done += done as f64;
                self.steps_left -= done as f64;
                self.samples_done += samples;
                let elapsed = self.started.elapsed().as_secs_f64();
                let rate = self.samples_done as f64 / elapsed.max(1e-9);
                let left = duration(elapsed / self.steps_done * self.steps_left);
                let message = format!(
                    "{} {}, {rate:.0} {}/s, {left} left",
                    self.label,
                    figure(loss),
                    self.noun,
                );
                match &mut self.style {
                    Style::Silent => {}
                    Style::Bar(bar) => {
                        bar.set_prefix(format!("epoch {epoch}/{}", self.epochs));
                        bar.set_position(position as u64);
                        bar.set_message(message);
                    }
                    Style::Lines { last } => {
                        if last.elapsed() >= LINE_EVERY {
                            *last = Instant::now();
                            complain(&format!(
                                "epoch {epoch}/{}, step {position}/{steps}: {message}",
                                self.epochs
                            ));
                        }
                    }
                }
            }
            Event::Validating { .. } => {
                if let Style::Bar(bar) = &self.style {
                    bar.set_message("validating");
                }
            }
            Event::Epoch(metrics) => self.epoch(metrics),
            Event::Density {
                codes,
                components,
                round: 0,
            } => {
                self.line(&format!(
                    "fitting a mixture of {components} Gaussian{} to the codes of {} training images",
                    if components == 1 { "" } else { "s" },
                    grouped(codes),
                ));
            }
            Event::Density { round, .. } => {
                if let Style::Bar(bar) = &self.style {
                    bar.set_message(format!("fitting the mixture, round {round}"));
                }
            }
        }
    }

    fn epoch(&self, metrics: &EpochMetrics) {
        let line = format!(
            "epoch {}/{}: training {label} {}, validation {label} {} {}{}{}, {}",
            metrics.epoch,
            self.epochs,
            figure(metrics.train_loss),
            figure(metrics.validation_loss),
            self.unit,
            metrics
                .validation_psnr_db
                .map_or(String::new(), |psnr| format!(", {psnr:.2} dB")),
            if metrics.is_best { ", best so far" } else { "" },
            duration(metrics.seconds),
            label = self.label,
        );
        self.line(&line);
    }

    fn line(&self, line: &str) {
        match &self.style {
            Style::Silent => {}
            Style::Bar(bar) => bar.suspend(|| say(line)),
            Style::Lines { .. } => complain(line),
        }
    }

    pub fn finish(&self) {
        if let Style::Bar(bar) = &self.style {
            bar.finish_and_clear();
        }
    }
}
