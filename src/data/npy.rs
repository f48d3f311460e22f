//! Images, labels and floats from NumPy arrays (.npy).
//!
//! Pixels are converted to bytes as they are read, so an array of images takes one byte of memory per value,
//! and the header is checked against the file's size before any memory is taken.

use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use super::idx::MAX_BYTES;
use super::npy_header::{self, Header, Kind, failed};
use super::npy_layout::Layout;
use super::npy_order::{Order, separate};
use super::npy_pixels::Pixel;
use super::npy_values::{self, Value};
use super::python::tuple;
use super::{Images, counted, grouped};
use crate::memory::room;
use crate::open::open;
use crate::recipe::DataConfig;
use crate::{Error, Result};

/// Bytes read at a time: a multiple of every value size.
const CHUNK: usize = 1 << 16;

/// Reads a file with one array of images, as [`Array::images`] does; they have no labels, so all get label 0.
/// Also returns what was taken for granted.
pub fn load(path: &Path, config: &DataConfig) -> Result<(Images, Vec<String>)> {
    let (file, length) = open(path)?;
    let pixels = Array::open(path.to_path_buf(), file, length)?.images(config)?;
    let images = Images::new(pixels.shape, pixels.values, vec![0; pixels.count])?;
    Ok((images, pixels.taken))
}

/// Images without labels.
pub struct Pixels {
    pub count: usize,
    /// Channels, height and width.
    pub shape: (usize, usize, usize),
    /// `(count, channels, height, width)`.
    pub values: Vec<u8>,
    /// The value that stands for white, where the type does not tell.
    pub white: Option<f64>,
    /// What was taken for granted, in phrases.
    pub taken: Vec<String>,
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

    /// The lengths of the axes.
    pub fn dims(&self) -> &[u64] {
        &self.header.shape
    }

    /// The array as images, laid out as [`Layout::of`] says. Bytes stand for value / 255, and true for white.
    /// Floats and larger integers reach 1, or more than half of 255 (16-bit integers: or of 65,535), which
    /// is white then; they are rounded to the nearest byte.
    pub fn images(mut self, config: &DataConfig) -> Result<Pixels> {
        let layout = Layout::of(&self.header.shape, config);
        let layout = layout.map_err(|expected| self.wrong(expected, self.shape()))?;
        let ([count, channels, height, width], kind) = (layout.sizes, self.header.kind);
        // Below 2^32 * 3 * 2^12 * 2^12: no overflow.
        let size = count * channels * height * width;
        let what = format!(
            "{} of {channels}x{height}x{width}",
            counted(count, "images")
        );
        let mut values = self.filled(size, 0u8, &what)?;
        let mut pixel = Pixel::new(kind);
        let mut order = Order::new(&self.header);
        let (mut numbers, mut bytes) = (Vec::new(), Vec::new());
        self.parts(size, &what, pixel.expected(), |part, header| {
            if kind == Kind::Unsigned(1) {
                order.put(&mut values, part);
                return Ok(());
            }
            npy_values::read(header, part, &mut numbers);
            pixel.bytes(&numbers, &mut bytes, &mut values)?;
            order.put(&mut values, &bytes);
            Ok(())
        })?;
        if let Some(found) = pixel.doubt() {
            let expected = "values up to 1 or about 255 (if 255 is white, save x.astype('uint8'), else x divided \
                            by the value of white)";
            return Err(self.wrong(expected, found));
        }
        // All are below 2^32.
        let shape = (channels as usize, height as usize, width as usize);
        if layout.interleaved && channels > 1 {
            separate(&mut values, shape.0, shape.1 * shape.2);
        }
        let values_taken = match kind {
            Kind::Unsigned(1) if values.iter().max() == Some(&1) => Some(
                "bytes of 0 and 1 taken for two of 256 levels, both nearly black (if 1 is white, save \
                 x.astype(bool))"
                    .to_string(),
            ),
            Kind::Unsigned(1) => None,
            _ => pixel.taken(),
        };
        Ok(Pixels {
            count: count as usize,
            shape,
            values,
            white: pixel.white(),
            taken: layout.taken.into_iter().chain(values_taken).collect(),
        })
    }

    /// The array as `count` labels: whole numbers of any type, `(N)` or `(N, 1)`, or rows with one 1 among 0s,
    /// `(N, classes)`, whose place is the label.
    pub fn labels(mut self, count: usize) -> Result<Vec<u32>> {
        let expected = format!("{}, one for each image", counted(count, "labels"));
        let (found, classes) = match *self.header.shape.as_slice() {
            [found] | [found, 1] => (found, None),
            [found, classes] if classes > 1 => (found, usize::try_from(classes).ok()),
            _ => return Err(self.wrong(expected, self.shape())),
        };
        if u64::try_from(count) != Ok(found) {
            return Err(self.wrong(expected, counted(found, "labels")));
        }
        let what = counted(found, "labels");
        let mut order = Order::new(&self.header);
        let Some(classes) = classes else {
            let mut labels = self.filled(found, 0, &what)?;
            let whole = "labels from 0 to 4,294,967,295";
            let mut numbers = Vec::new();
            self.parts(found, &what, whole, |part, header| {
                npy_values::read(header, part, &mut numbers);
                for value in &numbers {
                    let label = Value::label(*value)?;
                    order.put(&mut labels, &[label]);
                }
                Ok(())
            })?;
            return Ok(labels);
        };
        let one_hot = "labels as whole numbers (N), or as rows with one 1 among 0s (N, classes)";
        let mut labels = self.filled(found, None, &what)?;
        let size = found.saturating_mul(classes as u64);
        let mut numbers: Vec<f64> = Vec::new();
        self.parts(size, &what, one_hot, |part, header| {
            npy_values::read(header, part, &mut numbers);
            for (value, place) in numbers.iter().zip(&mut order) {
                let label = labels.get_mut(place / classes);
                match label {
                    _ if *value == 0.0 => {}
                    Some(label @ None) if *value == 1.0 => {
                        *label = u32::try_from(place % classes).ok();
                    }
                    _ => return Err(format!("{value} in row {}", place / classes)),
                }
            }
            Ok(())
        })?;
        let none = labels.iter().position(Option::is_none);
        if let Some(row) = none {
            return Err(self.wrong(one_hot, format!("no 1 in row {row}")));
        }
        Ok(labels.into_iter().flatten().collect())
    }

