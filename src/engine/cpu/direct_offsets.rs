//! Where the terms of direct convolutions lie.

use super::expanded::Expanded;
use super::layout::NhwcLayout;

/// Offsets in memory for the products of a direct convolution.
#[derive(Debug, Clone)]
pub(crate) struct DirectOffsets {
    /// The first tap of each result of some images.
    pub places: Vec<u32>,
    /// Each tap and channel, from the first tap.
    pub taps: Vec<u32>,
    /// The sums of each result of some images, with a border.
    pub sums: Vec<u32>,
    /// Rows of sums above an image and sums to its left: as far as taps of the gradient reach.
    pub before: (usize, usize),
    /// Rows and columns of sums with the border.
    pub squares: (usize, usize),
    /// The pixels of the input whose gradients have the same taps: with stride s, s times s of them.
    pub phases: Vec<Phase>,
    /// Whether some pixels of the input are read by no tap.
    pub leaves_gaps: bool,
    /// Results of an image.
    area: usize,
}

/// Pixels of the input whose gradients have the same taps.
#[derive(Debug, Clone)]
pub(crate) struct Phase {
    /// The taps that read them.
    pub taps: Vec<usize>,
    /// Their gradients, of some images.
    pub inputs: Vec<u32>,
    /// For each of them, the first sum that reads it.
    pub sums: Vec<u32>,
    /// Each tap's sums, in the order of `taps`, from the first.
    pub steps: Vec<u32>,
    /// Pixels of an image.
    pub places_of_image: usize,
}

/// The taps of a phase along one axis: tap `first + stride * number` of `count` reads the input of the result that is
/// `number` before the result `last` after it.
#[derive(Debug, Clone, Copy)]
struct AxisTaps {
    first: usize,
    count: usize,
    last: usize,
}

impl AxisTaps {
    /// The taps of each phase.
    fn all(stride: usize, size: usize, padding: usize) -> Vec<Self> {
        let of = |phase: usize| {
            let first = (phase + padding) % stride;
            Self {
                first,
                count: size.saturating_sub(first).div_ceil(stride),
                last: (phase + padding - first) / stride,
            }
        };
        (0..stride).map(of).collect()
    }

    /// Sums that are read before the first result, and after the last.
    fn border(all: &[Self]) -> (usize, usize) {
        let used = || all.iter().filter(|axis| axis.count > 0);
        let before = used().map(|axis| (axis.count - 1).saturating_sub(axis.last));
        let after = used().map(|axis| axis.last);
        (before.max().unwrap_or(0), after.max().unwrap_or(0))
    }
}

impl DirectOffsets {
    /// For `images` images at once.
    pub fn new(from: NhwcLayout, kernel: &Expanded, stride: usize, images: usize) -> Self {
        let (height, width) = (from.height / stride, from.width / stride);
        let (top, left) = (
            from.before.0 - kernel.padding.0,
            from.before.1 - kernel.padding.1,
        );
        let input = |y: usize, x: usize| (y * from.columns + x) * from.padded();
        let taps = square(kernel.size.0, kernel.size.1).flat_map(|(v, u)| {
            let place = input(v, u);
            (0..from.channels).map(move |channel| place + channel)
        });
        let rows = AxisTaps::all(stride, kernel.size.0, kernel.padding.0);
        let columns_of_taps = AxisTaps::all(stride, kernel.size.1, kernel.padding.1);
        let (above, below) = AxisTaps::border(&rows);
        let (before, after) = AxisTaps::border(&columns_of_taps);
        let squares = (above + height + below, before + width + after);
        let sum = |y: usize, x: usize| (y * squares.1 + x) * kernel.columns();
        let sums_len = squares.0 * squares.1 * kernel.columns();
        let columns: Vec<usize> = kernel.real_columns().collect();

        let phases = square(stride, stride).filter_map(|(py, px)| {
            let (down, across) = (rows[py], columns_of_taps[px]);
            if down.count * across.count == 0 {
                return None;
            }
            // The result of the last tap comes first.
            let (top, left) = (
                above + down.last + 1 - down.count,
                before + across.last + 1 - across.count,
            );
            let taps = square(down.count, across.count);
            let steps = taps.clone().flat_map(|(v, u)| {
                let place = sum(down.count - 1 - v, across.count - 1 - u);
                columns.iter().map(move |column| place + column)
            });
            let tap =
                |(v, u)| (down.first + stride * v) * kernel.size.1 + across.first + stride * u;
            let results = || square(height, width);
            let inputs = results().map(|(y, x)| from.at(stride * y + py, stride * x + px));
            let sums = results().map(|(y, x)| sum(y + top, x + left));
            Some(Phase {
                inputs: repeated(inputs, from.len(), images),
                sums: repeated(sums, sums_len, images),
                steps: steps.map(|step| step as u32).collect(),
                taps: taps.map(tap).collect(),
                places_of_image: height * width,
            })
        });
        let results = || square(height, width);
        let places = results().map(|(y, x)| input(y * stride + top, x * stride + left));
        let sums = results().map(|(y, x)| sum(y + above, x + before));
        let phases: Vec<_> = phases.collect();
        Self {
            places: repeated(places, from.len(), images),
            taps: taps.map(|tap| tap as u32).collect(),
            sums: repeated(sums, sums_len, images),
            before: (above, before),
            squares,
            leaves_gaps: phases.len() < stride * stride,
            phases,
            area: height * width,
        }
    }

    /// Results of an image, or squares of them.
    pub fn places_of_image(&self) -> usize {
        self.area
    }

    pub fn has_border(&self) -> bool {
        self.squares.0 * self.squares.1 > self.area
    }
}

/// Rows and columns of a rectangle, row by row.
fn square(height: usize, width: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
    (0..height).flat_map(move |y| (0..width).map(move |x| (y, x)))
}

/// The same offsets for each of some images of `len` values.
fn repeated(places: impl Iterator<Item = usize>, len: usize, images: usize) -> Vec<u32> {
    let places: Vec<_> = places.collect();
    let images = (0..images).flat_map(|image| places.iter().map(move |place| image * len + place));
    images.map(|place| place as u32).collect()
}
