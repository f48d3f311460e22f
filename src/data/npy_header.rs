//! The header of a NumPy array file: a literal of a Python dictionary with type, order and shape.
//!
//! Formats 1.0, 2.0 and 3.0 (NumPy enhancement proposal 1 and `numpy.lib.format`). The parser is
//! strict: anything that NumPy does not write is refused with the reason, and nothing is used
//! unchecked.

use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::python::{Literal, excerpt, tuple};
use crate::{Error, Result};

/// The longest header that is accepted. NumPy's have about 128 bytes, and NumPy refuses any above
/// 10,000.
const MAX_HEADER: u32 = 10_000;
/// NumPy aligns the values to a multiple of this many bytes.
const ALIGNMENT: usize = 64;
/// The first bytes of a file.
pub const MAGIC: [u8; 6] = *b"\x93NUMPY";

/// The type of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A byte, 0 or 1.
    Bool,
    /// Signed integers of 1, 2, 4 or 8 bytes.
    Signed(u8),
    /// Unsigned integers of 1, 2, 4 or 8 bytes.
    Unsigned(u8),
    /// Floats of 2, 4 or 8 bytes.
    Float(u8),
}

impl Kind {
    /// Bytes of one value.
    pub fn bytes(self) -> u8 {
        match self {
            Self::Bool => 1,
            Self::Signed(bytes) | Self::Unsigned(bytes) | Self::Float(bytes) => bytes,
        }
    }
}

/// The contents of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub kind: Kind,
    pub big_endian: bool,
    /// The first axis varies fastest.
    pub fortran: bool,
    pub shape: Vec<u64>,
    /// Bytes before the first value.
    pub length: u64,
}

/// Reads a header and leaves the input at the first value; `name` is for error messages.
pub fn read(name: &Path, input: &mut impl Read) -> Result<Header> {
    let mut fill = |bytes: &mut [u8]| {
        let read = input.read_exact(bytes);
        read.map_err(|source| match source.kind() {
            ErrorKind::UnexpectedEof => {
                Error::file(name, "a whole header", "a file that ends in it")
            }
            _ => failed(name, source),
        })
    };
    let mut start = [0; 8];
    fill(&mut start)?;
    let [magic @ .., major, minor] = start;
    if magic != MAGIC {
        let expected = "an array of NumPy (.npy)";
        return Err(Error::file(name, expected, "another kind of file"));
    }
    let mut length = [0; 4];
    let width = match (major, minor) {
        (1, 0) => 2,
        (2 | 3, 0) => 4,
        _ => {
            let found = format!("format {major}.{minor}");
            return Err(Error::file(name, "format 1.0, 2.0 or 3.0 of NumPy", found));
        }
    };
    fill(length.get_mut(..width).unwrap_or_default())?;
    let length = u32::from_le_bytes(length);
    if length > MAX_HEADER {
        let found = format!("one of {length} bytes");
        return Err(Error::file(name, "a header of at most 10,000 bytes", found));
    }
    let mut text = vec![0; length as usize];
    fill(&mut text)?;
    let mut header = parse(name, &text)?;
    header.length = (start.len() + width + text.len()) as u64;
    Ok(header)
}

/// A read error: the system's, or the archive reader's about a damaged file.
pub fn failed(name: &Path, source: io::Error) -> Error {
    match source.kind() {
        ErrorKind::UnexpectedEof => Error::file(name, "a whole array", "one that ends early"),
        _ if source.raw_os_error().is_some() => Error::io("read", name, source),
        _ => Error::file(name, "a sound array", format!("a damaged one ({source})")),
    }
}

/// The header of an array in C order, as NumPy writes it.
pub fn write(kind: Kind, shape: &[usize]) -> Vec<u8> {
    let (letter, bytes) = match kind {
        Kind::Bool => ('b', 1),
        Kind::Signed(bytes) => ('i', bytes),
        Kind::Unsigned(bytes) => ('u', bytes),
        Kind::Float(bytes) => ('f', bytes),
    };
    let order = if bytes == 1 { '|' } else { '<' };
    let shape = tuple(shape);
    let text = format!(
        "{{'descr': '{order}{letter}{bytes}', 'fortran_order': False, 'shape': {shape}, }}"
    );
    // Magic, version and length take 10 bytes; the values start at a multiple of 64.
    let length = (10 + text.len() + 1).next_multiple_of(ALIGNMENT) - 10;
    let mut header = MAGIC.to_vec();
    header.extend([1, 0]);
    // Even NumPy's 64 dimensions take less than 1,500 bytes.
    header.extend(u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes());
    header.extend(format!("{text:<width$}\n", width = length - 1).into_bytes());
    header
}

