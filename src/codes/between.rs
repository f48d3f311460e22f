//! Interpolation between two codes.

use candle_core::Tensor;

use crate::device::reals;
use crate::{Error, Result};

/// The path of an interpolation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Course {
    /// A straight line at constant speed.
    #[default]
    Linear,
    /// Along the arc of a great circle. Nearly all codes of a normal prior are about equally far from 0; the
    /// arc between two of them stays at that distance, whereas a straight line passes much nearer to 0.
    Spherical,
}

/// Below this angle the arc is indistinguishable from a straight line.
const STRAIGHT: f64 = 1e-6;

impl Course {
    /// Codes `(steps, ...)` from `from` to `to`, both `(1, ...)` and reproduced exactly.
    ///
    /// Step k is at `t = k / (steps - 1)`. Linear: `(1 - t) from + t to`. Spherical (White 2016, "Sampling
    /// generative networks", section 2.1): `(sin((1 - t) w) from + sin(t w) to) / sin w`, where w is the
    /// angle between them. Computed in 64 bits.
    ///
    /// # Errors
    /// If there are fewer than 2 steps, the codes differ in shape, or a spherical path is asked for while a
    /// code is 0 or the codes are opposite: the arc is undefined then.
    pub fn codes(self, from: &Tensor, to: &Tensor, steps: usize) -> Result<Tensor> {
        if steps < 2 {
            return Err(Error::argument("steps", "2 or more", steps));
        }
        if from.dims() != to.dims() || from.dims().first() != Some(&1) {
            let found = format!("shapes {:?} and {:?}", from.dims(), to.dims());
            return Err(Error::argument("codes", "two of one shape", found));
        }
        let [a, b] = [reals(from)?, reals(to)?];
        let angle = match self {
            Self::Linear => 0.0,
            Self::Spherical => angle(&a, &b)?,
        };
        let mut codes = Vec::with_capacity(steps * a.len());
        for step in 0..steps {
            let t = step as f64 / (steps - 1) as f64;
            let (of_a, of_b) = if angle < STRAIGHT {
                (1.0 - t, t)
            } else {
                let share = |part: f64| (part * angle).sin() / angle.sin();
                (share(1.0 - t), share(t))
            };
            codes.extend(a.iter().zip(&b).map(|(a, b)| (of_a * a + of_b * b) as f32));
        }
        let shape = [&[steps], from.dims().get(1..).unwrap_or_default()].concat();
        Ok(Tensor::from_vec(codes, shape, from.device())?)
    }
}

/// The angle between two codes, by Kahan's formula `2 atan2(|u - v|, |u + v|)` for unit vectors u and
/// v, which is accurate for small angles, too.
fn angle(a: &[f64], b: &[f64]) -> Result<f64> {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let (of_a, of_b) = (norm(&mut a.iter().copied()), norm(&mut b.iter().copied()));
    let between = |sign: f64| {
        let pairs = a.iter().zip(b);
        norm(&mut pairs.map(|(a, b)| a / of_a + sign * b / of_b))
    };
    let found = if of_a > 0.0 && of_b > 0.0 {
        let angle = 2.0 * between(-1.0).atan2(between(1.0));
        if std::f64::consts::PI - angle >= STRAIGHT {
            return Ok(angle);
        }
        "two that lie opposite each other"
    } else {
        "one that is 0"
    };
    let expected = "two with one arc between them (or a linear course)";
    Err(Error::argument("codes", expected, found))
}
