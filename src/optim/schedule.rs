//! The learning rate over the run.

use crate::recipe::Schedule;

impl Schedule {
    /// The factor of the learning rate at `step` (from 0) of `total` steps.
    pub fn factor(&self, step: u64, total: u64) -> f64 {
        match *self {
            Self::Constant => 1.0,
            Self::Cosine {
                warmup_steps,
                final_fraction,
            } => {
                // A run shorter than its warm-up still reaches the full rate half-way.
                let warmup = warmup_steps.min(total / 2);
                if step < warmup {
                    return (step + 1) as f64 / (warmup + 1) as f64;
                }
                let progress =
                    (step - warmup) as f64 / (total.saturating_sub(warmup)).max(1) as f64;
                let cosine = 0.5 * (1.0 + (std::f64::consts::PI * progress.min(1.0)).cos());
                final_fraction + (1.0 - final_fraction) * cosine
            }
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
        let factors: Vec<f64> = (0..110).map(|step| schedule.factor(step, 110)).collect();
        assert!(factors[0] > 0.0 && factors[0] < 0.2);
        assert_eq!(factors[10], 1.0);
        assert!(
            (factors[60] - 0.55).abs() < 1e-12,
            "half-way lies in the middle"
        );
        assert!(factors[109] > 0.1 && factors[109] < 0.101);
        assert!(factors[..11].windows(2).all(|pair| pair[0] < pair[1]));
        assert!(factors[10..].windows(2).all(|pair| pair[0] > pair[1]));
        assert_eq!(schedule.factor(500, 110), 0.1, "behind the end");
    }

    #[test]
    fn a_run_shorter_than_the_warm_up_reaches_the_full_rate() {
        let schedule = Schedule::Cosine {
            warmup_steps: 1000,
            final_fraction: 0.0,
        };
        assert_eq!(schedule.factor(5, 10), 1.0);
        assert_eq!(schedule.factor(0, 1), 1.0);
    }
}
