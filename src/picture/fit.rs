//! Pictures in the size that a network reads.

use std::path::Path;

use super::canvas::shrunk;
use super::ink::{Plane, quantile, working_bytes};
use super::raster::{Picture, check_channels};
use super::read::{read_header, read_reserved};
use super::resample::resize;
use crate::recipe::Resize;
use crate::{Error, Result};

/// How a picture of another size becomes the network's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Fit {
    /// As MNIST was made: light ink on black, cropped to the digit, 20 x 20 in the middle of 28 x 28.
    #[default]
    Mnist,
    /// Resize to the input size, and nothing else.
    Resize,
    /// Take the largest part from the middle that has the input's proportions, and resize that.
    Crop,
    /// Take only pictures that have the input size already.
    None,
    /// Keep the picture's own size, for networks of convolutions.
    Whole,
}

impl From<Resize> for Fit {
    fn from(resize: Resize) -> Self {
        match resize {
            Resize::Squeeze => Self::Resize,
            Resize::Crop => Self::Crop,
        }
    }
}

/// A picture file in the size that a network reads.
#[derive(Debug, Clone)]
pub struct FittedFile {
    /// The picture, fitted.
    pub picture: Picture,
    /// Height and width of the picture in the file.
    pub size: (usize, usize),
    /// The picture in the file, no larger than was asked for.
    pub preview: Option<Picture>,
}

/// Reads a picture file as a picture of `shape` = (channels, height, width), and, if `preview` is given, a copy of the
/// original that fits into that height and width.
///
/// The pictures that a network learns from and those that it is given later are read in this way, and so get the same
/// values: except with [`Fit::Mnist`], they are rounded to whole 255ths. The memory of the pictures that threads read
/// at the same time is limited (see [`set_picture_memory`](super::set_picture_memory)).
///
/// # Errors
/// As [`read_picture`](super::read_picture) and [`fit`].
pub fn read_fitted(
    path: &Path,
    shape: (usize, usize, usize),
    how: Fit,
    preview: Option<(usize, usize)>,
) -> Result<FittedFile> {
    let (channels, height, width) = shape;
    check_channels(channels)?;
    let header = read_header(path)?;
    let size = (header.height, header.width);
    let needs_colour = how == Fit::Mnist || preview.is_some();
    let read = match header.colour {
        true if needs_colour => 3,
        true => channels,
        false => 1,
    };
    let work = match how {
        Fit::Mnist => working_bytes(size.0.saturating_mul(size.1)),
        _ => 0,
    };
    let (picture, reserved) = read_reserved(path, &header, read, work)?;
    let preview = preview.map(|tile| within(&picture, tile)).transpose()?;
    let picture = match how {
        Fit::Mnist => picture,
        _ => picture.with_channels(read.min(channels))?,
    };
    let fitted = fit(&picture, channels, height, width, how, path)?;
    drop((picture, reserved));
    let picture = match how {
        Fit::Mnist => fitted,
        _ => fitted.in_bytes(),
    };
    Ok(FittedFile {
        picture,
        size,
        preview,
    })
}

/// A copy of a picture, shrunk if it does not fit into a tile of (height, width).
fn within(picture: &Picture, tile: (usize, usize)) -> Result<Picture> {
    let size = picture.size();
    if size.0 <= tile.0 && size.1 <= tile.1 {
        return Ok(picture.clone());
    }
    let (height, width) = shrunk(size, tile);
    resized(picture, height, width)
}

/// The side of the box that MNIST's digits were scaled into, as a share of the picture's side.
const BOX: f64 = 20.0 / 28.0;

/// A picture of `channels` x `height` x `width` from any other; `path` is for the messages.
///
/// [`Fit::Mnist`] repeats the preparation of MNIST (LeCun, Bottou, Bengio, Haffner: Gradient-based learning
/// applied to document recognition, 1998, and the page of the data set). It turns dark ink on a light page
/// into light ink on black, evens out light that falls on the page from one side, stretches the ink's strength
/// to the full range, drops specks, scales the ink into a box of 20/28 of the target without changing its
/// shape, and moves its centre of mass to the middle. A picture of the target's size is only turned light on
/// dark where its page is the lighter; MNIST's own pictures stay as they are, noisy ones too. In a colour
/// picture, it reads the channel or the luma in which the ink stands out most.
///
/// [`Fit::Resize`] takes the mean over the area that each pixel covers (linear interpolation where it
/// enlarges). [`Fit::Crop`] resizes the largest part from the middle that has the target's proportions.
/// [`Fit::None`] refuses another size. All three turn colour into grey by Rec. 709 luma.
pub fn fit(
    picture: &Picture,
    channels: usize,
    height: usize,
    width: usize,
    fit: Fit,
    path: &Path,
) -> Result<Picture> {
    if height == 0 || width == 0 {
        let found = format!("{height} x {width}");
        return Err(Error::argument("input size", "at least 1 x 1", found));
    }
    let same_size = picture.size() == (height, width);
    let fitted = match fit {
        Fit::Mnist if same_size => {
            let picture = picture.clone().with_channels(channels)?;
            if !plane(&picture, picture.luma()).is_light() {
                return Ok(picture);
            }
            let values = picture.values().iter().map(|v| 1.0 - v).collect();
            return Picture::new(channels, height, width, values);
        }
        Fit::Mnist => {
            let ink = find_ink(picture).ok_or_else(|| {
                let expected = "ink on a plain page (--fit resize takes photographs)";
                let mut values = picture.values().iter();
                let first = values.next();
                let found = match values.all(|value| Some(value) == first) {
                    true => "a picture of one colour",
                    false => "a picture in which none stands out",
                };
                Error::file(path, expected, found)
            })?;
            Picture::new(1, height, width, place(&ink, height, width))?
        }
        Fit::Resize => resized(picture, height, width)?,
        Fit::Crop => cropped(picture, height, width)?,
        Fit::None if same_size => picture.clone(),
        Fit::Whole => {
            let expected = "another way to fit pictures to a network (infer takes them whole)";
            return Err(Error::argument("--fit", expected, "whole"));
        }
        Fit::None => {
            let expected = format!("{width} x {height} pixels, or --fit mnist or --fit resize");
            let found = format!("{} x {} pixels", picture.width(), picture.height());
            return Err(Error::file(path, expected, found));
        }
    };
    fitted.with_channels(channels)
}

