//! Hack, the font that the program carries, and the width of text in it.

use epaint_default_fonts::HACK_REGULAR;
use skrifa::prelude::{FontRef, LocationRef, Size};
use skrifa::{GlyphId, MetadataProvider};

/// The font, for the renderer.
pub(super) const BYTES: &[u8] = HACK_REGULAR;

/// Height of capitals above the baseline, as a share of the font's size.
pub(super) const CAP_HEIGHT: f32 = 0.73;

/// The families named in SVG files: Hack first, then fonts that browsers have.
pub(super) const FAMILY: &str = "Hack, 'DejaVu Sans Mono', Menlo, Consolas, monospace";

/// The width of a line of text in pixels, by the font's own advances.
pub(super) fn width(text: &str, size: f32) -> f32 {
    // The tests read the font that is built in.
    let Ok(font) = FontRef::new(BYTES) else {
        return 0.0;
    };
    let glyphs = font.charmap();
    let metrics = font.glyph_metrics(Size::new(size), LocationRef::default());
    text.chars()
        .map(|letter| glyphs.map(letter).unwrap_or(GlyphId::NOTDEF))
        .filter_map(|glyph| metrics.advance_width(glyph))
        .sum()
}

/// Whether the text has letters that the font lacks, of which the renderer draws boxes.
pub(super) fn lacks(text: &str) -> bool {
    let glyphs = FontRef::new(BYTES).map(|font| font.charmap());
    glyphs.is_ok_and(|glyphs| {
        text.chars()
            .any(|c| !c.is_ascii() && glyphs.map(c).is_none())
    })
}

/// The text, or its two ends around an ellipsis, no wider than `limit`. In a path both the folder and the
/// file name tell something.
pub(super) fn shorten(text: &str, size: f32, limit: f32) -> String {
    if width(text, size) <= limit {
        return text.to_string();
    }
    let letters: Vec<char> = text.chars().collect();
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
        if width(&cut(middle), size) <= limit {
            fits = middle;
        } else {
            too_many = middle;
        }
    }
    cut(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_keep_both_ends_and_fit() {
        let path = "pictures/of/digits/that/were/drawn/by/hand/seven.png";
        let limit = 160.0;
        let short = shorten(path, 14.0, limit);
        assert!(width(&short, 14.0) <= limit, "{short}");
        assert!(
            short.starts_with("picture") && short.ends_with("seven.png"),
            "{short}"
        );
        assert!(short.contains('…'), "{short}");
        assert!(
            width(&short, 14.0) > 0.8 * limit,
            "{short} uses little of its room"
        );
        assert_eq!(shorten("7.png", 14.0, limit), "7.png");
    }

    #[test]
    fn the_width_of_a_text_is_the_sum_of_its_letters() {
        assert_eq!(width("", 14.0), 0.0);
        let one = width("m", 14.0);
        assert!((one - 14.0 * 1233.0 / 2048.0).abs() < 1e-3, "{one}");
        assert!((width("mµ1…", 14.0) - 4.0 * one).abs() < 1e-3);
        assert!((width("mmmm", 28.0) - 8.0 * one).abs() < 1e-3);
        // The renderer draws an empty box for what the font lacks.
        assert!(width("数\u{1}", 14.0) > one);
    }
}
