//! SVG documents as pixels.

use std::sync::{Arc, LazyLock};

use image::{Rgb, RgbImage};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::font;
use crate::{Error, Result};

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
