//! What a recipe says of noise, objective, learning rate and length of training.

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What is done to an input before the network sees it; the target stays clean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Corruption {
    /// The input is the target.
    #[default]
    None,
    /// Adds `factor` times standard normal noise, then clips to `[0,1]`.
    Gaussian {
        factor: f64,
        #[serde(default)]
        draw: Draw,
    },
}

/// When the noise of a training sample is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Draw {
    /// Fresh noise for every sample in every epoch.
    #[default]
    EveryEpoch,
    /// One draw a sample, the same in every epoch.
    Once,
}

/// What training minimises.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Objective {
    pub reconstruction: Reconstruction,
    /// Of a variational autoencoder: minimises the negative evidence lower bound instead, with the
    /// reconstruction as the likelihood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elbo: Option<Elbo>,
}

/// The parts of the evidence lower bound that can be chosen. With reconstruction `bce` the likelihood
/// is Bernoulli's, with `mse` a normal distribution of standard deviation `sigma`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elbo {
    /// Weight of the KL divergence (Higgins et al., "beta-VAE", ICLR 2017, equation 4).
    #[serde(default = "one")]
    pub beta: f64,
    /// Steps over which that weight rises linearly from 0 (Bowman et al., CoNLL 2016, section 3.1).
    #[serde(default)]
    pub warmup_steps: u64,
    /// Standard deviation of a normal likelihood, in units of a pixel's value.
    #[serde(default = "one")]
    pub sigma: f64,
}

fn one() -> f64 {
    1.0
}

/// The distance between output and target, a mean over all values of the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reconstruction {
    /// Binary cross-entropy in nats a pixel; needs a final sigmoid, whose logits it reads.
    Bce,
    /// Mean squared error.
    Mse,
}

/// The learning rate over the run, as a factor of the optimiser's. It rises linearly over the first
/// `warmup_steps` steps, which are 0 if nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// The same from the warm-up to the end.
    Constant {
        #[serde(default, skip_serializing_if = "is_zero")]
        warmup_steps: u64,
    },
    /// Multiplied by `gamma` after every `every` epochs or steps, counted from the start of the run.
    Step {
        every: u64,
        #[serde(default)]
        unit: Unit,
        gamma: f64,
        #[serde(default, skip_serializing_if = "is_zero")]
        warmup_steps: u64,
    },
    /// After the warm-up, falls along half a cosine to `final_fraction` at the last step of the run
    /// (Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5, without restarts).
    Cosine {
        #[serde(default)]
        warmup_steps: u64,
        #[serde(default)]
        final_fraction: f64,
    },
}

impl Default for Schedule {
    fn default() -> Self {
        Self::Constant { warmup_steps: 0 }
    }
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// What a schedule counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    #[default]
    Epochs,
    Steps,
}

/// How long, and in what portions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Passes over the training set.
    pub epochs: usize,
    /// Samples a step; the last step of an epoch takes what is left.
    pub batch_size: usize,
    /// The run ends early after this many epochs in a row without a lower validation loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
}

impl Corruption {
    pub(super) fn validate(&self) -> Result<()> {
        match *self {
            Self::None => Ok(()),
            Self::Gaussian { factor, .. } => check(
                "corruption.factor",
                factor,
                "from 0 to 100",
                (0.0..=100.0).contains(&factor),
            ),
        }
    }
}

impl Objective {
    pub(super) fn validate(&self) -> Result<()> {
        let Some(elbo) = self.elbo else {
            return Ok(());
        };
        let Elbo { beta, sigma, .. } = elbo;
        let range = "from 0 to 1000";
        check(
            "objective.elbo.beta",
            beta,
            range,
            (0.0..=1000.0).contains(&beta),
        )?;
        let range = "from 0.001 to 1000";
        check(
            "objective.elbo.sigma",
            sigma,
            range,
            (0.001..=1000.0).contains(&sigma),
        )
    }
}

impl Schedule {
    pub(super) fn validate(&self) -> Result<()> {
        match *self {
            Self::Constant { .. } => Ok(()),
            Self::Step { every, gamma, .. } => {
                if every == 0 {
                    return Err(Error::recipe("schedule.every", "1 or more", every));
                }
                check(
                    "schedule.gamma",
                    gamma,
                    "above 0, at most 1",
                    gamma > 0.0 && gamma <= 1.0,
                )
            }
            Self::Cosine { final_fraction, .. } => check(
                "schedule.final_fraction",
                final_fraction,
                "from 0 to 1",
                (0.0..=1.0).contains(&final_fraction),
            ),
        }
    }
}

impl Training {
    pub(super) fn validate(&self) -> Result<()> {
        for (key, value, most) in [
            ("training.epochs", self.epochs, 1_000_000),
            ("training.batch_size", self.batch_size, 1 << 20),
            ("training.patience", self.patience.unwrap_or(1), 1_000_000),
        ] {
            if !(1..=most).contains(&value) {
                return Err(Error::recipe(key, format!("1 to {most}"), value));
            }
        }
        Ok(())
    }
}

pub(super) fn check(key: &str, value: f64, expected: &str, holds: bool) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(Error::recipe(key, expected, value))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::Result;
    use crate::recipe::Recipe;

    /// A recipe that ends so.
    fn parse(rest: &str) -> Result<Recipe> {
        let text = format!(
            r#"
            name = "tiny"
            network = {{ family = "dense", encoder = [2] }}
            objective = {{ reconstruction = "mse" }}
            optimizer = {{ kind = 'sgd', lr = 1 }}
            training.epochs = 1
            training.batch_size = 1
            {rest}
            "#
        );
        Recipe::parse(&text, Path::new("tiny.toml"), &[])
    }

    #[test]
    fn every_schedule_and_length_survives_a_round_trip() {
        for rest in [
            "schedule = { kind = 'constant' }",
            "schedule = { kind = 'constant', warmup_steps = 9 }",
            "schedule = { kind = 'step', every = 2, gamma = 0.5 }",
            "schedule = { kind = 'step', every = 9, unit = 'steps', gamma = 1, warmup_steps = 3 }",
            "schedule = { kind = 'cosine', final_fraction = 0.1 }",
            "training.patience = 3",
        ] {
            let recipe = parse(rest).unwrap();
            let text = recipe.to_toml().unwrap();
            let again = Recipe::parse(&text, Path::new("again.toml"), &[]).unwrap();
            assert_eq!(again, recipe, "{text}");
        }
    }

    #[test]
    fn a_wrong_key_or_value_is_named() {
        for (rest, named) in [
            ("schedule = { kind = 'linear' }", "linear"),
            ("schedule = { kind = 'constant', every = 2 }", "every"),
            ("schedule = { kind = 'step', gamma = 0.5 }", "every"),
            (
                "schedule = { kind = 'step', every = 0, gamma = 0.5 }",
                "schedule.every",
            ),
            (
                "schedule = { kind = 'step', every = 1, gamma = 0 }",
                "schedule.gamma",
            ),
            (
                "schedule = { kind = 'step', every = 1, gamma = 1, unit = 'years' }",
                "years",
            ),
            (
                "schedule = { kind = 'cosine', final_fraction = 2 }",
                "schedule.final_fraction",
            ),
            ("training.patience = 0", "training.patience"),
        ] {
            let error = parse(rest).unwrap_err();
            assert!(error.to_string().contains(named), "{rest}: {error}");
            assert!(error.is_input(), "{rest}");
        }
    }
}
