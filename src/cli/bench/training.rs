//! Timing of training steps.

use std::time::Instant;

use anyhow::Result;
use autoencode::device::{self, Chosen};
use autoencode::objective::Losses;
use autoencode::train::{Trainer, peak_memory_mb};
use serde_json::json;

use super::{median_of_sorted, peak_memory};
use crate::cli::output::{print, print_json};
use crate::cli::shared::Shared;

/// Steps queued on an asynchronous engine before synchronising.
const QUEUED: usize = 20;

pub fn time(mut trainer: Trainer, steps: u32, chosen: &Chosen, shared: &Shared) -> Result<()> {
    let batch_size = trainer.recipe().training.batch_size;
    // Synchronous steps are timed one by one; asynchronous steps in groups, as training runs them.
    let at_once = match trainer.is_asynchronous() {
        true => QUEUED.min(steps as usize),
        false => 1,
    };
    let timings = (steps as usize).div_ceil(at_once);
    let warm_up = timings.div_ceil(5).max(2);

    trainer.begin_steps(Losses::default())?;
    let mut times = Vec::new();
    let mut parts = [const { Vec::new() }; 3];
    let mut done = 0;
    let mut batches = Vec::new();
    let mut epoch = 0;
    while times.len() < timings {
        while batches.len() < at_once {
            epoch += 1;
            // Skip the partial batch at the end of an epoch: it would count as a whole one.
            let of_epoch = trainer.batches(epoch)?;
            let is_whole = trainer.steps_per_epoch() == 1;
            batches.extend(of_epoch.filter(|batch| is_whole || batch.len() == batch_size));
        }
        let start = Instant::now();
        for indices in batches.drain(..at_once) {
            trainer.start_step(&indices)?;
        }
        trainer.finish_steps()?;
        // Synchronise, so that the time covers all of the device's work.
        chosen.device.synchronize()?;
        let time = start.elapsed().as_secs_f64() * 1e3 / at_once as f64;
        if done >= warm_up {
            times.push(time);
            let of_step = trainer.step_times();
            let of_parts = [of_step.batch, of_step.gradients, of_step.update];
            for (times, time) in parts.iter_mut().zip(of_parts) {
                times.push(time.as_secs_f64() * 1e3);
            }
        }
        done += 1;
    }
    times.sort_by(f64::total_cmp);
    let median = median_of_sorted(&times);
    let [batch, gradients, update] = parts.map(|mut times| {
        times.sort_by(f64::total_cmp);
        median_of_sorted(&times)
    });
    let samples = batch_size.min(trainer.dataset().train.len());
    let rate = samples as f64 / (median / 1e3);
    let memory = peak_memory_mb();
    let device_memory = device::peak_memory_mb(&chosen.device);
    if shared.json {
        return print_json(&json!({
            "recipe": trainer.recipe().name,
            "device": chosen.name,
            "threads": shared.threads(),
            "batch_size": samples,
            "steps": times.len() * at_once,
            "ms_per_step_median": median,
            "ms_per_step_min": times.first(),
            "ms_per_step_max": times.last(),
            "ms_batch_median": batch,
            "ms_gradients_median": gradients,
            "ms_update_median": update,
            "images_per_second": rate,
            "peak_memory_mb": memory,
            "device_peak_memory_mb": device_memory,
        }));
    }
    print(&format!(
        "{}, batches of {samples}, {} ({} threads): {median:.2} ms a step (median of {}, {:.2} to {:.2}; \
         batch {batch:.2}, gradients {gradients:.2}, update {update:.2}), {rate:.0} images/s, \
         peak memory {}",
        trainer.recipe().name,
        chosen.name,
        shared.threads(),
        times.len() * at_once,
        times.first().copied().unwrap_or(f64::NAN),
        times.last().copied().unwrap_or(f64::NAN),
        peak_memory(memory, device_memory),
    ))
}
