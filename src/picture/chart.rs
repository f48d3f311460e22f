//! A finished drawing, written as SVG or PNG.

use std::path::Path;

use image::{Rgb, RgbImage};

use super::png::write_rgb;
use super::render::draw_over;
use crate::{Error, Result, file};

/// Pixels of the PNG for one of the SVG.
const SCALE: u32 = 2;

/// A drawn chart or network.
#[derive(Debug, Clone)]
pub struct Chart {
    svg: String,
    size: (u32, u32),
}

impl Chart {
    /// A drawing from a whole SVG document of that width and height.
    pub(super) fn new(svg: String, size: (u32, u32)) -> Self {
        Self { svg, size }
    }

    /// The drawing as an SVG document.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// The drawing in pixels, at twice its size.
    pub fn rasterise(&self) -> Result<RgbImage> {
        let (width, height) = self.size;
        let mut canvas = RgbImage::from_pixel(SCALE * width, SCALE * height, Rgb([255; 3]));
        draw_over(&self.svg, SCALE, &mut canvas)?;
        Ok(canvas)
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
            _ => {
                let expected = "a name ending in .svg or .png";
                Err(Error::file(path, expected, "another"))
            }
        }
    }
}
