//! Decoded images over the plane of a two-dimensional code.

use std::path::{Path, PathBuf};

use anyhow::Result;
use autoencode::Error;
use autoencode::codes::{Reader, prior_quantiles, spread};
use autoencode::network::Code;
use autoencode::picture::{ManifoldAxis, manifold};
use candle_core::Tensor;
use clap::Args;
use image::RgbImage;
use serde_json::{Value, json};

use crate::cli::files::png_file;
use crate::cli::model::Loaded;

#[derive(Debug, Args)]
pub struct Manifold {
    /// Draw the decoded images over the plane of a two-value code. With CODES, both axes run from the 1st to
    /// the 99th percentile of the codes; without, for a variational autoencoder, they follow the quantiles of
    /// the prior (Kingma and Welling 2014, appendix A).
    #[arg(long = "manifold", value_name = "FILE.png", value_parser = png_file(), id = "manifold")]
    pub file: Option<PathBuf>,

    /// Images along each axis.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(2..=100), requires = "manifold")]
    steps: u16,
}

/// The picture and the values on its axes.
pub struct DrawnManifold {
    pub file: PathBuf,
    pub picture: RgbImage,
    across: ManifoldAxis,
    down: ManifoldAxis,
}

/// Approximate side of the grid in pixels, and the largest scale factor of an image.
const SIDE: usize = 1200;
const MAX_SCALE: usize = 4;

impl Manifold {
    /// Draws the plane if requested.
    pub fn draw(&self, codes: Option<&Path>, loaded: &Loaded) -> Result<Option<DrawnManifold>> {
        let Some(file) = self.file.clone() else {
            return Ok(None);
        };
        let [first, second] = self.values(codes, loaded)?;
        let mut images = Vec::with_capacity(first.len() * second.len());
        // Rows run from the top down, so the second value decreases.
        for y in second.iter().rev() {
            let row = first.iter().flat_map(|x| [*x as f32, *y as f32]).collect();
            let shape = [&[first.len()], loaded.model().code_shape()].concat();
            let row = Tensor::from_vec::<_, f32>(row, shape, &loaded.device)?;
            images.extend(loaded.decode(&row)?);
        }
        let longest = images.iter().map(|image| image.height().max(image.width()));
        let side = longest.max().unwrap_or(1) * usize::from(self.steps);
        let scale = (SIDE / side).clamp(1, MAX_SCALE);
        let title = match codes {
            Some(_) => "decoded over the range of the codes",
            None => "decoded at the quantiles of the prior",
        };
        let title = format!("{}: {title}", loaded.name());
        let axis = |name: &str, values| ManifoldAxis {
            name: name.to_string(),
            values,
        };
        let (across, down) = (axis("code_0", first), axis("code_1", second));
        let picture = manifold(&title, &images, &across, &down, scale)?;
        Ok(Some(DrawnManifold {
            file,
            picture,
            across,
            down,
        }))
    }

    /// The values on both axes.
    fn values(&self, codes: Option<&Path>, loaded: &Loaded) -> Result<[Vec<f64>; 2]> {
        let shape = loaded.model().code_shape();
        if loaded.code_len() != 2 {
            let expected = "a network with a code of 2 values (none ships with the program: `autoencode train \
                            vae-2d` makes one, for --checkpoint runs/vae-2d; for others see `autoencode \
                            interpolate`)";
            let found = format!(
                "{}, with a code of shape {shape:?}",
                loaded.origin.display()
            );
            return Err(Error::argument("--manifold", expected, found).into());
        }
        let count = usize::from(self.steps);
        let Some(path) = codes else {
            if let Code::Gaussian { .. } = loaded.model().code() {
                return Ok([prior_quantiles(count), prior_quantiles(count)]);
            }
            let expected =
                "CODES whose range to draw (see `autoencode encode`), as the network has no prior";
            return Err(Error::argument("--manifold", expected, "none").into());
        };
        let mut both = [Vec::new(), Vec::new()];
        let mut reader = Reader::open(path, shape)?;
        while let Some(rows) = reader.read(1 << 16)? {
            let values: Vec<f32> = rows.codes.flatten_all()?.to_vec1()?;
            for pair in values.chunks_exact(2) {
                for (axis, value) in both.iter_mut().zip(pair) {
                    axis.push(*value);
                }
            }
        }
        Ok(both.map(|values| spread(&values, count)))
    }
}

impl DrawnManifold {
    pub fn to_json(&self) -> Value {
        json!({
            "file": self.file.to_string_lossy(),
            "code_0": self.across.values,
            "code_1": self.down.values,
        })
    }

    pub fn to_text(&self) -> String {
        let axis = |axis: &ManifoldAxis| match axis.values.as_slice() {
            [first, .., last] => format!("{} {first:.2} to {last:.2}", axis.name),
            _ => axis.name.clone(),
        };
        format!(
            "{} x {} images, {}, {} -> {}",
            self.across.values.len(),
            self.down.values.len(),
            axis(&self.across),
            axis(&self.down),
            self.file.display()
        )
    }
}
