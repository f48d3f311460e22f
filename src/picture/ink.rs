//! The ink on a page: whether it is darker or lighter than the page, how much of the difference is noise, and
//! where the ink is.

use super::resample::resize;

/// A plane of `height * width` values.
#[derive(Debug, Clone)]
pub(super) struct Plane {
    pub height: usize,
    pub width: usize,
    pub values: Vec<f32>,
}

/// Smaller differences from the background do not count; the steps of 8-bit pictures are 0.004.
const FAINTEST: f32 = 0.04;
/// Longer sides are shrunk to this before looking for ink. A digit over a fiftieth of the page then still has
/// the 20 pixels that the network reads.
const WORKING_SIDE: usize = 1_024;
/// Bytes that finding ink takes at most for each pixel that is looked through.
const BYTES_A_PIXEL: u64 = 128;
/// Parts of the writing smaller than this share of its largest part are specks.
const SPECK: f32 = 0.03;

/// Bytes that finding ink takes at most in a picture of this many pixels, beside the picture.
pub(super) fn working_bytes(pixels: usize) -> u64 {
    BYTES_A_PIXEL * pixels.min(WORKING_SIDE * WORKING_SIDE) as u64
}

impl Plane {
    /// Shrinks a large page to a size that is quick to look through.
    pub fn reduced(self) -> Self {
        let longest = self.height.max(self.width);
        if longest <= WORKING_SIDE {
            return self;
        }
        let shrink = |side: usize| (side * WORKING_SIDE / longest).max(1);
        self.resized(shrink(self.height), shrink(self.width))
    }

    pub fn resized(&self, height: usize, width: usize) -> Self {
        Self {
            height,
            width,
            values: resize(&self.values, (self.height, self.width), (height, width)),
        }
    }

    /// Row, column and value of the pixels along the edges: a frame of a 32nd of the shorter side, at least one
    /// pixel wide.
    pub fn frame(&self) -> impl Iterator<Item = (usize, usize, f32)> {
        let thick = (self.height.min(self.width) / 32).max(1);
        let inner = move |at: usize, side: usize| at >= thick && at + thick < side;
        self.placed()
            .filter(move |&(y, x, _)| !(inner(y, self.height) && inner(x, self.width)))
    }

    pub fn border(&self) -> Vec<f32> {
        self.frame().map(|(_, _, v)| v).collect()
    }

    /// Row, column and value of every pixel.
    pub fn placed(&self) -> impl Iterator<Item = (usize, usize, f32)> {
        let rows = self.values.chunks_exact(self.width).enumerate();
        rows.flat_map(|(y, row)| row.iter().enumerate().map(move |(x, v)| (y, x, *v)))
    }

    /// Smoothed by a box of a hundredth of the picture, or, if noise would still look like ink, by one of a
    /// fortieth, at least three pixels wide.
    fn smoothed(&self) -> Self {
        let side = self.height.max(self.width);
        let little = self.box_mean(side / 200);
        let (low, high) = range(&little.values);
        if 12.0 * spread(little.border()) < high - low {
            return little;
        }
        self.box_mean((side / 80).max(1))
    }

    /// The mean over a square of `2 * radius + 1` pixels a side.
    fn box_mean(&self, radius: usize) -> Self {
        if radius == 0 {
            return self.clone();
        }
        let across = box_rows(&self.values, self.width, radius);
        let turned = transpose(&across, self.height, self.width);
        let down = box_rows(&turned, self.height, radius);
        Self {
            values: transpose(&down, self.width, self.height),
            ..*self
        }
    }

    /// Whether the page is lighter than the ink on it: the median of its border is farther from the darkest
    /// than from the lightest value.
    pub fn is_light(&self) -> bool {
        let page = median(self.border());
        let (low, high) = range(&self.smoothed().values);
        page - low > high - page
    }

    /// The ink of a light-on-dark page, cropped: background 0, full strokes 1. None if the page is uniform, or
    /// nothing on it stands out from its noise.
    pub fn ink(&self) -> Option<Self> {
        let smooth = self.smoothed();
        let page = median(self.border());
        let peak = range(&smooth.values).1 - page;
        let noise = spread(smooth.border());
        if peak < FAINTEST || peak < 5.0 * noise {
            return None;
        }
        let threshold = page + (3.5 * noise).clamp(0.3 * peak, 0.6 * peak);
        let mask: Vec<bool> = smooth.values.iter().map(|v| *v > threshold).collect();
        let mask = without_specks(&mask, self.width);

        let strokes = self.values.iter().zip(&mask);
        let strokes = strokes.filter_map(|(v, inked)| inked.then_some(*v));
        // Most of a stroke has its full strength; its edge does not.
        let full = (quantile(strokes.collect(), 0.8) - page).max(FAINTEST);
        let floor = (2.0 * spread(self.border())).min(0.3 * full);

        let (top, left, height, width) = bounds(&mask, self.width)?;
        let values = self
            .values
            .chunks_exact(self.width)
            .skip(top)
            .take(height)
            .flat_map(|row| row.iter().skip(left).take(width))
            .map(|v| ((v - page - floor) / (full - floor)).clamp(0.0, 1.0))
            .collect();
        Some(Self {
            height,
            width,
            values,
        })
    }

