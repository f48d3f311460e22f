//! Axes: their ends, and round numbers between.

/// How values lie along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scale {
    /// Equal steps are equally far apart.
    #[default]
    Linear,
    /// Equal steps for equal ratios; only positive values have a place.
    Logarithmic,
}

/// An axis from its low to its high end.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Axis {
    pub low: f64,
    pub high: f64,
    /// Ascending.
    pub ticks: Vec<f64>,
    /// Distance of the ticks; none between powers of ten.
    step: Option<f64>,
    scale: Scale,
}

impl Axis {
    /// An axis for values such as losses: from round number to round number around them.
    pub fn around(values: impl Iterator<Item = f64>, about: usize) -> Self {
        let (low, high) = widened(range(values).unwrap_or((0.0, 1.0)));
        let step = round_step((high - low) / about.max(1) as f64);
        // What rounding has put beyond a round number is at it.
        let low = (low / step + 1e-9).floor() * step;
        let high = (high / step - 1e-9).ceil() * step;
        Self::stepped(low, high, step)
    }

    /// An axis for counts such as epochs: whole ticks, and the first and last value near its ends.
    pub fn counted(values: impl Iterator<Item = f64>, about: usize) -> Self {
        let (low, high) = range(values).unwrap_or((0.0, 1.0));
        let step = round_step((high - low) / about.max(1) as f64).max(1.0);
        // A single epoch stands in the middle.
        let room = if high > low { 0.02 * (high - low) } else { 0.5 };
        Self {
            low: low - room,
            high: high + room,
            ..Self::stepped(low, high, step)
        }
    }

    /// An axis with the given ends, and round numbers between.
    pub fn between(low: f64, high: f64, about: usize) -> Self {
        let (low, high) = widened((low, high));
        Self::stepped(low, high, round_step((high - low) / about.max(1) as f64))
    }

    /// A logarithmic axis around those values that are positive: with even ticks within a decade, with 1, 2
    /// and 5 in each of a few decades, with powers of ten over many.
    pub fn logarithmic(values: impl Iterator<Item = f64>, about: usize) -> Self {
        let (low, high) = widened(range(values.filter(|v| *v > 0.0)).unwrap_or((0.1, 1.0)));
        let low = low.max(f64::MIN_POSITIVE);
        if high < 10.0 * low {
            let mut even = Self::around([low, high].into_iter(), about);
            even.ticks.retain(|tick| *tick > 0.0);
            even.scale = Scale::Logarithmic;
            if even.low <= 0.0 {
                even.low = 0.9 * low;
            }
            return even;
        }
        let (first, last) = (exponent(low), (high * (1.0 - 1e-9)).log10().ceil() as i32);
        let decades = (last - first).unsigned_abs() as usize;
        let within: &[f64] = match decades {
            0..=3 => &[1.0, 2.0, 5.0],
            _ => &[1.0],
        };
        let mut ticks: Vec<f64> = (first..=last)
            .step_by(decades.div_ceil(about.max(1)).max(1))
            .flat_map(|power| within.iter().map(move |m| m * 10f64.powi(power)))
            .collect();
        let close = 1.0 + 1e-9;
        let start = ticks.iter().copied().rfind(|t| *t <= low * close);
        let end = ticks.iter().copied().find(|t| *t * close >= high);
        let (low, high) = (start.unwrap_or(low), end.unwrap_or(high));
        ticks.retain(|tick| (low..=high).contains(tick));
        Self {
            low,
            high,
            ticks,
            step: None,
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
            step: Some(step),
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

    /// A tick's label: as many digits as tell it from its neighbours.
    pub fn label(&self, tick: f64) -> String {
        let largest = self.low.abs().max(self.high.abs());
        // The place of the last digit, as a power of ten, and whether powers of ten are shorter.
        let (last, powers) = match self.step {
            Some(step) => (
                exponent(step),
                largest >= 1e6 && step >= 1e3 || largest < 1e-3 && step < 1e-4,
            ),
            None => (
                exponent(tick),
                self.high > 1e4 * self.low || !(1e-3..1e6).contains(&largest),
            ),
        };
        if !powers {
            let decimals = (-last).clamp(0, 15) as usize;
            return format!("{tick:.decimals$}");
        }
        if tick == 0.0 {
            return "0".to_string();
        }
        let digits = (exponent(tick.abs()) - last).max(0) as usize;
        format!("{tick:.digits$e}")
    }
}

/// The smallest and the largest of the values that an axis can hold.
pub(super) fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let ends = values
        .filter(|v| v.abs() < 1e100)
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
            (low.min(v), high.max(v))
        });
    (ends.0 <= ends.1).then_some(ends)
}

