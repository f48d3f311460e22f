//! The learning rate over the run.

use crate::recipe::{Schedule, Unit};

impl Schedule {
    /// The factor of the learning rate at `step` (from 0) of a run of `epochs` epochs.
    pub fn factor(&self, step: u64, steps_per_epoch: u64, epochs: u64) -> f64 {
        let total = steps_per_epoch.saturating_mul(epochs);
        // A run shorter than its warm-up still reaches the full rate half-way.
        let warmup = self.warmup_steps().min(total / 2);
        let ramp = if step < warmup {
            (step + 1) as f64 / (warmup + 1) as f64
        } else {
            1.0
        };
        match *self {
            Self::Constant { .. } => ramp,
            Self::Step {
                every, unit, gamma, ..
            } => {
                let period = match unit {
                    Unit::Epochs => every.saturating_mul(steps_per_epoch),
                    Unit::Steps => every,
                };
                let falls = i32::try_from(step / period.max(1)).unwrap_or(i32::MAX);
                ramp * gamma.powi(falls)
            }
            Self::Cosine { .. } if step < warmup => ramp,
            Self::Cosine { final_fraction, .. } => {
                let progress =
                    (step - warmup) as f64 / (total.saturating_sub(warmup)).max(1) as f64;
                let cosine = 0.5 * (1.0 + (std::f64::consts::PI * progress.min(1.0)).cos());
                final_fraction + (1.0 - final_fraction) * cosine
            }
        }
    }

    fn warmup_steps(&self) -> u64 {
        match *self {
            Self::Constant { warmup_steps }
            | Self::Step { warmup_steps, .. }
            | Self::Cosine { warmup_steps, .. } => warmup_steps,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_rises_peaks_and_ends() {
        let schedule = Schedule::Cosine {
            warmup_steps: 10,
            final_fraction: 0.1,
        };
        let factors: Vec<f64> = (0..110).map(|step| schedule.factor(step, 11, 10)).collect();
        assert!(factors[0] > 0.0 && factors[0] < 0.2);
        assert_eq!(factors[10], 1.0);
        assert!(
            (factors[60] - 0.55).abs() < 1e-12,
            "half-way lies in the middle"
        );
        assert!(factors[109] > 0.1 && factors[109] < 0.101);
        assert!(factors[..11].windows(2).all(|pair| pair[0] < pair[1]));
        assert!(factors[10..].windows(2).all(|pair| pair[0] > pair[1]));
        assert_eq!(schedule.factor(500, 11, 10), 0.1, "behind the end");
    }

    #[test]
    fn constant_stays_after_its_warm_up() {
        assert_eq!(Schedule::default().factor(0, 11, 10), 1.0);
        assert_eq!(Schedule::default().factor(500, 11, 10), 1.0);
        let warm = Schedule::Constant { warmup_steps: 4 };
        let factors: Vec<f64> = (0..110).map(|step| warm.factor(step, 11, 10)).collect();
        assert_eq!(factors[..4], [0.2, 0.4, 0.6, 0.8]);
        assert!(factors[4..].iter().all(|factor| *factor == 1.0));
    }

    #[test]
    fn step_falls_after_every_period() {
        let schedule = |every, unit, warmup_steps| Schedule::Step {
            every,
            unit,
            gamma: 0.5,
            warmup_steps,
        };
        let factors = |schedule: Schedule| -> Vec<f64> {
            (0..30).map(|step| schedule.factor(step, 5, 6)).collect()
        };
        // Two epochs of five steps are ten steps.
        let falling = factors(schedule(2, Unit::Epochs, 0));
        assert_eq!(falling, factors(schedule(10, Unit::Steps, 0)));
        assert_eq!(
            [
                falling[0],
                falling[9],
                falling[10],
                falling[19],
                falling[20]
            ],
            [1.0, 1.0, 0.5, 0.5, 0.25]
        );
        // The warm-up does not shift the decay, and multiplies the decayed rate.
        let warm = factors(schedule(2, Unit::Epochs, 11));
        assert_eq!(warm[0], 1.0 / 12.0);
        assert_eq!(warm[10], 0.5 * 11.0 / 12.0);
        assert_eq!(warm[11..], falling[11..]);
        let far = schedule(1, Unit::Steps, 0).factor(u64::MAX, 5, 6);
        assert_eq!(far, 0.0, "no number is too large");
    }

    #[test]
    fn a_run_shorter_than_the_warm_up_reaches_the_full_rate() {
        let cosine = Schedule::Cosine {
            warmup_steps: 1000,
            final_fraction: 0.0,
        };
        let constant = Schedule::Constant { warmup_steps: 1000 };
        for schedule in [cosine, constant] {
            assert_eq!(schedule.factor(5, 10, 1), 1.0);
            assert_eq!(schedule.factor(0, 1, 1), 1.0);
        }
    }
}
