//! A fingerprint of a data set's contents, independent of the source.

use sha2::{Digest, Sha256};

use super::Dataset;
use super::classes::in_fewest_bytes;
use super::origin::grouped;

impl Dataset {
    /// A phrase that is equal for equal data from any source: counts, shape, and the first digits of a
    /// SHA-256 over all values and labels.
    pub fn content(&self) -> String {
        let mut hasher = Sha256::new();
        for part in [&self.train, &self.validation, &self.test] {
            hasher.update(part.pixels());
            for (height, width) in part.sizes() {
                hasher.update([height, width].map(usize::to_le_bytes).concat());
            }
            for value in part.coordinates() {
                hasher.update(value.to_le_bytes());
            }
            hasher.update(in_fewest_bytes(part.labels()).1);
        }
        let digits = hasher.finalize();
        let digits = digits.iter().take(8).map(|byte| format!("{byte:02x}"));
        let digits: String = digits.collect();
        let (channels, height, width) = self.train.shape();
        let what = match self.train.are_points() {
            true => format!("points of {width} values"),
            false => format!("images of {channels}x{height}x{width}"),
        };
        format!(
            "{} + {} + {} {what}, SHA-256 {digits}...",
            grouped(self.train.len()),
            grouped(self.validation.len()),
            grouped(self.test.len()),
        )
    }
}
