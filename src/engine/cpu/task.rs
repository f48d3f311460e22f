//! The task of a network for one batch.

use std::ops::Range;

use crate::recipe::{CodePenalty, Reconstruction};

/// A batch, flat, and the factors of the minimised loss.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task<'a> {
    pub input: &'a [f32],
    pub target: &'a [f32],
    /// Noise for the codes of a variational network.
    pub noise: Option<&'a [f32]>,
    pub factors: Factors,
}

/// The minimised loss, as factors of sums.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Factors {
    pub reconstruction: Reconstruction,
    /// Factor of the reconstruction loss in the minimised loss.
    pub scale: f64,
    /// Penalties on the codes, and their factor.
    pub penalty: Option<(CodePenalty, f64)>,
    /// Factor of the KL divergence.
    pub kl_scale: f64,
}

/// Sums over samples.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Sums {
    pub distance: f64,
    pub penalty: f64,
    pub kl: f64,
}

impl<'a> Task<'a> {
    /// The samples of a range, by the values of a sample and of a target, and the dimensions of the noise.
    pub fn part(
        self,
        range: Range<usize>,
        (input_len, out_len): (usize, usize),
        latent: Option<usize>,
    ) -> Self {
        let cut = |values: &'a [f32], len: usize| &values[range.start * len..range.end * len];
        Self {
            input: cut(self.input, input_len),
            target: cut(self.target, out_len),
            noise: self.noise.map(|noise| cut(noise, latent.unwrap_or(0))),
            ..self
        }
    }
}

/// Returns the sum of the penalties on codes; adds `scale` times their derivative.
pub(crate) fn penalize(kind: CodePenalty, scale: f64, codes: &[f32], gradient: &mut [f32]) -> f64 {
    let (l1, l2) = ((kind.l1 * scale) as f32, (2.0 * kind.l2 * scale) as f32);
    let (mut sum, mut squares) = (0.0, 0.0);
    for (gradient, &code) in gradient.iter_mut().zip(codes) {
        let sign = match code {
            0.0 => 0.0,
            _ => code.signum(),
        };
        *gradient += l1 * sign + l2 * code;
        sum += f64::from(code.abs());
        squares += f64::from(code) * f64::from(code);
    }
    kind.l1 * sum + kind.l2 * squares
}
