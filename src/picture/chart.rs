//! A finished drawing, written as SVG or PNG.

use std::path::Path;

use image::RgbImage;

use super::png::write_rgb;
use super::render::rasterise;
use crate::{Error, Result, file};

/// Pixels of the PNG for one of the SVG.
const SCALE: u32 = 2;

/// A drawn chart or network.
#[derive(Debug, Clone)]
pub struct Chart {
    svg: String,
}

impl Chart {
    /// A drawing from a whole SVG document.
    pub(super) fn new(svg: String) -> Self {
        Self { svg }
    }

    /// The drawing as an SVG document.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// The drawing in pixels, at twice its size.
    pub fn rasterise(&self) -> Result<RgbImage> {
        rasterise(&self.svg, SCALE)
    }

    /// Writes the drawing, whole or not at all, as SVG or PNG by the name's ending.
    ///
    /// # Errors
    /// If the name has another ending, or the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        match path.extension().map(|e| e.to_ascii_lowercase()) {
            Some(ending) if ending == "svg" => file::replace(path, self.svg.as_bytes()),
            Some(ending) if ending == "png" => write_rgb(path, &self.rasterise()?),
            _ => Err(Error::file(
                path,
                "a name ending in .svg or .png",
                "another",
            )),
        }
    }
}
