//! The results of an experiment.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::Serialize;

use super::statistics::{median, seeds, share};

/// All results of an experiment.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Outcome {
    /// How the experiment was run: data, seeds, epochs.
    pub protocol: String,
    /// The figures, compared.
    pub figures: Vec<Figure>,
    /// Known facts about the published figures, and what this run adds.
    pub notes: Vec<String>,
    /// Files written by the experiment.
    pub pictures: Vec<PathBuf>,
}

/// An obtained figure and the published one.
#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    /// What was measured.
    pub what: String,
    /// The value of this run.
    pub obtained: String,
    /// A dash if nothing was published.
    pub published: String,
    /// The range in which the obtained figure should lie; empty if there is none.
    pub tolerance: String,
    /// The comparison.
    pub verdict: Verdict,
    /// The underlying values, one per seed.
    pub values: Vec<f64>,
}

/// Whether a figure lies inside its tolerance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The value is in the expected range.
    Inside,
    /// It is not.
    Outside,
    /// There is no tolerance, or the run was shortened.
    NotJudged,
}

impl Verdict {
    /// The verdict as a word in a table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Inside => "inside",
            Self::Outside => "OUTSIDE",
            Self::NotJudged => "-",
        }
    }
}

impl Figure {
    /// The median over the seeds.
    pub fn median(what: &str, values: &[f64], published: &str) -> Self {
        Self {
            what: what.to_string(),
            obtained: summary(values),
            published: published.to_string(),
            tolerance: String::new(),
            verdict: Verdict::NotJudged,
            values: values.to_vec(),
        }
    }

    /// The share of the seeds for which something holds.
    pub fn share(what: &str, holds: &[bool], published: &str) -> Self {
        let obtained = format!("{:.0}% of {}", 100.0 * share(holds), seeds(holds.len()));
        Self {
            values: holds.iter().copied().map(f64::from).collect(),
            ..Self::text(what, obtained, published)
        }
    }

    /// A result that is not a number.
    pub fn text(what: &str, obtained: impl Into<String>, published: &str) -> Self {
        Self {
            obtained: obtained.into(),
            ..Self::median(what, &[], published)
        }
    }

    /// Judges the median of the values, if `judged`.
    pub fn within(mut self, range: RangeInclusive<f64>, judged: bool) -> Self {
        self.tolerance = match (*range.start(), *range.end()) {
            (f64::NEG_INFINITY, high) => format!("at most {}", digits(high)),
            (low, f64::INFINITY) => format!("at least {}", digits(low)),
            (low, high) => format!("{} to {}", digits(low), digits(high)),
        };
        let inside = range.contains(&median(&self.values));
        self.judge(inside, judged)
    }

    /// States the tolerance in words.
    pub fn tolerance(mut self, words: &str, inside: bool, judged: bool) -> Self {
        self.tolerance = words.to_string();
        self.judge(inside, judged)
    }

    fn judge(mut self, inside: bool, judged: bool) -> Self {
        self.verdict = match (judged, inside) {
            (false, _) => Verdict::NotJudged,
            (true, true) => Verdict::Inside,
            (true, false) => Verdict::Outside,
        };
        self
    }
}

/// Median, with the range if there are several values.
fn summary(values: &[f64]) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let [median, low, high] = [median(values), low, high].map(digits);
    match values {
        [] => "-".to_string(),
        [_] => median,
        _ => format!("{median} ({low} to {high})"),
    }
}

/// Four significant digits, without trailing zeros.
pub(super) fn digits(value: f64) -> String {
    if value == 0.0 {
        return "0".to_string();
    }
    let size = value.abs().log10().floor();
    if !(-4.0..6.0).contains(&size) {
        return format!("{value:.1e}");
    }
    // Between 0 and 7, by the check above.
    let decimals = (3.0 - size).clamp(0.0, 7.0) as usize;
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits() {
        for (value, text) in [
            (0.0933456, "0.09335"),
            (15.6546, "15.65"),
            (1.3e-11, "1.3e-11"),
            (2.0, "2"),
            (12_345.6, "12346"),
            (0.0, "0"),
            (-0.5, "-0.5"),
        ] {
            assert_eq!(digits(value), text);
        }
    }

    #[test]
    fn the_median_is_judged_and_a_shortened_run_is_not() {
        let figure =
            |judged| Figure::median("x", &[1.0, 9.0, 2.0], "2.1").within(1.5..=2.5, judged);
        assert_eq!(figure(true).verdict, Verdict::Inside);
        assert_eq!(figure(true).obtained, "2 (1 to 9)");
        assert_eq!(figure(false).verdict, Verdict::NotJudged);
        let outside = Figure::median("x", &[3.0], "2.1").within(1.5..=2.5, true);
        assert_eq!(outside.verdict, Verdict::Outside);
    }
}