    /// The array as floats: the number of rows, the bytes of one value, 4 or 8, and an input of as many
    /// little-endian floats in C order as the shape says. Arrays that are not stored so are converted in
    /// memory. `shape` accepts or refuses the array's shape, and `expected` names the accepted shapes in errors.
    pub fn floats(
        mut self,
        shape: impl Fn(&[u64]) -> bool,
        expected: &str,
    ) -> Result<(u64, u8, Box<dyn Read>)>
    where
        R: 'static,
    {
        if !shape(&self.header.shape) {
            return Err(self.wrong(expected, self.shape()));
        }
        let count = self.count();
        let what = format!("values of {}", self.shape());
        self.check_length(count, &what)?;
        let rows = self.header.shape.first().copied().unwrap_or(0);
        match self.header.kind {
            Kind::Float(width @ (4 | 8)) if !self.header.fortran && !self.header.big_endian => {
                return Ok((rows, width, Box::new(self.input)));
            }
            _ => {}
        }
        let mut values = self.filled(count.unwrap_or(u64::MAX), [0; 4], &what)?;
        let mut order = Order::new(&self.header);
        let (mut numbers, mut bytes): (Vec<f64>, _) = (Vec::new(), Vec::new());
        self.parts(values.len() as u64, &what, "numbers", |part, header| {
            npy_values::read(header, part, &mut numbers);
            bytes.clear();
            bytes.extend(numbers.iter().map(|value| (*value as f32).to_le_bytes()));
            order.put(&mut values, &bytes);
            Ok(())
        })?;
        Ok((rows, 4, Box::new(Cursor::new(values.into_flattened()))))
    }

    /// `count` equal values, as many as the array has rows or values.
    fn filled<T: Clone>(&self, count: u64, value: T, what: &str) -> Result<Vec<T>> {
        if count > MAX_BYTES {
            return Err(self.wrong(
                format!("at most {} values", grouped(MAX_BYTES)),
                format!("a header that promises {}", grouped(count)),
            ));
        }
        self.check_length(self.count(), what)?;
        let length = usize::try_from(count).ok();
        let values = length.and_then(|length| Some((length, room(length)?)));
        let (length, mut values) =
            values.ok_or_else(|| self.wrong("no more than fits into memory", what))?;
        values.resize(length, value);
        Ok(values)
    }

    /// Hands on the bytes of `count` values, some whole values at a time. `what` names the values and `expected`
    /// the allowed ones in error messages.
    fn parts(
        &mut self,
        count: u64,
        what: &str,
        expected: &str,
        mut take: impl FnMut(&[u8], &Header) -> Result<(), String>,
    ) -> Result<()> {
        let bytes = self.check_length(Some(count), what)?;
        let mut chunk = vec![0; CHUNK];
        let mut left = count * u64::from(self.header.kind.bytes());
        while left > 0 {
            let next = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
            let part = chunk.get_mut(..next).unwrap_or_default();
            let read = self.input.read_exact(part);
            read.map_err(|source| failed(&self.name, source))?;
            let taken = take(part, &self.header);
            taken.map_err(|found| self.wrong(expected, found))?;
            left -= next as u64;
        }
        // Read one byte more: it must not exist, and this also verifies the checksum of a packed array.
        let mut rest = [0; 1];
        match self.input.read(&mut rest) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.wrong(bytes, "more bytes after them")),
            Err(source) => Err(failed(&self.name, source)),
        }
    }

    /// The number of values; `None` if it is too large for 64 bits.
    fn count(&self) -> Option<u64> {
        let mut sides = self.header.shape.iter();
        sides.try_fold(1u64, |count, &side| count.checked_mul(side))
    }

    /// Refuses an array whose length differs from that of `count` values; returns the length in words.
    /// `None` stands for a count too large for 64 bits.
    fn check_length(&self, count: Option<u64>, what: &str) -> Result<String> {
        let promised = count
            .and_then(|count| count.checked_mul(u64::from(self.header.kind.bytes())))
            .and_then(|bytes| bytes.checked_add(self.header.length));
        let bytes = match promised {
            Some(bytes) => format!("{} for {what}", counted(bytes, "bytes")),
            None => format!("more than 2^64 bytes for {what}"),
        };
        match promised == Some(self.length) {
            true => Ok(bytes),
            false => Err(self.wrong(bytes, counted(self.length, "bytes"))),
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
