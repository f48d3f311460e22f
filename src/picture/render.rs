//! SVG documents as pixels.

use std::sync::{Arc, LazyLock};

use image::{Rgb, RgbImage};
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::font;
use crate::{Error, Result};

/// An SVG drawn `scale` times its size on white.
pub(super) fn rasterise(svg: &str, scale: u32) -> Result<RgbImage> {
    let tree = parse(svg)?;
    let factor = scale as f32;
    // Casts from float saturate, and the pixmap refuses sizes that are too large.
    let width = (tree.size().width() * factor).round() as u32;
    let height = (tree.size().height() * factor).round() as u32;
    let mut pixmap = pixmap(width, height)?;
    pixmap.fill(Color::WHITE);
    let transform = Transform::from_scale(factor, factor);
    resvg::render(&tree, transform, &mut pixmap.as_mut());
    let mut canvas = RgbImage::new(width, height);
    copy_opaque(&pixmap, &mut canvas);
    Ok(canvas)
}

/// Draws an SVG over a canvas, a pixel for a pixel.
pub(super) fn draw_over(svg: &str, canvas: &mut RgbImage) -> Result<()> {
    let (width, height) = canvas.dimensions();
    let mut pixmap = pixmap(width, height)?;
    for (to, from) in pixmap.data_mut().chunks_exact_mut(4).zip(canvas.pixels()) {
        let Rgb([r, g, b]) = *from;
        to.copy_from_slice(&[r, g, b, 255]);
    }
    resvg::render(&parse(svg)?, Transform::identity(), &mut pixmap.as_mut());
    copy_opaque(&pixmap, canvas);
    Ok(())
}

fn parse(svg: &str) -> Result<Tree> {
    static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
        let mut fonts = fontdb::Database::new();
        fonts.load_font_source(fontdb::Source::Binary(Arc::new(font::BYTES)));
        Arc::new(fonts)
    });
    let options = Options {
        fontdb: FONTS.clone(),
        ..Options::default()
    };
    Tree::from_str(svg, &options).map_err(|e| Error::argument("drawing", "a valid SVG", e))
}

fn pixmap(width: u32, height: u32) -> Result<Pixmap> {
    Pixmap::new(width, height).ok_or_else(|| {
        let found = format!("{width} x {height}");
        Error::argument("drawing", "a size that fits into memory", found)
    })
}

/// Premultiplied alpha does not change the colours of an opaque pixmap.
fn copy_opaque(pixmap: &Pixmap, canvas: &mut RgbImage) {
    for (to, from) in canvas.pixels_mut().zip(pixmap.pixels()) {
        *to = Rgb([from.red(), from.green(), from.blue()]);
    }
}
