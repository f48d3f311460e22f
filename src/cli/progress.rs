//! Progress of a training run.

use std::time::Instant;

use autoencode::data::grouped;
use autoencode::recipe::Recipe;
use autoencode::train::{EpochMetrics, Event, Trainer};
use indicatif::ProgressBar;

use super::output::{complain, duration, figure};
use super::shared::Shared;
use super::status::{LINE_EVERY, Status};

pub struct Progress {
    status: Status,
    recipe: Recipe,
    /// Steps this process still has to do.
    steps_left: f64,
    started: Instant,
    steps_done: f64,
    samples_done: usize,
}

impl Progress {
    pub fn new(shared: &Shared, trainer: &Trainer) -> Self {
        let recipe = trainer.recipe().clone();
        let at = trainer.progress();
        let per_epoch = trainer.steps_per_epoch();
        let epochs = recipe.training.epochs.saturating_sub(at.epoch);
        let steps = (per_epoch * epochs).saturating_sub(at.position);
        let bar = || ProgressBar::new(per_epoch as u64);
        let template = "{prefix} {bar:24} {pos}/{len} {msg}";
        Self {
            status: Status::new(shared, LINE_EVERY, template, bar),
            recipe,
            steps_left: steps as f64,
            started: Instant::now(),
            steps_done: 0.0,
            samples_done: 0,
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
                let (label, loss) = (self.recipe.objective.label(), figure(loss));
                let noun = self.recipe.data.noun();
                let message = format!("{label} {loss}, {rate:.0} {noun}/s, {left} left");
                let epoch = format!("epoch {epoch}/{}", self.recipe.training.epochs);
                self.status.tell(
                    |bar| {
                        bar.set_prefix(epoch.clone());
                        bar.set_position(position as u64);
                        bar.set_message(message.clone());
                    },
                    || format!("{epoch}, step {position}/{steps}: {message}"),
                );
            }
            Event::Validating { .. } => self.status.message("validating"),
            Event::Epoch(metrics) => self.epoch(metrics),
            Event::Density {
                codes,
                components,
                round: 0,
            } => self.line(&format!(
                "fitting a mixture of {components} Gaussian{} to the codes of {} training images",
                if components == 1 { "" } else { "s" },
                grouped(codes),
            )),
            Event::Density { round, .. } => {
                let text = format!("fitting the mixture, round {round}");
                self.status.message(text);
            }
        }
    }

    fn epoch(&self, metrics: &EpochMetrics) {
        self.line(&format!(
            "epoch {}/{}: training {label} {}, validation {label} {} {}{}{}, {}",
            metrics.epoch,
            self.recipe.training.epochs,
            figure(metrics.train_loss),
            figure(metrics.validation_loss),
            self.recipe.loss_unit(),
            metrics
                .validation_psnr_db
                .map_or(String::new(), |psnr| format!(", {psnr:.2} dB")),
            if metrics.is_best { ", best so far" } else { "" },
            duration(metrics.seconds),
            label = self.recipe.objective.label(),
        ));
    }

    /// Prints a permanent line: on standard output if there is a bar, else with the other lines.
    fn line(&self, line: &str) {
        match &self.status {
            Status::Silent => {}
            Status::Bar(_) => self.status.say(line),
            Status::Lines { .. } => complain(line),
        }
    }
}
