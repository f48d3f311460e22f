//! Round numbers along an axis.

/// Where an axis starts and ends, its ticks, and how many decimals they need.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    pub low: f64,
    pub high: f64,
    pub ticks: Vec<f64>,
    pub decimals: usize,
}

impl Axis {
    /// An axis for values such as losses: from round number to round number around them.
    pub fn around(values: impl Iterator<Item = f64> + Clone, about: usize) -> Self {
        let (mut low, mut high) = range(values);
        if high - low <= 1e-9 * high.abs().max(low.abs()).max(1e-9) {
            let room = (0.1 * high.abs()).max(1e-6);
            (low, high) = (low - room, high + room);
        }
        let step = round_step((high - low) / about.max(1) as f64);
        Self::stepped(
            (low / step).floor() * step,
            (high / step).ceil() * step,
            step,
        )
    }

    /// An axis for counts such as epochs: whole ticks, and the first and last value at its ends.
    pub fn counted(values: impl Iterator<Item = f64> + Clone, about: usize) -> Self {
        let (low, high) = range(values);
        let step = round_step((high - low) / about.max(1) as f64).max(1.0);
        // A single epoch stands in the middle.
        let room = if high > low { 0.02 * (high - low) } else { 0.5 };
        Self {
            low: low - room,
            high: high + room,
            ..Self::stepped(low, high, step)
        }
    }

    fn stepped(low: f64, high: f64, step: f64) -> Self {
        let first = (low / step).ceil();
        let count = ((high / step).floor() - first).clamp(0.0, 1000.0) as usize;
        Self {
            low,
            high,
            ticks: (0..=count).map(|i| (first + i as f64) * step).collect(),
            // Steps are 1, 2 or 5 times a power of ten.
            decimals: (-step.log10().floor()).clamp(0.0, 12.0) as usize,
        }
    }

    pub fn label(&self, value: f64) -> String {
        let largest = self.low.abs().max(self.high.abs());
        if largest >= 1e6 || (self.decimals >= 7 && largest < 1e-3) {
            return format!("{value:.1e}");
        }
        let decimals = self.decimals;
        // No "-0.00".
        let value = if value.abs() < 0.5 * 10f64.powi(-(decimals as i32)) {
            0.0
        } else {
            value
        };
        format!("{value:.decimals$}")
    }
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
        (low.min(v), high.max(v))
    });
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

/// The next of 1, 2 and 5 times a power of ten.
fn round_step(step: f64) -> f64 {
    if !(step.is_finite() && step > 0.0) {
        return 1.0;
    }
    let power = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|m| m * power)
        .find(|s| *s >= step * (1.0 - 1e-9))
        .unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks.iter().map(|t| axis.label(*t)).collect()
    }

    #[test]
    fn losses_get_round_numbers_around_them() {
        let axis = Axis::around([0.112, 0.268].into_iter(), 6);
        assert_eq!(labels(&axis), ["0.10", "0.15", "0.20", "0.25", "0.30"]);
        assert!(axis.low <= 0.112 && axis.high >= 0.268);
    }

    #[test]
    fn epochs_get_whole_numbers() {
        let axis = Axis::counted([1.0, 2.0, 3.0].into_iter(), 12);
        assert_eq!(labels(&axis), ["1", "2", "3"]);
        let axis = Axis::counted([1.0, 400.0].into_iter(), 12);
        assert_eq!(
            labels(&axis),
            ["50", "100", "150", "200", "250", "300", "350", "400"]
        );
    }

    #[test]
    fn one_value_and_none_have_an_axis_too() {
        for axis in [
            Axis::around([0.3].into_iter(), 6),
            Axis::around([0.0].into_iter(), 6),
            Axis::around(std::iter::empty(), 6),
            Axis::around([-1e99, 1e99].into_iter(), 6),
        ] {
            assert!(axis.low < axis.high && axis.ticks.len() >= 2, "{axis:?}");
        }
        let axis = Axis::counted([7.0].into_iter(), 12);
        assert_eq!(labels(&axis), ["7"]);
    }
}
