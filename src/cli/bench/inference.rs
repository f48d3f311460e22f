//! Timing of inference.

use std::time::Instant;

use anyhow::Result;
use autoencode::device::{self, Chosen};
use autoencode::train::{Trainer, peak_memory_mb};
use serde_json::json;

use super::{median_of_sorted, peak_memory};
use crate::cli::output::{print, print_json};
use crate::cli::shared::Shared;

const IMAGES: usize = 10_000;
const BATCH: u32 = 1000;
/// Timed passes over all images, after one warm-up pass.
const PASSES: usize = 5;

pub fn time(
    trainer: &Trainer,
    batch_size: Option<u32>,
    chosen: &Chosen,
    shared: &Shared,
) -> Result<()> {
    let batch_size = batch_size.unwrap_or(BATCH).max(1) as usize;
    let images = &trainer.dataset().train;
    // Cycles through the images if there are fewer than needed.
    let mut indices = (0..images.len() as u32).cycle();
    let mut batches = Vec::new();
    for first in (0..IMAGES).step_by(batch_size) {
        let count = batch_size.min(IMAGES - first);
        let some: Vec<u32> = indices.by_ref().take(count).collect();
        batches.push(images.batch(&some, &chosen.device)?);
    }
    let network = trainer.inference();
    let pass = || -> Result<f64> {
        let start = Instant::now();
        for batch in &batches {
            network.reconstruct(batch)?;
        }
        chosen.device.synchronize()?;
        Ok(start.elapsed().as_secs_f64())
    };
    pass()?;
    let mut seconds = (0..PASSES).map(|_| pass()).collect::<Result<Vec<f64>>>()?;
    shared.note_network(&network);
    seconds.sort_by(f64::total_cmp);
    let median = median_of_sorted(&seconds);
    let memory = peak_memory_mb();
    let device_memory = device::peak_memory_mb(&chosen.device);
    if shared.json {
        return print_json(&json!({
            "recipe": trainer.recipe().name,
            "device": chosen.name,
            "threads": shared.threads(),
            "images": IMAGES,
            "batch_size": batch_size,
            "seconds": median,
            "seconds_min": seconds.first(),
            "seconds_max": seconds.last(),
            "peak_memory_mb": memory,
            "device_peak_memory_mb": device_memory,
        }));
    }
    print(&format!(
        "{}, {} ({} threads): {IMAGES} images in batches of {batch_size} reconstructed in {median:.2} s \
         (median of {PASSES}, {:.2} to {:.2}), {:.0} images/s, peak memory {}",
        trainer.recipe().name,
        chosen.name,
        shared.threads(),
        seconds.first().copied().unwrap_or(f64::NAN),
        seconds.last().copied().unwrap_or(f64::NAN),
        IMAGES as f64 / median,
        peak_memory(memory, device_memory),
    ))
}