/// The power of ten of a positive number's first digit.
fn exponent(number: f64) -> i32 {
    // Rounding may have put a power of ten just below itself.
    (number * (1.0 + 1e-9)).log10().floor() as i32
}

/// A range with some width, even of a single value.
fn widened((low, high): (f64, f64)) -> (f64, f64) {
    let size = low.abs().max(high.abs());
    if high - low > 1e-9 * size {
        return (low, high);
    }
    let room = if size > 1e-100 { 0.1 * size } else { 1.0 };
    (low - room, high + room)
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
    fn ticks_are_round_numbers_around_the_values() {
        for (values, about, expected) in [
            ([0.112, 0.268], 6, "0.10 0.15 0.20 0.25 0.30"),
            // 3 * 0.05 is more than 0.15.
            ([0.18, 0.33], 4, "0.15 0.20 0.25 0.30 0.35"),
            ([-0.03, 0.02], 4, "-0.04 -0.02 0.00 0.02"),
            ([-2e12, 7.5e12], 4, "-5e12 0 5e12 1.0e13"),
            ([8e6, 1.1e7], 4, "8e6 9e6 1.0e7 1.1e7"),
            (
                [1_234_567.1, 1_234_567.3],
                4,
                "1234567.10 1234567.15 1234567.20 1234567.25 1234567.30",
            ),
            ([1e-5, 4e-5], 4, "1e-5 2e-5 3e-5 4e-5"),
        ] {
            let axis = Axis::around(values.into_iter(), about);
            assert_eq!(labels(&axis).join(" "), expected);
            let ends = values.map(|value| axis.share(value));
            assert!(ends[0] >= -1e-9 && ends[1] <= 1.0 + 1e-9, "{axis:?}");
        }
    }

    #[test]
    fn epochs_get_whole_numbers() {
        for (values, expected) in [
            ([1.0, 3.0], "1 2 3"),
            ([1.0, 400.0], "50 100 150 200 250 300 350 400"),
            ([7.0, 7.0], "7"),
        ] {
            let axis = Axis::counted(values.into_iter(), 12);
            assert_eq!(labels(&axis).join(" "), expected);
        }
    }

    #[test]
    fn one_value_and_none_have_an_axis_too() {
        for values in [
            &[][..],
            &[0.3],
            &[0.0],
            &[3e-13],
            &[-1e99, 1e99],
            &[f64::NAN],
        ] {
            let axis = Axis::around(values.iter().copied(), 6);
            assert!(axis.low < axis.high && axis.ticks.len() >= 2, "{axis:?}");
        }
    }

    #[test]
    fn a_logarithmic_axis_has_the_round_numbers_of_its_range() {
        let axis = |values: &[f64]| Axis::logarithmic(values.iter().copied(), 6);
        for (values, expected) in [
            ([0.112, 0.268], "0.10 0.15 0.20 0.25 0.30"),
            ([0.03, 4.0], "0.02 0.05 0.1 0.2 0.5 1 2 5"),
            ([3e-6, 0.5], "1e-6 1e-5 1e-4 1e-3 1e-2 1e-1 1e0"),
        ] {
            assert_eq!(labels(&axis(&values)).join(" "), expected);
        }
        // Zeros and negative values have no place, whatever else there is.
        assert_eq!(axis(&[0.0, -3.0, 0.112, 0.268]), axis(&[0.112, 0.268]));
        for values in [&[][..], &[-1.0], &[0.3], &[1e-99], &[1e-99, 1e99]] {
            let odd = axis(values);
            let is_ordered = 0.0 < odd.low && odd.low < odd.high;
            assert!(is_ordered && odd.ticks.len() >= 2, "{odd:?}");
        }
    }
}
