//! A noisy sphere with a code of two values: a study of rate, epochs and noise.

use super::figure::digits;
use super::lab::train_until;
use super::points::CodedPoints;
use super::statistics::median;
use super::{Figure, Lab, Outcome};
use crate::Result;
use crate::evaluate::Part;
use crate::file::{Publish, write};
use crate::picture::Chart;
use crate::recipe::Corruption;
use crate::train::Trainer;

const RATES: [f64; 3] = [0.001, 0.01, 0.1];
const EPOCHS: [usize; 3] = [10, 50, 200];
const NOISE: [f64; 3] = [0.0, 0.1, 0.5];
/// Seeds per combination.
const SEEDS: u64 = 3;
/// The loss from losing one of three coordinates: the mean over the coordinates of a third of the
/// squared radius, 3.
const ONE_COORDINATE: f64 = 1.0;

pub fn run(lab: &mut Lab) -> Result<Outcome> {
    let mut table = String::from("rate,epochs,noise,median_mse_a_value\n");
    let mut figures = Vec::new();
    let mut shown = None;
    for noise in NOISE {
        let mut lowest = (f64::INFINITY, String::new());
        for rate in RATES {
            let mut losses = vec![Vec::new(); EPOCHS.len()];
            for seed in 1..=SEEDS {
                lab.tell(&format!("noise {noise}, rate {rate}, seed {seed}"));
                let trained = study(lab, rate, noise, seed, &mut losses)?;
                if rate == 0.01 && noise == 0.1 {
                    shown.get_or_insert(trained);
                }
            }
            for (epochs, losses) in EPOCHS.iter().zip(&losses) {
                let loss = median(losses);
                table += &format!("{rate},{epochs},{noise},{loss}\n");
                if loss < lowest.0 {
                    lowest = (loss, format!("rate {rate}, {epochs} epochs"));
                }
            }
        }
        figures.push(Figure::text(
            &format!("lowest MSE with noise {noise}"),
            format!("{} ({})", digits(lowest.0), lowest.1),
            "-",
        ));
    }
    let study = lab.file("study.csv");
    write(&study, table.as_bytes(), Publish::Replace)?;
    let picture = lab.file("codes.png");
    if let Some(trainer) = shown {
        draw(&trainer)?.write(&picture, Publish::Replace)?;
    }
    Ok(Outcome {
        protocol: format!("3,000 points of radius 3 in f64, batches of 100; {SEEDS} seeds each"),
        figures,
        notes: vec![format!(
            "Two values cannot hold three coordinates. A linear code keeps the plane of two of them and loses \
             the third, an MSE of {ONE_COORDINATE}; the curved one bends the plane a little. Both ends of the \
             lost direction fall on the same code, as the picture shows: the code is a map of the sphere seen \
             from one side, with front and back on top of each other."
        )],
        pictures: vec![study, picture],
    })
}

/// Trains one network and measures it on clean points after each number of epochs.
fn study(
    lab: &mut Lab,
    rate: f64,
    noise: f64,
    seed: u64,
    losses: &mut [Vec<f64>],
) -> Result<Trainer> {
    let rate = format!("optimizer.lr={rate}");
    let noise = format!("corruption.factor={noise}");
    let mut trainer = lab.trainer("sphere", seed, &[&rate, &noise])?;
    for (epochs, losses) in EPOCHS.into_iter().zip(losses) {
        train_until(&mut trainer, epochs)?;
        let report = trainer.evaluate(&trainer.inference(), Part::Test)?;
        losses.push(report.output.mse_per_pixel);
    }
    Ok(trainer)
}

/// Codes and reconstructions, coloured by the direction that the code preserves least.
fn draw(trainer: &Trainer) -> Result<Chart> {
    let all = CodedPoints::test(trainer, Corruption::None)?;
    let (points, _) = all.input.as_chunks::<3>();
    let (back, _) = all.output.as_chunks::<3>();
    // The lost direction, in which points and reconstructions differ most.
    let mut lost = [0.0f64; 3];
    for (point, back) in points.iter().zip(back) {
        let error = [point[0] - back[0], point[1] - back[1], point[2] - back[2]];
        let sign = if along(&error, &lost) < 0.0 {
            -1.0
        } else {
            1.0
        };
        for (sum, error) in lost.iter_mut().zip(error) {
            *sum += sign * error;
        }
    }
    let length = along(&lost, &lost).sqrt().max(1e-12);
    let lost = lost.map(|x| x / length);
    all.draw(
        "sphere: what two values keep of three coordinates",
        "points, seen from above",
        &["front", "middle", "back"],
        |index| match points.get(index).map(|point| along(point, &lost)) {
            Some(depth) if depth > 1.0 => 0,
            Some(depth) if depth < -1.0 => 2,
            _ => 1,
        },
    )
}

fn along(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