    /// The ratio of the ink's difference from the page to the noise, for dark and light ink alike.
    pub fn contrast(&self) -> f32 {
        let page = median(self.border());
        let (low, high) = range(&self.smoothed().values);
        (high - page).max(page - low) / (spread(self.border()) + 0.02)
    }
}

pub(super) fn median(values: Vec<f32>) -> f32 {
    quantile(values, 0.5)
}

/// The value below which the share `q` of the values lies; 0 without values.
pub(super) fn quantile(mut values: Vec<f32>, q: f32) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let at = (values.len() as f32 * q) as usize;
    let at = at.min(values.len() - 1);
    *values.select_nth_unstable_by(at, f32::total_cmp).1
}

/// The standard deviation of most of the values, from the median distance to their median; a stroke that runs
/// into the border does not change it.
pub(super) fn spread(values: Vec<f32>) -> f32 {
    let middle = median(values.clone());
    1.4826 * median(values.iter().map(|v| (v - middle).abs()).collect())
}

fn range(values: &[f32]) -> (f32, f32) {
    values
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), v| {
            (low.min(*v), high.max(*v))
        })
}

/// The moving mean of every row over `2 * radius + 1` values, over fewer at its ends.
fn box_rows(values: &[f32], width: usize, radius: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(values.len());
    for row in values.chunks_exact(width) {
        let mut sum = 0f64;
        let sums = row.iter().map(|v| {
            sum += f64::from(*v);
            sum
        });
        let sums: Vec<f64> = std::iter::once(0.0).chain(sums).collect();
        for x in 0..width {
            let (from, to) = (x.saturating_sub(radius), (x + radius + 1).min(width));
            let within = sums.get(to).zip(sums.get(from)).map_or(0.0, |(b, a)| b - a);
            out.push((within / (to - from) as f64) as f32);
        }
    }
    out
}

fn transpose(values: &[f32], height: usize, width: usize) -> Vec<f32> {
    let column = |x: usize| values.iter().skip(x).step_by(width).take(height);
    (0..width).flat_map(|x| column(x).copied()).collect()
}

/// The mask without its specks. Pixels that touch, also at corners, are one part.
fn without_specks(mask: &[bool], width: usize) -> Vec<bool> {
    let mut part = vec![0usize; mask.len()];
    let mut sizes = vec![0usize];
    let mut queue = Vec::new();
    for start in 0..mask.len() {
        if mask.get(start) != Some(&true) || part.get(start) != Some(&0) {
            continue;
        }
        let name = sizes.len();
        let mut size = 0;
        queue.push(start);
        while let Some(at) = queue.pop() {
            match part.get_mut(at) {
                Some(slot) if *slot == 0 && mask.get(at) == Some(&true) => *slot = name,
                _ => continue,
            }
            size += 1;
            let (y, x) = (at / width, at % width);
            for ny in y.saturating_sub(1)..=y + 1 {
                for nx in x.saturating_sub(1)..=(x + 1).min(width - 1) {
                    queue.push(ny * width + nx);
                }
            }
        }
        sizes.push(size);
    }
    let largest = sizes.iter().copied().max().unwrap_or(0) as f32;
    let is_kept = |size: &usize| *size > 0 && *size as f32 >= SPECK * largest;
    part.iter()
        .map(|name| sizes.get(*name).is_some_and(is_kept))
        .collect()
}

/// Top, left, height and width of the smallest rectangle around the mask.
fn bounds(mask: &[bool], width: usize) -> Option<(usize, usize, usize, usize)> {
    let set = || (0..mask.len()).filter(|at| mask.get(*at) == Some(&true));
    let (top, bottom) = (set().next()? / width, set().next_back()? / width);
    let left = set().map(|at| at % width).min()?;
    let right = set().map(|at| at % width).max()?;
    Some((top, left, bottom - top + 1, right - left + 1))
}
