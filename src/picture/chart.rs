//! A finished drawing, written as SVG or PNG, and SVG documents as pixels.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use image::{Rgb, RgbImage};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::font;
use super::png::write_rgb;
use crate::file::{self, Publish};
use crate::{Error, Result};

/// Pixels of the PNG for one of the SVG.
const SCALE: u32 = 2;

/// A drawn chart or network.
#[derive(Debug, Clone)]
pub struct Chart {
    /// A whole document.
    pub(super) svg: String,
    /// Its width and height.
    pub(super) size: (u32, u32),
}

impl Chart {
    /// The drawing as an SVG document.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// Whether pixels show boxes in place of some letters, which a viewer of the SVG has in its fonts.
    pub fn lacks_letters(&self) -> bool {
        font::lacks(&self.svg)
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
    pub fn write(&self, path: impl AsRef<Path>, publish: Publish) -> Result<()> {
        let path = path.as_ref();
        match path.extension().map(|e| e.to_ascii_lowercase()) {
            Some(ending) if ending == "svg" => file::write(path, self.svg.as_bytes(), publish),
            Some(ending) if ending == "png" => write_rgb(path, &self.rasterise()?, publish),
            _ => {
                let expected = "a name ending in .svg or .png";
                Err(Error::file(path, expected, "another"))
            }
        }
    }
}

/// Draws an SVG over a canvas, a square of `scale` pixels a side for each of its pixels.
pub(super) fn draw_over(svg: &str, scale: u32, canvas: &mut RgbImage) -> Result<()> {
    static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
        let mut fonts = fontdb::Database::new();
        fonts.load_font_source(fontdb::Source::Binary(Arc::new(font::BYTES)));
        Arc::new(fonts)
    });
    let options = Options {
        fontdb: FONTS.clone(),
        ..Options::default()
    };
    let tree = Tree::from_str(svg, &options);
    let tree = tree.map_err(|e| Error::argument("drawing", "a valid SVG", e))?;
    let (width, height) = canvas.dimensions();
    let mut pixmap = Pixmap::new(width, height).ok_or_else(|| {
        let found = format!("{width} x {height}");
        Error::argument("drawing", "a size that fits into memory", found)
    })?;
    for (to, from) in pixmap.data_mut().chunks_exact_mut(4).zip(canvas.pixels()) {
        let Rgb([r, g, b]) = *from;
        to.copy_from_slice(&[r, g, b, 255]);
    }
    let transform = Transform::from_scale(scale as f32, scale as f32);
    resvg::render(&tree, transform, &mut pixmap.as_mut());
    // Premultiplied alpha does not change the colours of an opaque pixmap.
    for (to, from) in canvas.pixels_mut().zip(pixmap.pixels()) {
        *to = Rgb([from.red(), from.green(), from.blue()]);
    }
    Ok(())
}
