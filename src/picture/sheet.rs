//! Contact sheets: pictures side by side, with words around them.

use image::{Rgb, RgbImage};

use super::Picture;
use super::text::{self, Anchor, CAP_HEIGHT, Label};
use super::tile::draw_tile;
use crate::{Error, Result};

pub(super) const PAGE: Rgb<u8> = Rgb([250, 250, 250]);
pub(super) const INK: Rgb<u8> = Rgb([25, 25, 25]);
pub(super) const SOFT_INK: Rgb<u8> = Rgb([85, 85, 85]);

pub(super) const TITLE_SIZE: f32 = 17.0;
const LABEL_SIZE: f32 = 14.0;
pub(super) const CAPTION_SIZE: f32 = 12.0;
pub(super) const MARGIN: usize = 16;
pub(super) const GAP: usize = 8;
/// What a row label, a column label and a caption, and a title on a narrow sheet may take.
const ROW_LABEL_LIMIT: f32 = 240.0;
const TILE_LABEL_LIMIT: f32 = 112.0;
const TITLE_LIMIT: f32 = 560.0;
/// The longest side that is drawn.
const MAX_SIDE: usize = 16_384;

/// A titled grid of pictures, with a label for every row and column and a caption under every tile where
/// they are given.
///
/// All tiles have one size: that of most pictures, `scale` times. A picture of another size is shrunk (by
/// area) or magnified (whole pixels) into its tile, keeping its shape. Labels too long for their place are
/// shortened in the middle.
///
/// ```
/// use autoencode::picture::{ContactSheet, Picture};
///
/// # fn main() -> autoencode::Result<()> {
/// let digit = Picture::new(1, 28, 28, vec![0.5; 784])?;
/// let sheet = ContactSheet::new("two of a kind")
///     .rows(vec![vec![digit.clone(), digit]])
///     .row_labels(["grey.png"])
///     .column_labels(["noisy", "denoised"])
///     .captions([["", "21.3 dB"]])
///     .scale(4)
///     .render()?;
/// assert!(sheet.width() > 2 * 28 * 4);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ContactSheet {
    title: String,
    rows: Vec<Vec<Picture>>,
    row_labels: Vec<String>,
    column_labels: Vec<String>,
    captions: Vec<Vec<String>>,
    scale: usize,
}

impl ContactSheet {
    /// An empty sheet; an empty title takes no place.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            rows: Vec::new(),
            row_labels: Vec::new(),
            column_labels: Vec::new(),
            captions: Vec::new(),
            scale: 4,
        }
    }

    /// The pictures, row by row; a short row leaves its last places empty.
    pub fn rows(mut self, rows: Vec<Vec<Picture>>) -> Self {
        self.rows = rows;
        self
    }

    /// What stands left of each row.
    pub fn row_labels<S: Into<String>>(mut self, labels: impl IntoIterator<Item = S>) -> Self {
        self.row_labels = labels.into_iter().map(Into::into).collect();
        self
    }

    /// What stands above each column.
    pub fn column_labels<S: Into<String>>(mut self, labels: impl IntoIterator<Item = S>) -> Self {
        self.column_labels = labels.into_iter().map(Into::into).collect();
        self
    }

    /// What stands under each tile, row by row; an empty string is none.
    pub fn captions<S: Into<String>, R: IntoIterator<Item = S>>(
        mut self,
        captions: impl IntoIterator<Item = R>,
    ) -> Self {
        self.captions = captions
            .into_iter()
            .map(|row| row.into_iter().map(Into::into).collect())
            .collect();
        self
    }

    /// How many pixels a side each pixel of a picture becomes (4 if not set).
    pub fn scale(mut self, scale: usize) -> Self {
        self.scale = scale;
        self
    }

    /// Draws the sheet.
    pub fn render(&self) -> Result<RgbImage> {
        let layout = Layout::of(self)?;
        let width = side(layout.width)?;
        let height = side(layout.height)?;
        let mut canvas = RgbImage::from_pixel(width, height, PAGE);
        let mut labels = Vec::new();
        if !self.title.is_empty() {
            let limit = (layout.width - 2 * MARGIN) as f32;
            labels.push(Label {
                text: text::shorten(&self.title, TITLE_SIZE, limit)?,
                x: MARGIN as f32,
                baseline: MARGIN as f32 + CAP_HEIGHT * TITLE_SIZE,
                anchor: Anchor::Start,
                size: TITLE_SIZE,
                color: INK,
            });
        }
        for (at, label) in self.column_labels.iter().take(layout.columns).enumerate() {
            labels.push(Label {
                text: text::shorten(label, LABEL_SIZE, layout.column_width as f32)?,
                x: layout.column_middle(at),
                baseline: (layout.top - GAP) as f32,
                anchor: Anchor::Middle,
                size: LABEL_SIZE,
                color: INK,
            });
        }
        for (r, row) in self.rows.iter().enumerate() {
            let top = layout.top + r * layout.row_pitch;
            if let Some(label) = self.row_labels.get(r) {
                labels.push(Label {
                    text: text::shorten(label, LABEL_SIZE, ROW_LABEL_LIMIT)?,
                    x: (layout.left - GAP) as f32,
                    baseline: top as f32 + (layout.tile.0 as f32 + CAP_HEIGHT * LABEL_SIZE) / 2.0,
                    anchor: Anchor::End,
                    size: LABEL_SIZE,
                    color: INK,
                });
            }
            for (c, picture) in row.iter().enumerate() {
                let left = layout.tile_left(c);
                draw_tile(&mut canvas, picture, (left, top), layout.tile);
                let caption = self.captions.get(r).and_then(|row| row.get(c));
                if let Some(caption) = caption.filter(|text| !text.is_empty()) {
                    let below = (top + layout.tile.0 + GAP / 2) as f32;
                    labels.push(Label {
                        text: text::shorten(caption, CAPTION_SIZE, layout.column_width as f32)?,
                        x: layout.column_middle(c),
                        baseline: below + 1.0 + CAP_HEIGHT * CAPTION_SIZE,
                        anchor: Anchor::Middle,
                        size: CAPTION_SIZE,
                        color: SOFT_INK,
                    });
                }
            }
        }
        text::draw(&mut canvas, &labels)?;
        Ok(canvas)
    }
}

