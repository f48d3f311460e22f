//! PNG files as network inputs.

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

/// How pictures are fitted to a network's input.
#[derive(Debug, Args)]
pub struct Fitting {
    /// Method of fitting a picture [default: mnist for a network of 28x28 grey images, else resize].
    #[arg(long, value_enum)]
    pub fit: Option<Fit>,
}

/// Noise added to the inputs.
#[derive(Debug, Args)]
pub struct Noise {
    /// Add Gaussian noise with this factor to the fitted inputs.
    #[arg(long, value_name = "FACTOR", value_parser = noise_factor)]
    add_noise: Option<f64>,

    /// Seed of that noise.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// A picture prepared for the network.
pub struct Prepared {
    /// The picture as read, in colour. [`Fitting::read_all`] drops it unless asked to keep it: pictures may
    /// be far larger than a network's input.
    pub original: Option<Picture>,
    pub fitted: Picture,
    /// With noise, if requested.
    pub noisy: Option<Picture>,
}

impl Prepared {
    /// The network's input.
    fn seen(&self) -> &Picture {
        self.noisy.as_ref().unwrap_or(&self.fitted)
    }
}

/// The network's inputs, `(n, C, H, W)`.
pub fn batch(prepared: &[Prepared], device: &Device) -> Result<Tensor> {
    let seen: Vec<Picture> = prepared.iter().map(|one| one.seen().clone()).collect();
    Ok(Picture::to_batch(&seen, device)?)
}

/// Items in the rows of a nearly square grid.
pub fn square<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    let columns = (1..=items.len()).find(|columns| columns * columns >= items.len());
    let rows = items.chunks(columns.unwrap_or(1));
    rows.map(<[T]>::to_vec).collect()
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

    /// Reads files in parallel and adds the requested noise. `first` is the index of the first file among
    /// all files, which keys its noise. `keep` says whether to keep the originals.
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
        // Reports the first wrong file in order, not the first one found.
        read.into_iter().collect()
    }
}

impl Noise {
    /// Images of a data set, `(n, C, H, W)`, with the requested noise.
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

    /// The key of the noise; `part` is 0 for pictures, and a number from 1 for a part of a data set.
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
