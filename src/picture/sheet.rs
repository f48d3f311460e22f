//! Contact sheets: pictures side by side, with words around them.

use image::{Rgb, RgbImage};

use super::canvas::{MAX_SIDE, draw, new_canvas};
use super::font::width;
use super::palette::{INK, SOFT_INK};
use super::raster::Picture;
use super::svg::{Anchor, Svg, TextStyle};
use crate::{Error, Result};

pub(super) const PAGE: Rgb<u8> = Rgb([250, 250, 250]);
const FRAME: Rgb<u8> = Rgb([150, 150, 150]);
pub(super) const TITLE: TextStyle = TextStyle::new(17.0, INK);
const LABEL: TextStyle = TextStyle::new(14.0, INK);
pub(super) const CAPTION: TextStyle = TextStyle::new(12.0, SOFT_INK);
pub(super) const MARGIN: usize = 16;
pub(super) const GAP: usize = 8;
/// The most pixels for a row label, for a column label or caption, and for a title on a narrow sheet.
const ROW_LABEL_LIMIT: f32 = 240.0;
const TILE_LABEL_LIMIT: f32 = 112.0;
pub(super) const TITLE_LIMIT: f32 = 560.0;

/// A titled grid of pictures, with a label for every row and column and a caption under every tile where
/// they are given.
///
/// All tiles have one size: `scale` times that of most pictures. A picture of another size is shrunk (by area)
/// or magnified (by whole pixels) into its tile and keeps its shape. Labels too long for their place are
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

    /// A label left of each row.
    pub fn row_labels<S: Into<String>>(mut self, labels: impl IntoIterator<Item = S>) -> Self {
        self.row_labels = labels.into_iter().map(Into::into).collect();
        self
    }

    /// A label above each column.
    pub fn column_labels<S: Into<String>>(mut self, labels: impl IntoIterator<Item = S>) -> Self {
        self.column_labels = labels.into_iter().map(Into::into).collect();
        self
    }

    /// A caption under each tile, row by row; an empty string is none.
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

    /// The side of the square of pixels that each pixel of a picture becomes (4 if not set).
    pub fn scale(mut self, scale: usize) -> Self {
        self.scale = scale;
        self
    }

    /// Draws the sheet.
    ///
    /// # Errors
    /// If there is no picture, or the sheet would have a side over 16,384 pixels.
    pub fn render(&self) -> Result<RgbImage> {
        let grid = SheetGrid::of(self)?;
        let mut canvas = new_canvas("sheet", grid.width, grid.height, PAGE)?;
        let mut words = Svg::default();
        draw_title(&mut words, &self.title, grid.width);
        let limit = grid.column_width as f32;
        for (column, label) in self.column_labels.iter().take(grid.columns).enumerate() {
            let above = (grid.top - GAP) as f32 - 0.5 * LABEL.cap_height();
            let at = (grid.column_middle(column), above);
            words.fitted(at, Anchor::Middle, label, LABEL, limit);
        }
        for (r, row) in self.rows.iter().enumerate() {
            let top = grid.top + r * grid.row_pitch;
            let bottom = top + grid.tile.0;
            if let Some(label) = self.row_labels.get(r) {
                let at = ((grid.left - GAP) as f32, (top + bottom) as f32 / 2.0);
                words.fitted(at, Anchor::End, label, LABEL, ROW_LABEL_LIMIT);
            }
            let captions = self.captions.get(r);
            for (c, picture) in row.iter().enumerate() {
                let corner = (grid.tile_left(c), top);
                draw(&mut canvas, picture, corner, grid.tile, Some(FRAME));
                if let Some(caption) = captions.and_then(|row| row.get(c)) {
                    let below = (bottom + GAP / 2 + 1) as f32 + 0.5 * CAPTION.cap_height();
                    let at = (grid.column_middle(c), below);
                    words.fitted(at, Anchor::Middle, caption, CAPTION, limit);
                }
            }
        }
        words.draw_on(&mut canvas)?;
        Ok(canvas)
    }
}

/// The places of a sheet's parts, in pixels.
struct SheetGrid {
    width: usize,
    height: usize,
    columns: usize,
    /// Height and width of a tile.
    tile: (usize, usize),
    /// A column is as wide as its tile, its label and its captions need.
    column_width: usize,
    /// The corner of the first tile's column and row.
    left: usize,
    top: usize,
    row_pitch: usize,
}

impl SheetGrid {
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
        let column_width = tile
            .1
            .max(widest(&sheet.column_labels, LABEL, TILE_LABEL_LIMIT))
            .max(widest(captions(), CAPTION, TILE_LABEL_LIMIT));
        let mut row_pitch = tile.0.saturating_add(GAP);
        if captions().any(|text| !text.is_empty()) {
            row_pitch = row_pitch.saturating_add(CAPTION.size as usize + GAP / 2);
        }

        let labels = widest(&sheet.row_labels, LABEL, ROW_LABEL_LIMIT);
        let left = MARGIN + if labels > 0 { labels + GAP } else { 0 };
        let mut top = MARGIN;
        if !sheet.title.is_empty() {
            top += TITLE.size as usize + GAP;
        }
        if sheet.column_labels.iter().any(|text| !text.is_empty()) {
            top += LABEL.size as usize + GAP;
        }
        let across = columns.saturating_mul(column_width.saturating_add(GAP)) - GAP;
        let down = sheet.rows.len().saturating_mul(row_pitch);
        let title = widest([&sheet.title], TITLE, TITLE_LIMIT);
        Ok(Self {
            width: (left.saturating_add(across)).max(MARGIN + title) + MARGIN,
            height: down.saturating_add(top) - GAP + MARGIN,
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

/// Height and width of most pictures; the smaller of two equally frequent sizes.
fn usual_size(rows: &[Vec<Picture>]) -> Option<(usize, usize)> {
    let mut sizes = std::collections::BTreeMap::new();
    for picture in rows.iter().flatten() {
        *sizes.entry(picture.size()).or_insert(0usize) += 1;
    }
    let area = |size: &(usize, usize)| std::cmp::Reverse(size.0 * size.1);
    sizes
        .into_iter()
        .max_by_key(|(size, count)| (*count, area(size)))
        .map(|(size, _)| size)
}

/// Draws the title on a drawing of `width` pixels across.
pub(super) fn draw_title(svg: &mut Svg, title: &str, width: usize) {
    let at = (MARGIN as f32, MARGIN as f32 + 0.5 * TITLE.cap_height());
    let limit = (width - 2 * MARGIN) as f32;
    svg.fitted(at, Anchor::Start, title, TITLE, limit);
}

/// Whole pixels for the widest of the texts, at most `limit`.
pub(super) fn widest<'a>(
    texts: impl IntoIterator<Item = &'a String>,
    style: TextStyle,
    limit: f32,
) -> usize {
    let widths = texts.into_iter().map(|text| width(text, style.size));
    widths.fold(0.0, f32::max).min(limit).ceil() as usize
}