fn resized(picture: &Picture, height: usize, width: usize) -> Result<Picture> {
    let resized = |plane| resize(plane, picture.size(), (height, width));
    let values = picture.planes().flat_map(resized).collect();
    Picture::new(picture.channels(), height, width, values)
}

/// A plane of a picture's size.
fn plane(picture: &Picture, values: Vec<f32>) -> Plane {
    let (height, width) = picture.size();
    Plane {
        height,
        width,
        values,
    }
}

/// The largest part from the middle with the proportions of `height` x `width`, to the nearest pixel, resized.
fn cropped(picture: &Picture, height: usize, width: usize) -> Result<Picture> {
    // Casts from float saturate.
    let side = |other: usize, share: f64, limit: usize| {
        ((other as f64 * share).round() as usize).clamp(1, limit)
    };
    let share = height as f64 / width as f64;
    let part_height = side(picture.width(), share, picture.height());
    let part_width = side(picture.height(), 1.0 / share, picture.width());
    let top = (picture.height() - part_height) / 2;
    let left = (picture.width() - part_width) / 2;
    let values = picture.planes().flat_map(|plane| {
        let rows = plane.chunks_exact(picture.width());
        let rows = rows.skip(top).take(part_height);
        let part = rows.flat_map(|row| row.iter().skip(left).take(part_width).copied());
        let part: Vec<f32> = part.collect();
        resize(&part, (part_height, part_width), (height, width))
    });
    Picture::new(picture.channels(), height, width, values.collect())
}

/// The cropped ink of a picture, 0 to 1.
fn find_ink(picture: &Picture) -> Option<Plane> {
    let page_of = |values| plane(picture, values).reduced().evenly_lit();
    let mut page = page_of(picture.luma());
    if picture.channels() > 1 {
        // Red ink and green paper may have the same luma. A channel must be clearly better, though, so that
        // the noise of one channel does not decide in a grey picture.
        let mut best = 1.25 * page.contrast();
        for channel in picture.planes() {
            let candidate = page_of(channel.to_vec());
            if candidate.contrast() > best {
                best = candidate.contrast();
                page = candidate;
            }
        }
    }
    if page.is_light() {
        for v in &mut page.values {
            *v = 1.0 - *v;
        }
    }
    page.ink()
}

/// Scales the ink into the box and moves its centre of mass to the middle.
fn place(ink: &Plane, height: usize, width: usize) -> Vec<f32> {
    let (box_height, box_width) = (BOX * height as f64, BOX * width as f64);
    let scale = (box_height / ink.height as f64).min(box_width / ink.width as f64);
    // Casts from float saturate.
    let side = |ink: usize, limit: usize| ((ink as f64 * scale).round() as usize).clamp(1, limit);
    let mut digit = ink.resized(side(ink.height, height), side(ink.width, width));
    // A thin pen fades when shrunk; MNIST's strokes reach white.
    let peak = digit.values.iter().copied().fold(0.0, f32::max);
    let strokes = digit.values.iter().copied().filter(|v| *v > 0.5 * peak);
    let full = quantile(strokes.collect(), 0.75);
    if full > 0.0 {
        for v in &mut digit.values {
            *v = (*v / full).min(1.0);
        }
    }
    let (y, x) = centre_of_mass(&digit);
    let top = offset(y, digit.height, height);
    let left = offset(x, digit.width, width);

    let mut values = vec![0f32; height * width];
    let rows = values.chunks_exact_mut(width).skip(top);
    for (row, source) in rows.zip(digit.values.chunks_exact(digit.width)) {
        for (slot, v) in row.iter_mut().skip(left).zip(source) {
            *slot = *v;
        }
    }
    values
}

/// The start of the digit along an axis that takes `centre` to the middle, as far as there is room. In MNIST
/// the centre of mass lies within the pixel after the middle: at 14 to 15 of 28.
fn offset(centre: f64, digit: usize, side: usize) -> usize {
    let start = (side as f64 / 2.0 - centre).ceil().max(0.0) as usize;
    start.min(side.saturating_sub(digit))
}

/// The mean place (row, column) of the ink, in pixels from the upper left corner.
fn centre_of_mass(plane: &Plane) -> (f64, f64) {
    let (mut mass, mut down, mut across) = (0f64, 0f64, 0f64);
    for (y, x, v) in plane.placed() {
        let v = f64::from(v);
        mass += v;
        down += v * (y as f64 + 0.5);
        across += v * (x as f64 + 0.5);
    }
    if mass > 0.0 {
        (down / mass, across / mass)
    } else {
        (plane.height as f64 / 2.0, plane.width as f64 / 2.0)
    }
}
