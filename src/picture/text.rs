//! Text on canvases, in Hack, the font that the program carries.

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use image::{Rgb, RgbImage};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use crate::{Error, Result};

/// Where a label's `x` lies in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A line of text.
#[derive(Debug, Clone)]
pub(super) struct Label {
    pub text: String,
    /// The place of the anchor, and of the line that the letters stand on.
    pub x: f32,
    pub baseline: f32,
    pub anchor: Anchor,
    /// Pixels.
    pub size: f32,
    pub color: Rgb<u8>,
}

/// How far capitals rise over the baseline, as a share of the font's size.
pub(super) const CAP_HEIGHT: f32 = 0.73;

/// The families named in SVG files: the font that the program carries first, then what browsers have.
pub(super) const FAMILY: &str = "Hack, 'DejaVu Sans Mono', Menlo, Consolas, monospace";

/// The font, loaded once. Hack is drawn for small sizes on screens.
fn fonts() -> Arc<fontdb::Database> {
    static FONTS: OnceLock<Arc<fontdb::Database>> = OnceLock::new();
    FONTS
        .get_or_init(|| {
            let mut fonts = fontdb::Database::new();
            let face = epaint_default_fonts::HACK_REGULAR;
            fonts.load_font_source(fontdb::Source::Binary(Arc::new(face)));
            // Whatever family an SVG names, there are no others to be found.
            fonts.set_serif_family("Hack");
            fonts.set_sans_serif_family("Hack");
            fonts.set_monospace_family("Hack");
            Arc::new(fonts)
        })
        .clone()
}

fn parse(svg: &str) -> Result<Tree> {
    let options = Options {
        fontdb: fonts(),
        font_family: "Hack".to_string(),
        ..Options::default()
    };
    Tree::from_str(svg, &options).map_err(|e| Error::argument("drawing", "a valid SVG", e))
}

/// The width of a line in pixels.
pub(super) fn width(text: &str, size: f32) -> Result<f32> {
    if text.trim().is_empty() {
        return Ok(0.0);
    }
    let svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text font-family="{FAMILY}" font-size="{size}" xml:space="preserve">{}</text></svg>"#,
        escape(text)
    );
    Ok(parse(&svg)?.root().abs_bounding_box().width())
}

/// The text, or its two ends around an ellipsis, no wider than `limit`: of a path the folder and the file
/// name both tell something.
pub(super) fn shorten(text: &str, size: f32, limit: f32) -> Result<String> {
    let letters: Vec<char> = text.chars().map(printable).collect();
    let whole: String = letters.iter().collect();
    if width(&whole, size)? <= limit {
        return Ok(whole);
    }
    let cut = |kept: usize| -> String {
        let head = kept / 2;
        let tail = letters.len().saturating_sub(kept - head);
        let ends = (letters.iter().take(head), letters.iter().skip(tail));
        ends.0.chain(['…'].iter()).chain(ends.1).collect()
    };
    // The largest number of letters that fits, between none and all but one.
    let (mut fits, mut too_many) = (0, letters.len());
    while fits + 1 < too_many {
        let middle = (fits + too_many) / 2;
        if width(&cut(middle), size)? <= limit {
            fits = middle;
        } else {
            too_many = middle;
        }
    }
    Ok(cut(fits))
}

/// Draws the labels onto the canvas.
pub(super) fn draw(canvas: &mut RgbImage, labels: &[Label]) -> Result<()> {
    let (width, height) = canvas.dimensions();
    let mut svg =
        format!(r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">"#);
    for label in labels {
        let anchor = match label.anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let Rgb([r, g, b]) = label.color;
        let (x, y, size) = (label.x, label.baseline, label.size);
        // Writing to a string cannot fail.
        let _ = write!(
            svg,
            r#"<text x="{x}" y="{y}" font-family="{FAMILY}" font-size="{size}" text-anchor="{anchor}" fill="rgb({r},{g},{b})" xml:space="preserve">{}</text>"#,
            escape(&label.text)
        );
    }
    svg.push_str("</svg>");
    let mut pixmap = pixmap(width, height)?;
    for (to, from) in pixmap.data_mut().chunks_exact_mut(4).zip(canvas.pixels()) {
        let Rgb([r, g, b]) = *from;
        to.copy_from_slice(&[r, g, b, 255]);
    }
    resvg::render(&parse(&svg)?, Transform::identity(), &mut pixmap.as_mut());
    copy_opaque(&pixmap, canvas);
    Ok(())
}

/// An SVG drawn `scale` times its size on white.
pub(super) fn rasterise(svg: &str, scale: u32) -> Result<RgbImage> {
    let tree = parse(svg)?;
    let factor = scale as f32;
    // Casts from float saturate, and the pixmap refuses what is too large.
    let width = (tree.size().width() * factor).round() as u32;
    let height = (tree.size().height() * factor).round() as u32;
    let mut pixmap = pixmap(width, height)?;
    pixmap.fill(resvg::tiny_skia::Color::WHITE);
    resvg::render(
        &tree,
        Transform::from_scale(factor, factor),
        &mut pixmap.as_mut(),
    );
    let mut canvas = RgbImage::new(width, height);
    copy_opaque(&pixmap, &mut canvas);
    Ok(canvas)
}

fn pixmap(width: u32, height: u32) -> Result<Pixmap> {
    Pixmap::new(width, height).ok_or_else(|| {
        let found = format!("{width} x {height}");
        Error::argument("drawing", "a size that fits into memory", found)
    })
}

/// An opaque pixmap's colours are not changed by its premultiplied alpha.
fn copy_opaque(pixmap: &Pixmap, canvas: &mut RgbImage) {
    for (to, from) in canvas.pixels_mut().zip(pixmap.pixels()) {
        *to = Rgb([from.red(), from.green(), from.blue()]);
    }
}

/// XML takes no control characters, which file names may hold.
fn printable(c: char) -> char {
    if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') {
        '\u{fffd}'
    } else {
        c
    }
}

/// Text as XML takes it.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().map(printable) {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_keep_both_ends_and_fit() -> Result<()> {
        let path = "pictures/of/digits/that/were/drawn/by/hand/seven.png";
        let limit = 160.0;
        let short = shorten(path, 14.0, limit)?;
        assert!(width(&short, 14.0)? <= limit, "{short}");
        assert!(
            short.starts_with("picture") && short.ends_with("seven.png"),
            "{short}"
        );
        assert!(short.contains('…'), "{short}");
        assert!(
            width(&short, 14.0)? > 0.8 * limit,
            "{short} uses little of its room"
        );
        assert_eq!(shorten("7.png", 14.0, limit)?, "7.png");
        Ok(())
    }

    #[test]
    fn a_text_as_wide_as_it_is_long() -> Result<()> {
        assert_eq!(width("", 14.0)?, 0.0);
        let one = width("m", 14.0)?;
        assert!((5.0..14.0).contains(&one), "{one}");
        assert!((width("mmmm", 14.0)? - 4.0 * one).abs() < 0.5);
        assert!((width("mmmm", 28.0)? - 8.0 * one).abs() < 0.5);
        Ok(())
    }
}