/// The header of a text; its length is left at 0.
fn parse(name: &Path, text: &[u8]) -> Result<Header> {
    let mut literal = Literal::new(text);
    let (mut kind, mut shape, mut fortran) = (None, None, None);
    let broken = || {
        let expected = "a header with 'descr', 'fortran_order' and 'shape'";
        Error::file(name, expected, format!("`{}`", excerpt(text)))
    };
    literal.take(b"{").ok_or_else(broken)?;
    while literal.take(b"}").is_none() {
        let key = literal.string().ok_or_else(broken)?;
        literal.take(b":").ok_or_else(broken)?;
        match key {
            b"descr" if kind.is_none() => {
                if literal.next_is(b"[") {
                    let found = "a structured type (save one of its fields, as in x['name'])";
                    return Err(Error::file(name, TYPES, found));
                }
                kind = Some(parse_kind(name, literal.string().ok_or_else(broken)?)?);
            }
            b"fortran_order" if fortran.is_none() => {
                fortran = Some(literal.boolean().ok_or_else(broken)?);
            }
            b"shape" if shape.is_none() => shape = Some(literal.shape().ok_or_else(broken)?),
            _ => return Err(broken()),
        }
        if literal.take(b",").is_none() && !literal.next_is(b"}") {
            return Err(broken());
        }
    }
    if !literal.is_at_end() {
        return Err(broken());
    }
    match (kind, shape, fortran) {
        (Some((kind, big_endian)), Some(shape), Some(fortran)) => Ok(Header {
            kind,
            big_endian,
            fortran,
            shape,
            length: 0,
        }),
        _ => Err(broken()),
    }
}

const TYPES: &str = "bool, integers or floats of at most 64 bits";
/// How to save values that are not of these types.
const NUMBERS: &str = "save numbers as np.save(\"x.npy\", x.astype('float32'))";
const CLASSES: &str = "save labels as np.unique(y, return_inverse=True)[1]";

/// The type of a description such as `<f4`, and whether its bytes are in big-endian order.
fn parse_kind(name: &Path, descr: &[u8]) -> Result<(Kind, bool)> {
    let kind = match descr {
        [_, b'b', b'1'] => Some(Kind::Bool),
        [_, b'u', bytes @ (b'1' | b'2' | b'4' | b'8')] => Some(Kind::Unsigned(bytes - b'0')),
        [_, b'i', bytes @ (b'1' | b'2' | b'4' | b'8')] => Some(Kind::Signed(bytes - b'0')),
        [_, b'f', bytes @ (b'2' | b'4' | b'8')] => Some(Kind::Float(bytes - b'0')),
        _ => None,
    };
    match (kind, descr) {
        (Some(kind), [b'<' | b'>', ..]) => return Ok((kind, descr.starts_with(b">"))),
        (Some(kind), [b'|', ..]) if kind.bytes() == 1 => return Ok((kind, false)),
        _ => {}
    }
    let (what, remedy) = match descr.get(1) {
        Some(b'O') => ("Python objects", format!("{NUMBERS}, or {CLASSES}")),
        Some(b'U' | b'S') => ("strings", CLASSES.to_string()),
        Some(b'c') => (
            "complex numbers",
            "save a real array, as np.abs(x)".to_string(),
        ),
        _ => ("another type", NUMBERS.to_string()),
    };
    let found = format!("{what}, `{}` ({remedy})", excerpt(descr));
    Err(Error::file(name, TYPES, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of format 1.0 with this header.
    fn file(text: &str) -> Vec<u8> {
        let mut bytes = [&MAGIC[..], &[1, 0]].concat();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes
    }

    fn header(bytes: &[u8]) -> Result<Header> {
        read(Path::new("x.npy"), &mut &*bytes)
    }

    #[test]
    fn headers_are_read_as_python_reads_them() {
        for (shape, expected) in [
            ("()", vec![]),
            ("(3,)", vec![3]),
            ("( 1 , 2,3 ,)", vec![1, 2, 3]),
        ] {
            let text = format!("{{\"shape\":{shape},'fortran_order':False,'descr':'|u1'}}");
            assert_eq!(header(&file(&text)).unwrap().shape, expected);
        }
    }

    #[test]
    fn headers_are_written_as_numpy_writes_them() {
        // numpy.lib.format.write_array_header_1_0 of the same, byte for byte.
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (60000, 128, 7, 7), }";
        let mut expected = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        expected.extend(format!("{text:<117}\n").into_bytes());
        let shape = [60_000, 128, 7, 7];
        assert_eq!(write(Kind::Float(4), &shape), expected);
        for (kind, shape) in [
            (Kind::Unsigned(1), vec![5]),
            (Kind::Signed(8), vec![]),
            (Kind::Float(8), vec![1; 40]),
        ] {
            let bytes = write(kind, &shape);
            let header = header(&bytes).unwrap();
            assert_eq!(header.kind, kind);
            assert_eq!(header.shape.len(), shape.len());
            assert_eq!(header.length, bytes.len() as u64);
            assert_eq!(header.length % 64, 0);
        }
    }

    #[test]
    fn what_numpy_does_not_write_is_refused() {
        for text in [
            "",
            "{",
            "{}",
            "[]",
            "{'descr': '|u1'}",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (3)}",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (3,,)}",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (3 4)}",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (-3,)}",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (18446744073709551616,)}",
            "{'descr': '|u1', 'fortran_order': false, 'shape': (3,)}",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), 'more': 1}",
            "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (3,)}",
            "{'descr': '|u1' 'fortran_order': False, 'shape': (3,)}",
            "{'descr': '|u1', 'fortran_order': False, 'shape': (3,)} 1",
            "{'descr': '|\\u1', 'fortran_order': False, 'shape': (3,)}",
            "__import__('os')",
        ] {
            let message = header(&file(text)).unwrap_err().to_string();
            assert!(message.contains("'descr'"), "{text}: {message}");
        }
        let sides = "1,".repeat(65);
        let many = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({sides}) }}");
        for (bytes, found) in [
            (file(&many), "..."),
            (b"\x93NUMPY\x04\x00".to_vec(), "format 4.0"),
        ] {
            let message = header(&bytes).unwrap_err().to_string();
            assert!(message.contains(found), "{message}");
        }
    }
}
