//! What a recipe says of a density of the codes.

use serde::{Deserialize, Serialize};

use super::{DataConfig, NetworkConfig};
use crate::{Error, Result};

/// The largest code that a mixture with full covariances is fitted to: each component has half its square
/// of numbers.
const MAX_CODE: usize = 256;
const MAX_COMPONENTS: usize = 1000;

/// After training, a mixture of Gaussians is fitted to the codes of the training images, and new images
/// are drawn from it. Without this section a variational autoencoder is sampled from its prior, and
/// others cannot be sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sampling {
    /// How many Gaussians; fewer are fitted where there are not 10 training images for each, or not as many
    /// as a code has values.
    pub components: usize,
}

impl Sampling {
    pub(super) fn validate(self, network: &NetworkConfig, data: &DataConfig) -> Result<()> {
        if !(1..=MAX_COMPONENTS).contains(&self.components) {
            let expected = format!("1 to {MAX_COMPONENTS}");
            return Err(Error::recipe(
                "sampling.components",
                expected,
                self.components,
            ));
        }
        if data.points.is_some() {
            return Err(Error::recipe(
                "sampling",
                "none for points: only images are sampled",
                "a table",
            ));
        }
        match network.code_len() {
            Some(values) if values > MAX_CODE => Err(Error::recipe(
                "sampling",
                format!("none for a code of more than {MAX_CODE} values"),
                format!("a table, and a code of {values}"),
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::Result;
    use crate::recipe::Recipe;

    fn load(name: &str, settings: &[&str]) -> Result<Recipe> {
        let settings: Vec<String> = settings.iter().map(|s| s.to_string()).collect();
        Recipe::load(name, &settings)
    }

    #[test]
    fn the_section_survives_a_round_trip_and_is_absent_unless_stated() {
        let recipe = load("dense-32", &["sampling.components=7"]).unwrap();
        assert_eq!(recipe.sampling.unwrap().components, 7);
        let text = recipe.to_toml().unwrap();
        assert_eq!(
            Recipe::parse(&text, Path::new("again"), &[]).unwrap(),
            recipe
        );
        let without = load("dense-32", &[]).unwrap();
        assert_eq!(without.sampling, None);
        assert!(!without.to_toml().unwrap().contains("sampling"));
    }

    #[test]
    fn a_section_that_cannot_work_is_refused() {
        for (name, settings, named) in [
            (
                "dense-32",
                vec!["sampling.components=0"],
                "sampling.components",
            ),
            ("dense-32", vec!["sampling.components=1001"], "1 to 1000"),
            ("dense-32", vec!["sampling.component=5"], "component"),
            (
                "dense-32",
                vec!["sampling.components=5", "network.encoder=[257]"],
                "257",
            ),
            (
                "vae",
                vec!["sampling.components=5", "network.latent=300"],
                "300",
            ),
            (
                "dense-32",
                vec![
                    "sampling.components=5",
                    "data.points.kind=ellipse",
                    "objective.reconstruction=mse",
                ],
                "points",
            ),
        ] {
            let error = load(name, &settings).unwrap_err();
            assert!(error.to_string().contains(named), "{settings:?}: {error}");
            assert!(error.is_input(), "{settings:?}");
        }
    }

    #[test]
    fn a_convolutional_code_is_measured_once_the_images_are_known() {
        let mut recipe = load("conv-denoiser", &["sampling.components=5"]).unwrap();
        recipe.network.resolve_input([1, 28, 28]).unwrap();
        let error = recipe.validate().unwrap_err().to_string();
        assert!(error.contains("a code of 6272"), "{error}");
        let small = [
            "sampling.components=5",
            "network.encoder=[8, 8, 4]",
            "network.decoder=[8, 8]",
        ];
        let mut recipe = load("conv-denoiser", &small).unwrap();
        recipe.network.resolve_input([1, 28, 28]).unwrap();
        recipe.validate().unwrap();
    }
}
