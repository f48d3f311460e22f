//! Reading IDX files, the format of MNIST: a magic number, the dimensions as big-endian 32-bit
//! numbers, then one byte a value.
//!
//! Every number in a header is checked against the file's size before it is used, so a damaged or
//! hostile file takes no more memory than a valid one of its size.

use std::io::{self, Cursor, ErrorKind, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::Images;
use super::{counted, grouped};
use crate::memory::room;
use crate::open::open;
use crate::{Error, Result};

/// Longest side of an image in pixels, and the most bytes of one file in memory.
pub(super) const MAX_SIDE: u32 = 4096;
pub(super) const MAX_BYTES: u64 = 1 << 31;
/// Deflate packs at most 1,032 bytes into one (a match of 258 bytes in two bits).
pub(super) const MAX_GZIP_RATIO: u64 = 1032;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The expected content of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Three dimensions: count, height, width.
    Images,
    /// One dimension: count.
    Labels,
}

impl Kind {
    fn noun(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Labels => "labels",
        }
    }
}

/// A checked file: `values` holds `count` times `height` times `width` bytes (labels are 1x1).
#[derive(Debug)]
pub struct Idx {
    count: u32,
    height: u32,
    width: u32,
    values: Vec<u8>,
}

/// Reads a raw or gzipped file.
pub fn read_file(path: &Path, kind: Kind) -> Result<Idx> {
    let (file, length) = open(path)?;
    read(path, file, length, kind)
}

/// Reads raw or gzipped bytes, `stored` of them; `name` is for error messages.
pub fn read(name: &Path, mut input: impl Read, stored: u64, kind: Kind) -> Result<Idx> {
    let mut start = Vec::with_capacity(2);
    (&mut input)
        .take(2)
        .read_to_end(&mut start)
        .map_err(|source| Error::io("read", name, source))?;
    let packed = start == GZIP_MAGIC;
    let whole = Cursor::new(start).chain(input);
    let file = Contents { name, kind, stored };
    match packed {
        true => file.read(MultiGzDecoder::new(whole), true),
        false => file.read(whole, false),
    }
}

/// Joins images and labels, which must have equal counts.
pub fn join(images: Idx, images_name: &Path, labels: Idx, labels_name: &Path) -> Result<Images> {
    if images.count != labels.count {
        let [expected, found] = [images.count, labels.count].map(|count| counted(count, "labels"));
        let expected = format!(
            "{expected}, one for each image of {}",
            images_name.display()
        );
        return Err(Error::file(labels_name, expected, found));
    }
    let shape = (1, images.height as usize, images.width as usize);
    let labels = labels.values.into_iter().map(u32::from).collect();
    Images::new(shape, images.values, labels)
}

/// The unpacked bytes of one file, and the details for its error messages.
struct Contents<'a> {
    name: &'a Path,
    kind: Kind,
    stored: u64,
}

impl Contents<'_> {
    fn read(&self, mut input: impl Read, packed: bool) -> Result<Idx> {
        let noun = self.kind.noun();
        let (magic, header) = match self.kind {
            Kind::Images => (0x0803, 16),
            Kind::Labels => (0x0801, 8),
        };
        let found = self.number(&mut input)?;
        if found != magic {
            return Err(self.wrong(
                format!("an IDX file of {noun} (first four bytes 0x{magic:08x})"),
                format!("0x{found:08x}"),
            ));
        }
        let count = self.number(&mut input)?;
        let (height, width) = match self.kind {
            Kind::Images => (self.number(&mut input)?, self.number(&mut input)?),
            Kind::Labels => (1, 1),
        };
        let promised = self.promised(count, height, width)?;
        let contents = match self.kind {
            Kind::Images => format!("{} of {height}x{width}", counted(count, "images")),
            Kind::Labels => counted(count, "labels"),
        };
        let [bytes, stored] = [promised + header, self.stored].map(grouped);
        let expected = format!("{bytes} bytes for the {contents} that its header promises");
        if !packed && self.stored != promised + header {
            return Err(self.wrong(expected, format!("{stored} bytes")));
        }
        if packed && promised / MAX_GZIP_RATIO > self.stored {
            let found = format!("{stored} gzipped bytes, which cannot hold as many");
            return Err(self.wrong(expected, found));
        }
        let too_large = || self.wrong("no more than fits into memory", contents.as_str());
        let length = usize::try_from(promised).map_err(|_| too_large())?;
        let mut values = room(length.saturating_add(1)).ok_or_else(too_large)?;
        // Read one byte more: it must not exist, and this also verifies the checksum at the end of a
        // gzip file.
        (input.take(promised + 1))
            .read_to_end(&mut values)
            .map_err(|source| self.failed(source))?;
        if values.len() > length {
            return Err(self.wrong(expected, "more bytes after them"));
        }
        if values.len() < length {
            let found = values.len() as u64 + header;
            return Err(self.wrong(expected, counted(found, "bytes")));
        }
        Ok(Idx {
            count,
            height,
            width,
            values,
        })
    }

    /// The number of values that a header promises, if a valid file can hold that many.
    fn promised(&self, count: u32, height: u32, width: u32) -> Result<u64> {
        if count == 0 {
            return Err(self.wrong(format!("1 or more {}", self.kind.noun()), "none"));
        }
        let side = 1..=MAX_SIDE;
        if !side.contains(&height) || !side.contains(&width) {
            return Err(self.wrong(
                format!("images of 1x1 to {MAX_SIDE}x{MAX_SIDE} pixels"),
                format!("a header that says {height}x{width}"),
            ));
        }
        // Below 2^32 * 2^12 * 2^12: no overflow.
        let promised = u64::from(count) * u64::from(height) * u64::from(width);
        if promised > MAX_BYTES {
            return Err(self.wrong(
                format!("at most {} bytes of values", grouped(MAX_BYTES)),
                format!("a header that promises {}", grouped(promised)),
            ));
        }
        Ok(promised)
    }

    fn number(&self, input: &mut impl Read) -> Result<u32> {
        let mut bytes = [0; 4];
        match input.read_exact(&mut bytes) {
            Ok(()) => Ok(u32::from_be_bytes(bytes)),
            Err(source) if source.kind() == ErrorKind::UnexpectedEof => Err(self.wrong(
                format!("an IDX file of {}", self.kind.noun()),
                format!("a file of {} bytes that ends in its header", self.stored),
            )),
            Err(source) => Err(self.failed(source)),
        }
    }

    fn wrong(&self, expected: impl Into<String>, found: impl Into<String>) -> Error {
        Error::file(self.name, expected, found)
    }

    /// A read error: a decoder's error is about the file, any other is the system's.
    fn failed(&self, source: io::Error) -> Error {
        match source.kind() {
            ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof => {
                self.wrong("a sound gzip file", format!("a damaged one ({source})"))
            }
            _ => Error::io("read", self.name, source),
        }
    }
}
