//! Images, labels and floats from NumPy arrays (.npy).
//!
//! Values are converted to bytes as they are read, so an array takes one byte of memory per value, and
//! the header is checked against the file's size before any memory is taken.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::idx::{MAX_BYTES, MAX_SIDE};
use super::npy_header::{self, Header, Kind, failed};
use super::npy_values::{byte, float32, float64, separate, signed, unsigned};
use super::python::tuple;
use super::{Images, grouped};
use crate::open::open;
use crate::{Error, Result};

/// Bytes read at a time: a multiple of every value size.
const CHUNK: usize = 1 << 16;

/// Reads a file with one array of images; they have no labels, so all get label 0.
///
/// Shapes are those of [`Array::images`].
pub fn load(path: &Path) -> Result<Images> {
    let (file, length) = open(path)?;
    let pixels = Array::open(path.to_path_buf(), file, length)?.images()?;
    Images::new(pixels.shape, pixels.values, vec![0; pixels.count])
}

/// Images without labels.
pub struct Pixels {
    pub count: usize,
    /// Channels, height and width.
    pub shape: (usize, usize, usize),
    /// `(count, channels, height, width)`.
    pub values: Vec<u8>,
}

/// An array whose header has been read.
pub struct Array<R> {
    /// For error messages.
    name: PathBuf,
    header: Header,
    /// Bytes in total, header included, once unpacked.
    length: u64,
    input: R,
}

impl<R: Read> Array<R> {
    /// Reads the header of an array of `length` bytes in total.
    pub fn open(name: PathBuf, mut input: R, length: u64) -> Result<Self> {
        Ok(Self {
            header: npy_header::read(&name, &mut input)?,
            name,
            length,
            input,
        })
    }

    /// The array as images: `(N, H, W)`, `(N, C, H, W)` or `(N, H, W, C)` with C 1 or 3; if both of the
    /// last two fit, channels come first. Bytes stand for value / 255; floats must lie in [0, 1] and
    /// are rounded to the nearest byte.
    pub fn images(mut self) -> Result<Pixels> {
        let ([count, channels, height, width], interleaved) = self.layout()?;
        let convert: fn(&[u8]) -> Result<u8, String> = match self.header.kind {
            Kind::Unsigned(1) => byte,
            Kind::Float(4) => float32,
            Kind::Float(_) => float64,
            Kind::Signed(_) | Kind::Unsigned(_) => {
                let found = "integers of another type";
                return Err(self.wrong("bytes (uint8) or floats in [0, 1]", found));
            }
        };
        // Below 2^32 * 3 * 2^12 * 2^12: no overflow.
        let size = count * channels * height * width;
        let what = format!("{} images of {channels}x{height}x{width}", grouped(count));
        let expected = "bytes (uint8) or floats in [0, 1] (divide by 255?)";
        let mut values = self.values(size, &what, expected, convert)?;
        // All are below 2^32.
        let shape = (channels as usize, height as usize, width as usize);
        if interleaved && channels > 1 {
            separate(&mut values, shape.0, shape.1 * shape.2);
        }
        Ok(Pixels {
            count: count as usize,
            shape,
            values,
        })
    }

    /// The array as `count` labels: integers of any size from 0 to 255, `(N)` or `(N, 1)`.
    pub fn labels(mut self, count: usize) -> Result<Vec<u8>> {
        let expected = format!("{} labels, one for each image", grouped(count));
        let (&[found] | &[found, 1]) = self.header.shape.as_slice() else {
            return Err(self.wrong(expected, self.shape()));
        };
        if u64::try_from(count) != Ok(found) {
            return Err(self.wrong(expected, format!("{} labels", grouped(found))));
        }
        let convert: fn(&[u8]) -> Result<u8, String> = match self.header.kind {
            Kind::Unsigned(_) => unsigned,
            Kind::Signed(_) => signed,
            Kind::Float(_) => return Err(self.wrong("integers as labels", "floats")),
        };
        let what = format!("{} labels", grouped(found));
        self.values(found, &what, "labels from 0 to 255", convert)
    }

