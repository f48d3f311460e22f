//! PNG files as a network sees them.

use std::path::{Path, PathBuf};

use anyhow::Result;
use autoencode::Error;
use autoencode::corruption::NoiseKey;
use autoencode::data::{Batch, Images, Keys, Preparation};
use autoencode::network::Autoencoder;
use autoencode::picture::{Fit, Picture, fit, read_png};
use autoencode::random::Purpose;
use autoencode::recipe::Precision;
use candle_core::{Device, Tensor};
use clap::Args;
use rayon::prelude::*;

use super::evaluate::{gaussian, noise_factor};

/// How pictures of any size become a network's input.
#[derive(Debug, Args)]
pub struct Fitting {
    /// How a picture is fitted [default: mnist for a network of 28x28 grey images, else resize].
    #[arg(long, value_enum)]
    pub fit: Option<Fit>,
}

/// What is done to the inputs before the network sees them.
#[derive(Debug, Args)]
pub struct Noise {
    /// Add Gaussian noise of this factor to the inputs, once they are fitted.
    #[arg(long, value_name = "FACTOR", value_parser = noise_factor)]
    add_noise: Option<f64>,

    /// Key of that noise.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// A picture on its way into the network.
pub struct Prepared {
    /// In colour, as it was read; not of [`Fitting::read_all`], unless it is to be kept: pictures may be far
    /// larger than a network's input.
    pub original: Option<Picture>,
    pub fitted: Picture,
    /// With noise, if it was asked for.
    pub noisy: Option<Picture>,
}

impl Prepared {
    /// What the network sees.
    pub fn seen(&self) -> &Picture {
        self.noisy.as_ref().unwrap_or(&self.fitted)
    }
}

impl Fitting {
    /// Reads a PNG file and fits it to the network.
    pub fn read(&self, path: &Path, model: &Autoencoder) -> Result<Prepared> {
        let [channels, height, width] = *model.input_shape() else {
            let found = format!("{:?}", model.input_shape());
            return Err(Error::layer("input", "channels, height and width", found).into());
        };
        let how = self.fit.unwrap_or(match (channels, height, width) {
            (1, 28, 28) => Fit::Mnist,
            _ => Fit::Resize,
        });
        let original = read_png(path, 3)?;
        let fitted = fit(&original, channels, height, width, how, path)?;
        Ok(Prepared {
            original: Some(original),
            fitted,
            noisy: None,
        })
    }

    /// Reads files, several at a time, and adds the noise that was asked for. The first of them has the
    /// place `first` among all, which keys its noise. `keep` says whether the originals are wanted.
    pub fn read_all(
        &self,
        paths: &[PathBuf],
        first: usize,
        noise: &Noise,
        model: &Autoencoder,
        keep: bool,
    ) -> Result<Vec<Prepared>> {
        let read: Vec<Result<Prepared>> = paths
            .par_iter()
            .enumerate()
            .map(|(place, path)| {
                let mut prepared = self.read(path, model)?;
                if !keep {
                    prepared.original = None;
                }
                noise.add((first + place) as u64, &mut prepared)?;
                Ok(prepared)
            })
            .collect();
        // The first wrong file in order is reported, not the first that was met.
        read.into_iter().collect()
    }
}

impl Noise {
    /// Images of a data set `(n, C, H, W)`.
    pub fn batch(
        &self,
        images: &Images,
        indices: &[u32],
        key: NoiseKey,
        device: &Device,
    ) -> Result<Tensor> {
        let preparation = Preparation {
            corruption: gaussian(self.add_noise.unwrap_or(0.0)),
            precision: match images.are_points() {
                true => Precision::F64,
                false => Precision::F32,
            },
            ..Preparation::default()
        };
        let keys = Keys {
            binarization: key,
            corruption: key,
        };
        Ok(Batch::prepare(images, indices, &preparation, keys, device)?.input)
    }

    /// The draw of the noise; `part` is of a data set, 0 of pictures.
    pub fn key(&self, part: u64) -> NoiseKey {
        NoiseKey {
            seed: self.seed,
            purpose: Purpose::Picture,
            epoch: part,
        }
    }

    fn add(&self, place: u64, prepared: &mut Prepared) -> Result<()> {
        let Some(factor) = self.add_noise else {
            return Ok(());
        };
        let fitted = &prepared.fitted;
        let (channels, height, width) = (fitted.channels(), fitted.height(), fitted.width());
        let mut values = fitted.values().to_vec();
        gaussian(factor).apply(self.key(0), place, &mut values);
        prepared.noisy = Some(Picture::new(channels, height, width, values)?);
        Ok(())
    }
}
