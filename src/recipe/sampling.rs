//! The sampling section of a recipe: a density of the codes.

use serde::{Deserialize, Serialize};

use super::limits::{check, count};
use super::{DataConfig, NetworkConfig};
use crate::Result;

/// The largest code that a mixture with full covariances is fitted to: each component has about n^2 / 2
/// numbers for n values.
const MAX_CODE: usize = 256;
const MAX_COMPONENTS: usize = 1000;

/// After training, a mixture of Gaussians is fitted to the codes of the training images, and new images
/// are drawn from it. Without this section a variational autoencoder is sampled from its prior, and
/// others cannot be sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sampling {
    /// Number of Gaussians; fewer are fitted if there are fewer than 10 training images for each, or fewer
    /// than a code has values.
    pub components: usize,
}

impl Sampling {
    pub(super) fn validate(self, network: &NetworkConfig, data: &DataConfig) -> Result<()> {
        count("sampling.components", self.components, 1..=MAX_COMPONENTS)?;
        let expected = "none for points: only images are sampled";
        check(data.points.is_none(), "sampling", expected, "a table")?;
        let values = network.code_len().unwrap_or(0);
        check(
            values <= MAX_CODE,
            "sampling",
            format!("none for a code of more than {MAX_CODE} values"),
            format!("a table, and a code of {values}"),
        )
    }
}
