//! Picture files as network inputs.

use std::path::{Path, PathBuf};

use anyhow::Result;
use autoencode::Error;
use autoencode::corruption::NoiseKey;
use autoencode::data::{Batch, Images, Keys, Preparation};
use autoencode::picture::{Fit, Picture, check_picture, read_fitted};
use autoencode::random::Purpose;
use autoencode::recipe::{Corruption, ImageKind, Precision, Resize};
use candle_core::{Device, Tensor};
use clap::Args;
use rayon::prelude::*;

use super::evaluate::{gaussian, noise_factor};
use super::model::Loaded;

/// How pictures are fitted to a network's input.
#[derive(Debug, Args)]
pub struct Fitting {
    /// Method of fitting a picture [default: as the network's training pictures were fitted; mnist if it learned from
    /// MNIST or a set like it].
    #[arg(long, value_enum)]
    pub fit: Option<Fit>,
}

/// Noise added to the inputs.
#[derive(Debug, Args)]
pub struct Noise {
    /// Factor of the Gaussian noise on the inputs, also as a fraction (25/255); 0 means none [default: 0].
    #[arg(long, value_name = "FACTOR", value_parser = noise_factor)]
    noise: Option<f64>,

    /// Seed of the noise.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// A picture prepared for the network.
pub struct Prepared {
    pub fitted: Picture,
    /// With noise, if requested.
    pub noisy: Option<Picture>,
    /// Height and width of the picture in the file.
    pub size: (usize, usize),
    /// The picture in the file, shrunk for a sheet, if requested: it may be far larger than a network's input.
    pub preview: Option<Picture>,
}

/// Which files to keep previews of, for a sheet.
#[derive(Clone, Copy, Default)]
pub struct Previews {
    /// The first files.
    pub count: usize,
    /// Height and width of their place on the sheet.
    pub tile: (usize, usize),
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

/// Bytes for pictures that are prepared, and their results, before the next ones are read.
const MEMORY: usize = 256 << 20;
/// Copies of a picture in a network's size: prepared, noisy, the result, and both of these as tensors.
const COPIES: usize = 5;

/// The number of pictures that are prepared at a time.
pub fn at_a_time(loaded: &Loaded) -> usize {
    let values: usize = loaded.model().input_shape().iter().product();
    (MEMORY / (COPIES * size_of::<f32>() * values.max(1))).max(1)
}

/// Checks files in parallel, without decoding them.
pub fn check_all(paths: &[PathBuf]) -> Result<()> {
    let checks: Vec<_> = paths.par_iter().map(check_picture).collect();
    Ok(checks.into_iter().collect::<autoencode::Result<()>>()?)
}

/// Items in the rows of a nearly square grid.
pub fn square<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    let columns = (1..=items.len()).find(|columns| columns * columns >= items.len());
    let rows = items.chunks(columns.unwrap_or(1));
    rows.map(<[T]>::to_vec).collect()
}

impl Fitting {
    /// The method that was asked for, or that of the network's training pictures.
    pub fn how(&self, loaded: &Loaded) -> Fit {
        self.fit.unwrap_or_else(|| {
            let data = &loaded.checkpoint.recipe.data;
            let shape = loaded.model().input_shape();
            match (data.kind, data.resize) {
                _ if data.patch.is_some() && loaded.model().reach().is_some() => Fit::Whole,
                (Some(ImageKind::Digits), _) => Fit::Mnist,
                // Only pictures are cropped in training.
                (None, Resize::Squeeze) if *shape == [1, 28, 28] => Fit::Mnist,
                _ => data.resize.into(),
            }
        })
    }

    /// Reads a picture file and fits it to the network; `preview` is as in [`read_fitted`].
    pub fn read(
        &self,
        path: &Path,
        loaded: &Loaded,
        preview: Option<(usize, usize)>,
    ) -> Result<Prepared> {
        let shape = loaded.model().input_shape();
        let [channels, height, width] = *shape else {
            let found = format!("{shape:?}");
            return Err(Error::layer("input", "channels, height and width", found).into());
        };
        let how = match self.how(loaded) {
            Fit::Whole if self.fit.is_none() => Fit::Crop,
            how => how,
        };
        let file = read_fitted(path, (channels, height, width), how, preview)?;
        Ok(Prepared {
            fitted: file.picture,
            noisy: None,
            size: file.size,
            preview: file.preview,
        })
    }

    /// Reads files in parallel and adds the requested noise. `first` is the index of the first file among
    /// all files, which keys its noise.
    pub fn read_all(
        &self,
        paths: &[PathBuf],
        first: usize,
        noise: &Noise,
        loaded: &Loaded,
        previews: Previews,
    ) -> Result<Vec<Prepared>> {
        let read: Vec<Result<Prepared>> = paths
            .par_iter()
            .enumerate()
            .map(|(index, path)| {
                let place = first + index;
                let preview = (place < previews.count).then_some(previews.tile);
                let mut prepared = self.read(path, loaded, preview)?;
                noise.add(place as u64, &mut prepared)?;
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
            corruption: gaussian(self.noise.unwrap_or(0.0), Corruption::None),
            precision: match images.are_points() {
                true => Precision::F64,
                false => Precision::F32,
            },
            ..Preparation::default()
        };
        let keys = Keys {
            binarization: key,
            corruption: key,
            patch: key,
        };
        Ok(Batch::prepare(images, indices, &preparation, keys, device)?.input)
    }

    /// The factor, if noise was asked for.
    pub fn factor(&self) -> Option<f64> {
        self.noise.filter(|factor| *factor > 0.0)
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
        let Some(factor) = self.noise else {
            return Ok(());
        };
        let fitted = &prepared.fitted;
        let (channels, height, width) = (fitted.channels(), fitted.height(), fitted.width());
        let mut values = fitted.values().to_vec();
        gaussian(factor, Corruption::None).apply(self.key(0), place, &mut values);
        prepared.noisy = Some(Picture::new(channels, height, width, values)?);
        Ok(())
    }
}
