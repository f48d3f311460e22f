//! Synthetic sets of points.

use std::f64::consts::TAU;

use super::{Dataset, Images, Origin};
use crate::Result;
use crate::random::{Purpose, Stream};
use crate::recipe::Points;

/// The points are independent of a run's seed, so that figures of different seeds are comparable.
const SEED: u64 = 0;

/// Computes or draws the set.
///
/// # Errors
/// When a size is outside the range that a recipe allows.
pub(super) fn generate(points: &Points) -> Result<Dataset> {
    let mut stream = Stream::new(SEED, Purpose::Points, 0, 0);
    let values: Vec<f64> = match *points {
        Points::LinearDependent { count } => {
            let row = |_| {
                let r = stream.uniform();
                [r, 100.0 * r]
            };
            (0..count).flat_map(row).collect()
        }
        Points::LinearIndependent { count } => {
            let row = |_| [100.0 * stream.uniform(), 100.0 * stream.uniform()];
            (0..count).flat_map(row).collect()
        }
        Points::OneHot { size, leading } => {
            let row = |one: usize| {
                let ones = (0..size).map(move |place| f64::from(u8::from(place == one)));
                leading.into_iter().chain(ones)
            };
            (0..size).flat_map(row).collect()
        }
        Points::Ellipse {
            count,
            radius,
            shift,
        } => {
            let row = |place: usize| {
                let (sin, cos) = (TAU * place as f64 / (count - 1) as f64).sin_cos();
                [radius * cos + shift, radius * sin + shift]
            };
            (0..count).flat_map(row).collect()
        }
        Points::Sphere {
            count,
            radius,
            shift,
        } => {
            // The direction of a normally distributed vector is uniform.
            let row = |_| {
                let mut direction = [0f32; 3];
                stream.fill_normal(&mut direction);
                let direction = direction.map(f64::from);
                let length = direction.iter().map(|x| x * x).sum::<f64>().sqrt();
                direction.map(|x| radius * x / length.max(1e-12) + shift)
            };
            (0..count).flat_map(row).collect()
        }
    };
    let held_out = match *points {
        Points::LinearDependent { count } | Points::LinearIndependent { count } => count / 10,
        _ => 0,
    };
    split(Images::points(points.width(), values)?, held_out, points)
}

/// Holds out the last rows; if none are to be held out, every part has all rows.
fn split(all: Images, held_out: usize, points: &Points) -> Result<Dataset> {
    let origin = Origin::points(all.len(), points);
    let mut first = all.indices();
    let last = first.split_off(all.len() - held_out);
    let (train, test) = match held_out {
        0 => (all.clone(), all),
        _ => (all.subset(&first)?, all.subset(&last)?),
    };
    Ok(Dataset {
        train,
        validation: test.clone(),
        test,
        origin,
    })
}