    /// An array of little-endian floats, not read yet: the number of rows, the bytes of one value, 4 or 8,
    /// and the input, which holds as many values as the shape says. `shape` accepts or refuses the array's
    /// shape, and `expected` names the accepted shapes in errors.
    pub fn floats(self, shape: impl Fn(&[u64]) -> bool, expected: &str) -> Result<(u64, u8, R)> {
        let Kind::Float(width) = self.header.kind else {
            return Err(self.wrong("floats (float32 or float64)", "integers"));
        };
        if !shape(&self.header.shape) {
            return Err(self.wrong(expected, self.shape()));
        }
        let mut sides = self.header.shape.iter();
        let count = sides.try_fold(1u64, |count, &side| count.checked_mul(side));
        let what = format!("values of {}", self.shape());
        self.check_length(count, &what)?;
        let rows = self.header.shape.first().copied().unwrap_or(0);
        Ok((rows, width, self.input))
    }

    /// The count, channels, height and width of the images, and whether the channels come last.
    fn layout(&self) -> Result<([u64; 4], bool)> {
        let (sizes, interleaved) = match *self.header.shape.as_slice() {
            [count, height, width] => ([count, 1, height, width], false),
            [count, channels @ (1 | 3), height, width] => ([count, channels, height, width], false),
            [count, height, width, channels @ (1 | 3)] => ([count, channels, height, width], true),
            _ => {
                return Err(self.wrong(
                    "images of shape (N, H, W), (N, C, H, W) or (N, H, W, C) with C 1 or 3",
                    self.shape(),
                ));
            }
        };
        let [count, _, height, width] = sizes;
        let sides = 1..=u64::from(MAX_SIDE);
        if !(1..=u64::from(u32::MAX)).contains(&count)
            || !sides.contains(&height)
            || !sides.contains(&width)
        {
            return Err(self.wrong(
                format!("1 to 4,294,967,295 images of 1x1 to {MAX_SIDE}x{MAX_SIDE} pixels"),
                self.shape(),
            ));
        }
        Ok((sizes, interleaved))
    }

    /// All values as bytes; `what` names them and `expected` the allowed values in error messages.
    fn values(
        &mut self,
        count: u64,
        what: &str,
        expected: &str,
        convert: fn(&[u8]) -> Result<u8, String>,
    ) -> Result<Vec<u8>> {
        if count > MAX_BYTES {
            return Err(self.wrong(
                format!("at most {} values", grouped(MAX_BYTES)),
                format!("a header that promises {}", grouped(count)),
            ));
        }
        let bytes = self.check_length(Some(count), what)?;
        let size = u64::from(self.header.kind.bytes());
        let too_large = || self.wrong("no more than fits into memory", what);
        let length = usize::try_from(count).map_err(|_| too_large())?;
        let mut values = Vec::new();
        values.try_reserve_exact(length).map_err(|_| too_large())?;
        let mut chunk = vec![0; CHUNK];
        let mut left = count * size;
        while left > 0 {
            let next = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
            let part = chunk.get_mut(..next).unwrap_or_default();
            let read = self.input.read_exact(part);
            read.map_err(|source| failed(&self.name, source))?;
            for value in part.chunks_exact(usize::from(self.header.kind.bytes())) {
                values.push(convert(value).map_err(|found| self.wrong(expected, found))?);
            }
            left -= next as u64;
        }
        // Read one byte more: it must not exist, and this also verifies the checksum of a packed array.
        let mut rest = [0; 1];
        match self.input.read(&mut rest) {
            Ok(0) => Ok(values),
            Ok(_) => Err(self.wrong(bytes, "more bytes after them")),
            Err(source) => Err(failed(&self.name, source)),
        }
    }

    /// Refuses an array whose length differs from that of `count` values; returns the length in words.
    /// `None` stands for a count too large for 64 bits.
    fn check_length(&self, count: Option<u64>, what: &str) -> Result<String> {
        let promised = count
            .and_then(|count| count.checked_mul(u64::from(self.header.kind.bytes())))
            .and_then(|bytes| bytes.checked_add(self.header.length));
        let bytes = match promised {
            Some(bytes) => format!("{} bytes for {what}", grouped(bytes)),
            None => format!("more than 2^64 bytes for {what}"),
        };
        match promised == Some(self.length) {
            true => Ok(bytes),
            false => Err(self.wrong(bytes, format!("{} bytes", grouped(self.length)))),
        }
    }

    /// The shape in Python's notation.
    fn shape(&self) -> String {
        format!("shape {}", tuple(&self.header.shape))
    }

    fn wrong(&self, expected: impl Into<String>, found: impl Into<String>) -> Error {
        Error::file(&self.name, expected, found)
    }
}
