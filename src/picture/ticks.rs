//! Round numbers along an axis.

/// How values lie along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    #[default]
    Linear,
    /// Equal steps for equal ratios; only positive values have a place.
    Logarithmic,
}

/// Where an axis starts and ends, its ticks, and how many decimals they need.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    pub low: f64,
    pub high: f64,
    pub ticks: Vec<f64>,
    pub decimals: usize,
    pub scale: Scale,
}

impl Axis {
    /// An axis for values such as losses: from round number to round number around them.
    pub fn around(values: impl Iterator<Item = f64> + Clone, about: usize) -> Self {
        let (low, high) = widened(range(values));
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

    /// An axis that ends where it is told to, with round numbers between.
    pub fn between(low: f64, high: f64, about: usize) -> Self {
        let (low, high) = widened((low, high));
        Self::stepped(low, high, round_step((high - low) / about.max(1) as f64))
    }

    /// A logarithmic axis around the positive ones of the values: within a decade with even ticks, over
    /// a few with 1, 2 and 5 in each, over many with powers of ten.
    pub fn logarithmic(values: impl Iterator<Item = f64> + Clone, about: usize) -> Self {
        let positive = values.filter(|v| *v > 0.0 && v.is_finite());
        let (low, high) = widened(range(positive));
        let low = low.max(f64::MIN_POSITIVE);
        let (first, last) = (low.log10().floor(), high.log10().ceil());
        if high < 10.0 * low {
            let even = Self::around([low, high].into_iter(), about);
            let ticks: Vec<f64> = even.ticks.into_iter().filter(|t| *t > 0.0).collect();
            return Self {
                low: if even.low > 0.0 { even.low } else { 0.9 * low },
                ticks,
                scale: Scale::Logarithmic,
                ..even
            };
        }
        let decades = last - first;
        let every = (decades / about.max(1) as f64).ceil().max(1.0);
        let within: &[f64] = if decades <= 3.0 {
            &[1.0, 2.0, 5.0]
        } else {
            &[1.0]
        };
        // Within f64's exponents the counts are small.
        let powers = (0..=decades as usize).map(|i| first + i as f64);
        let all: Vec<f64> = powers
            .filter(|power| (power - first) % every == 0.0)
            .flat_map(|power| within.iter().map(move |m| m * 10f64.powf(power)))
            .collect();
        let close = 1.0 + 1e-9;
        let start = all.iter().copied().rfind(|t| *t <= low * close);
        let end = all.iter().copied().find(|t| *t * close >= high);
        let (low, high) = (start.unwrap_or(low), end.unwrap_or(high));
        Self {
            low,
            high,
            ticks: all
                .into_iter()
                .filter(|t| (low..=high).contains(t))
                .collect(),
            decimals: (-first).clamp(0.0, 12.0) as usize,
            scale: Scale::Logarithmic,
        }
    }

    fn stepped(low: f64, high: f64, step: f64) -> Self {
        // What rounding has put beside an end is at it.
        let first = (low / step - 1e-9).ceil();
        let count = ((high / step + 1e-9).floor() - first).clamp(0.0, 1000.0) as usize;
        Self {
            low,
            high,
            ticks: (0..=count).map(|i| (first + i as f64) * step).collect(),
            // Steps are 1, 2 or 5 times a power of ten.
            decimals: (-step.log10().floor()).clamp(0.0, 12.0) as usize,
            scale: Scale::Linear,
        }
    }

    /// Where a value lies, from 0 at the low end to 1 at the high one.
    pub fn share(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Logarithmic => (value / self.low).ln() / (self.high / self.low).ln(),
        }
    }

    pub fn label(&self, value: f64) -> String {
        let largest = self.low.abs().max(self.high.abs());
        if self.scale == Scale::Logarithmic && self.high >= 10.0 * self.low {
            let places = self.decimals;
            return match self.high / self.low {
                ratio if ratio > 1e4 => format!("{value:.0e}"),
                // Ticks of 0.1 and of 10 have no number of decimals in common.
                _ if places > 0 => {
                    let text = format!("{value:.places$}");
                    text.trim_end_matches('0').trim_end_matches('.').to_string()
                }
                _ => format!("{value:.0}"),
            };
        }
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

/// A range with some width, even of a single value.
fn widened((low, high): (f64, f64)) -> (f64, f64) {
    if high - low > 1e-9 * high.abs().max(low.abs()).max(1e-9) {
        return (low, high);
    }
    let room = (0.1 * high.abs()).max(1e-6);
    (low - room, high + room)
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
        // 3 * 0.05 is more than 0.15.
        let axis = Axis::around([0.18, 0.33].into_iter(), 4);
        assert_eq!(labels(&axis), ["0.15", "0.20", "0.25", "0.30", "0.35"]);
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

    #[test]
    fn a_logarithmic_axis_has_the_round_numbers_of_its_range() {
        let axis = |values: &[f64]| Axis::logarithmic(values.iter().copied(), 6);
        assert_eq!(
            labels(&axis(&[0.112, 0.268])),
            ["0.10", "0.15", "0.20", "0.25", "0.30"]
        );
        let few = axis(&[0.03, 4.0]);
        assert_eq!(
            labels(&few),
            ["0.02", "0.05", "0.1", "0.2", "0.5", "1", "2", "5"]
        );
        assert_eq!(
            labels(&axis(&[3e-6, 0.5])),
            ["1e-6", "1e-5", "1e-4", "1e-3", "1e-2", "1e-1", "1e0"]
        );
        // Equal ratios, equal lengths.
        let length = |from: f64, to: f64| few.share(to) - few.share(from);
        assert!((length(0.1, 0.2) - length(1.0, 2.0)).abs() < 1e-12);
        assert_eq!((few.share(few.low), few.share(few.high)), (0.0, 1.0));
        // Zeros and negative values have no place, whatever else there is.
        assert_eq!(axis(&[0.0, -3.0, 0.112, 0.268]), axis(&[0.112, 0.268]));
        for odd in [axis(&[]), axis(&[-1.0]), axis(&[0.3]), axis(&[1e-99, 1e99])] {
            assert!(
                0.0 < odd.low && odd.low < odd.high && odd.ticks.len() >= 2,
                "{odd:?}"
            );
        }
    }
}
