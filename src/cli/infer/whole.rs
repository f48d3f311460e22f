//! Pictures of any size, for networks of convolutions.

use std::path::{Path, PathBuf};

use anyhow::Result;
use autoencode::Error;
use autoencode::corruption::NoiseKey;
use autoencode::engine::AnySize;
use autoencode::evaluate::psnr_db;
use autoencode::file::Publish;
use autoencode::picture::{Photo, Picture, PictureFormat};
use autoencode::recipe::Corruption;

use super::{Gain, Infer, Outcome};
use crate::cli::evaluate::gaussian;
use crate::cli::files::make_folders;
use crate::cli::inputs::{Inputs, is_standard};
use crate::cli::model::Loaded;
use crate::cli::output::print_bytes;
use crate::cli::pictures::Prepared;
use crate::cli::shared::Shared;
use crate::cli::status::Counter;

/// Height and width of the part of a picture that a sheet shows.
const SHOWN: usize = 320;

/// A network for pictures of any size, and how it is applied.
pub struct Restorer<'a> {
    infer: &'a Infer,
    network: AnySize,
    tile: usize,
    /// The noise to add, if any.
    noise: Option<(Corruption, NoiseKey)>,
}

impl<'a> Restorer<'a> {
    /// An error if the network takes only pictures of one size.
    pub fn new(infer: &'a Infer, loaded: &Loaded) -> Result<Self> {
        let network = AnySize::new(loaded.model().clone()).ok_or_else(|| {
            loaded.lacks("a network for pictures of any size, without dense layers and the like")
        })?;
        let trained = loaded.checkpoint.recipe.corruption;
        let noise = infer.noise.factor();
        let noise = noise.map(|factor| (gaussian(factor, trained), infer.noise.key(0)));
        Ok(Self {
            infer,
            tile: infer.tile.unwrap_or_else(|| network.default_tile()),
            network,
            noise,
        })
    }

    /// Reads, restores and writes one picture after the other; the first `shown` are kept for a sheet.
    pub fn restore_all(
        &self,
        inputs: &Inputs,
        outputs: &[PathBuf],
        shown: usize,
        outcomes: &mut Vec<Outcome>,
        shared: &Shared,
    ) -> Result<()> {
        let results = inputs.paths.iter().zip(&inputs.shown).zip(outputs);
        let targets = self.targets(inputs)?;
        for (number, ((path, input), output)) in results.enumerate() {
            let photo = Photo::read(path)?;
            let (noisy, clean) = self.prepared(&photo, targets.get(number), number)?;
            let restored = self.restore(&photo, &noisy, shared)?;
            let gain = clean
                .as_ref()
                .map(|clean| Gain::of(clean, &noisy, &restored));
            if number == 0 {
                make_folders(self.infer.files(outputs))?;
            }
            let clamped = |values| {
                let (channels, height, width) = shape(&photo.picture);
                Picture::clamped(channels, height, width, values)
            };
            let result = Photo {
                picture: clamped(restored)?,
                ..photo.clone()
            };
            let format = self.infer.format.unwrap_or(photo.format);
            match is_standard(output) {
                true => print_bytes(&result.encoded(format)?)?,
                false => result.write(output, format, Publish::forced(self.infer.force))?,
            }
            let is_shown = number < shown;
            let shown = is_shown.then(|| {
                let fitted = clean.map_or(Ok(photo.picture.clone()), clamped)?;
                let noisy = gain.map(|_| clamped(noisy)).transpose()?;
                let prepared = Prepared {
                    size: (fitted.height(), fitted.width()),
                    preview: None,
                    fitted: fitted.centre(SHOWN)?,
                    noisy: noisy.map(|noisy| noisy.centre(SHOWN)).transpose()?,
                };
                Ok::<_, anyhow::Error>((prepared, result.picture.centre(SHOWN)?))
            });
            outcomes.push(Outcome {
                input: input.clone(),
                output: output.clone(),
                gain,
                shown: shown.transpose()?,
            });
        }
        Ok(())
    }

    /// The clean picture of each input; none without --target.
    fn targets(&self, inputs: &Inputs) -> Result<Vec<PathBuf>> {
        let Some(target) = &self.infer.target else {
            return Ok(Vec::new());
        };
        if !target.is_dir() {
            return match inputs.paths.len() {
                1 => Ok(vec![target.clone()]),
                count => {
                    let expected = format!("a folder with the targets of {count} pictures");
                    Err(Error::file(target, expected, "a file").into())
                }
            };
        }
        let mut missing = Vec::new();
        let named = inputs.names.iter().map(|name| {
            let path = target.join(name);
            let other = || {
                let endings = PictureFormat::ALL.iter().flat_map(|one| one.endings());
                let mut others = endings.map(|ending| path.with_extension(ending));
                others.find(|path| path.exists())
            };
            match path.exists() {
                true => path,
                false => other().unwrap_or_else(|| {
                    missing.push(name.display().to_string());
                    path
                }),
            }
        });
        let named: Vec<PathBuf> = named.collect();
        if missing.is_empty() {
            return Ok(named);
        }
        let expected = "a target of the same name for each picture";
        let found = format!("none for {}", missing.join(", "));
        Err(Error::file(target, expected, found).into())
    }

    /// The values that the network is given, and the clean ones, if they are known.
    fn prepared(
        &self,
        photo: &Photo,
        target: Option<&PathBuf>,
        number: usize,
    ) -> Result<(Vec<f32>, Option<Vec<f32>>)> {
        let picture = &photo.picture;
        let mut values = picture.values().to_vec();
        let mut clean = match target {
            Some(path) => Some(self.target(picture, path)?),
            None => None,
        };
        if let Some((noise, key)) = &self.noise {
            noise.apply(*key, number as u64, &mut values);
            clean.get_or_insert_with(|| picture.values().to_vec());
        }
        Ok((values, clean))
    }

    fn target(&self, picture: &Picture, path: &Path) -> Result<Vec<f32>> {
        let target = Photo::read(path)?.picture;
        let target = target.with_channels(picture.channels())?;
        if shape(&target) != shape(picture) {
            let size = |picture: &Picture| format!("{} x {}", picture.width(), picture.height());
            let expected = format!("{} pixels, as the picture", size(picture));
            return Err(Error::file(path, expected, size(&target)).into());
        }
        Ok(target.into_values())
    }

    fn restore(&self, photo: &Photo, values: &[f32], shared: &Shared) -> Result<Vec<f32>> {
        let mut parts: Option<(Counter, usize)> = None;
        let progress = |done: usize, all: usize| {
            let (counter, before) =
                parts.get_or_insert_with(|| (Counter::new(shared, "parts of a picture", all), 0));
            counter.add(done - *before);
            *before = done;
        };
        let shape = shape(&photo.picture);
        Ok(self.network.restore(shape, values, self.tile, progress)?)
    }
}

impl Gain {
    fn of(clean: &[f32], noisy: &[f32], restored: &[f32]) -> Self {
        // The result is clipped as its file is; the input is measured as the network has it.
        let clipped: Vec<f32> = restored.iter().map(|v| v.clamp(0.0, 1.0)).collect();
        Self {
            noisy: psnr_db(noisy, clean),
            result: psnr_db(&clipped, clean),
        }
    }
}

fn shape(picture: &Picture) -> (usize, usize, usize) {
    (picture.channels(), picture.height(), picture.width())
}