/// Where everything goes, in pixels.
struct Layout {
    width: usize,
    height: usize,
    columns: usize,
    /// Height and width of a tile.
    tile: (usize, usize),
    /// A column is as wide as its tile, its label and its captions need.
    column_width: usize,
    /// Where the first column and the first tile's row start.
    left: usize,
    top: usize,
    row_pitch: usize,
}

impl Layout {
    fn of(sheet: &ContactSheet) -> Result<Self> {
        let columns = sheet.rows.iter().map(Vec::len).max().unwrap_or(0);
        let size = usual_size(&sheet.rows);
        let (Some((height, width)), 1..=MAX_SIDE) = (size, sheet.scale) else {
            let expected = format!("pictures at a scale of 1 to {MAX_SIDE}");
            let found = format!("{} rows at scale {}", sheet.rows.len(), sheet.scale);
            return Err(Error::argument("sheet", expected, found));
        };
        let scaled = |n: usize| n.saturating_mul(sheet.scale);
        let tile = (scaled(height), scaled(width));

        let captions = || sheet.captions.iter().flatten();
        let words = widest(&sheet.column_labels, LABEL_SIZE, TILE_LABEL_LIMIT)?.max(widest(
            captions(),
            CAPTION_SIZE,
            TILE_LABEL_LIMIT,
        )?);
        let column_width = tile.1.max(words);
        let captioned = captions().any(|text| !text.is_empty());
        let caption_height = if captioned {
            CAPTION_SIZE as usize + GAP / 2
        } else {
            0
        };
        let row_pitch = tile.0.saturating_add(caption_height + GAP);

        let labels = widest(&sheet.row_labels, LABEL_SIZE, ROW_LABEL_LIMIT)?;
        let left = MARGIN + if labels > 0 { labels + GAP } else { 0 };
        let mut top = MARGIN;
        if !sheet.title.is_empty() {
            top += TITLE_SIZE as usize + GAP;
        }
        if sheet.column_labels.iter().any(|text| !text.is_empty()) {
            top += LABEL_SIZE as usize + GAP;
        }
        let grid = columns.saturating_mul(column_width.saturating_add(GAP)) - GAP;
        let title = widest([&sheet.title], TITLE_SIZE, TITLE_LIMIT)?;
        Ok(Self {
            width: (left.saturating_add(grid)).max(MARGIN + title) + MARGIN,
            height: sheet
                .rows
                .len()
                .saturating_mul(row_pitch)
                .saturating_add(top)
                - GAP
                + MARGIN,
            columns,
            tile,
            column_width,
            left,
            top,
            row_pitch,
        })
    }

    fn column_left(&self, column: usize) -> usize {
        self.left + column * (self.column_width + GAP)
    }

    fn column_middle(&self, column: usize) -> f32 {
        self.column_left(column) as f32 + self.column_width as f32 / 2.0
    }

    fn tile_left(&self, column: usize) -> usize {
        self.column_left(column) + (self.column_width - self.tile.1) / 2
    }
}

/// A side that a canvas may have.
pub(super) fn side(pixels: usize) -> Result<u32> {
    match u32::try_from(pixels) {
        Ok(side) if pixels <= MAX_SIDE => Ok(side),
        _ => {
            let expected = format!("at most {MAX_SIDE} pixels a side (fewer pictures a sheet)");
            Err(Error::argument("sheet", expected, pixels))
        }
    }
}

/// Height and width that most pictures have; of two equally frequent sizes the smaller.
fn usual_size(rows: &[Vec<Picture>]) -> Option<(usize, usize)> {
    let mut sizes = std::collections::BTreeMap::new();
    for picture in rows.iter().flatten() {
        *sizes
            .entry((picture.height(), picture.width()))
            .or_insert(0usize) += 1;
    }
    let area = |size: &(usize, usize)| std::cmp::Reverse(size.0 * size.1);
    sizes
        .into_iter()
        .max_by_key(|(size, count)| (*count, area(size)))
        .map(|(size, _)| size)
}

/// Whole pixels for the widest of the texts, at most `limit`.
fn widest<'a>(texts: impl IntoIterator<Item = &'a String>, size: f32, limit: f32) -> Result<usize> {
    let mut most = 0f32;
    for text in texts {
        most = most.max(text::width(text, size)?);
    }
    Ok(most.min(limit).ceil() as usize)
}
