//! The header of a NumPy array file: a literal of a Python dictionary with type, order and shape.
//!
//! Formats 1.0, 2.0 and 3.0 (NumPy enhancement proposal 1 and `numpy.lib.format`). The parser is
//! strict: anything that NumPy does not write is refused with the reason, and nothing is used
//! unchecked.

use std::io::{self, Read};

use super::python::{Literal, excerpt, tuple};

/// The longest header that is accepted. NumPy's have about 128 bytes, and NumPy refuses any above
/// 10,000.
const MAX_HEADER: u32 = 10_000;
/// NumPy aligns the values to a multiple of this many bytes.
const ALIGNMENT: usize = 64;
/// The first bytes of a file.
pub const MAGIC: [u8; 6] = *b"\x93NUMPY";

/// The type of one value, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Signed integers of 1, 2, 4 or 8 bytes.
    Signed(u8),
    /// Unsigned integers of 1, 2, 4 or 8 bytes.
    Unsigned(u8),
    /// Floats of 4 or 8 bytes.
    Float(u8),
}

impl Kind {
    /// Bytes of one value.
    pub fn bytes(self) -> u8 {
        match self {
            Self::Signed(bytes) | Self::Unsigned(bytes) | Self::Float(bytes) => bytes,
        }
    }
}

/// The contents of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    pub kind: Kind,
    pub shape: Vec<u64>,
    /// Bytes before the first value.
    pub length: u64,
}

/// Why a header is refused.
#[derive(Debug)]
pub enum Refusal {
    Io(io::Error),
    /// The expectation, and the finding.
    Wrong(&'static str, String),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                Self::Wrong("a whole header", "a file that ends in it".into())
            }
            _ => Self::Io(error),
        }
    }
}

/// Reads a header and leaves the input at the first value.
pub fn read(input: &mut impl Read) -> Result<Header, Refusal> {
    let mut start = [0; 8];
    input.read_exact(&mut start)?;
    let [magic @ .., major, minor] = start;
    if magic != MAGIC {
        let found = "another kind of file".to_string();
        return Err(Refusal::Wrong("an array of NumPy (.npy)", found));
    }
    let (length, before) = match (major, minor) {
        (1, 0) => {
            let mut bytes = [0; 2];
            input.read_exact(&mut bytes)?;
            (u32::from(u16::from_le_bytes(bytes)), 10)
        }
        (2 | 3, 0) => {
            let mut bytes = [0; 4];
            input.read_exact(&mut bytes)?;
            (u32::from_le_bytes(bytes), 12)
        }
        _ => {
            let found = format!("format {major}.{minor}");
            return Err(Refusal::Wrong("format 1.0, 2.0 or 3.0 of NumPy", found));
        }
    };
    if length > MAX_HEADER {
        let found = format!("one of {length} bytes");
        return Err(Refusal::Wrong("a header of at most 10,000 bytes", found));
    }
    let mut text = Vec::new();
    input.take(u64::from(length)).read_to_end(&mut text)?;
    if text.len() as u64 != u64::from(length) {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    let (kind, shape) = parse(&text)?;
    Ok(Header {
        kind,
        shape,
        length: u64::from(length) + before,
    })
}

/// The header of an array in C order, as NumPy writes it.
pub fn write(kind: Kind, shape: &[usize]) -> Vec<u8> {
    let bytes = kind.bytes();
    let descr = match kind {
        Kind::Signed(1) => "|i1".to_string(),
        Kind::Unsigned(1) => "|u1".to_string(),
        Kind::Signed(_) => format!("<i{bytes}"),
        Kind::Unsigned(_) => format!("<u{bytes}"),
        Kind::Float(_) => format!("<f{bytes}"),
    };
    let shape = tuple(shape);
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    // Magic, version and length take 10 bytes; the values start at a multiple of 64.
    let length = (10 + text.len() + 1).next_multiple_of(ALIGNMENT) - 10;
    text.extend(std::iter::repeat_n(
        ' ',
        length.saturating_sub(text.len() + 1),
    ));
    text.push('\n');
    let mut header = MAGIC.to_vec();
    header.extend([1, 0]);
    // Even NumPy's 64 dimensions take less than 1,500 bytes.
    header.extend(u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes());
    header.extend(text.into_bytes());
    header
}

const DICTIONARY: &str = "a header with 'descr', 'fortran_order' and 'shape'";

/// The type and shape in a header's text.
fn parse(text: &[u8]) -> Result<(Kind, Vec<u64>), Refusal> {
    let mut literal = Literal::new(text);
    let (mut kind, mut shape, mut fortran) = (None, None, None);
    let broken = || Refusal::Wrong(DICTIONARY, format!("`{}`", excerpt(text)));
    literal.take(b'{').ok_or_else(broken)?;
    while literal.take(b'}').is_none() {
        let key = literal.string().ok_or_else(broken)?;
        literal.take(b':').ok_or_else(broken)?;
        match key {
            b"descr" if kind.is_none() => {
                if literal.next_is(b'[') {
                    return Err(Refusal::Wrong(TYPES, "a structured type".into()));
                }
                kind = Some(parse_kind(literal.string().ok_or_else(broken)?)?);
            }
            b"fortran_order" if fortran.is_none() => {
                fortran = Some(literal.boolean().ok_or_else(broken)?);
            }
            b"shape" if shape.is_none() => shape = Some(literal.shape().ok_or_else(broken)?),
            _ => return Err(broken()),
        }
        if literal.take(b',').is_none() && !literal.next_is(b'}') {
            return Err(broken());
        }
    }
    if !literal.is_at_end() {
        return Err(broken());
    }
    match (kind, shape, fortran) {
        (Some(kind), Some(shape), Some(false)) => Ok((kind, shape)),
        (Some(_), Some(_), Some(true)) => Err(Refusal::Wrong(
            "values in C order (see numpy.ascontiguousarray)",
            "Fortran order".into(),
        )),
        _ => Err(broken()),
    }
}

const TYPES: &str = "integers, float32 or float64, little-endian (see numpy's astype)";

fn parse_kind(descr: &[u8]) -> Result<Kind, Refusal> {
    let named = |what: &str| {
        let found = format!("{what} (`{}`)", excerpt(descr));
        Refusal::Wrong(TYPES, found)
    };
    match descr {
        [b'|' | b'<', b'u', b'1'] => Ok(Kind::Unsigned(1)),
        [b'|' | b'<', b'i', b'1'] => Ok(Kind::Signed(1)),
        [b'<', b'u', bytes @ (b'2' | b'4' | b'8')] => Ok(Kind::Unsigned(bytes - b'0')),
        [b'<', b'i', bytes @ (b'2' | b'4' | b'8')] => Ok(Kind::Signed(bytes - b'0')),
        [b'<', b'f', bytes @ (b'4' | b'8')] => Ok(Kind::Float(bytes - b'0')),
        [b'>', ..] => Err(named("big-endian values")),
        [b'|' | b'<', b'O', ..] => Err(named("Python objects")),
        _ => Err(named("another type")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(major: u8, text: &str) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([major, 0]);
        let length = text.len() as u32;
        match major {
            1 => bytes.extend((length as u16).to_le_bytes()),
            _ => bytes.extend(length.to_le_bytes()),
        }
        bytes.extend(text.as_bytes());
        bytes
    }

    fn wrong(bytes: &[u8]) -> String {
        match read(&mut &*bytes).unwrap_err() {
            Refusal::Wrong(expected, found) => format!("expected {expected}, found {found}"),
            Refusal::Io(error) => panic!("{error}"),
        }
    }

    #[test]
    fn headers_as_numpy_writes_them_are_read() {
        let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }      \n";
        for (major, before) in [(1, 10), (2, 12), (3, 12)] {
            let mut bytes = file(major, text);
            bytes.push(7);
            let mut input = bytes.as_slice();
            let header = read(&mut input).unwrap();
            assert_eq!(header.kind, Kind::Float(4));
            assert_eq!(header.shape, [3, 4]);
            assert_eq!(header.length, text.len() as u64 + before);
            assert_eq!(input, [7]);
        }
        for (shape, expected) in [
            ("()", vec![]),
            ("(3,)", vec![3]),
            ("( 1 , 2,3 ,)", vec![1, 2, 3]),
        ] {
            let text = format!("{{\"shape\":{shape},'fortran_order':False,'descr':'|u1'}}");
            assert_eq!(
                read(&mut file(1, &text).as_slice()).unwrap().shape,
                expected
            );
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
            let header = read(&mut bytes.as_slice()).unwrap();
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
            let message = wrong(&file(1, text));
            assert!(message.contains("'descr'"), "{text}: {message}");
        }
        let many = format!(
            "{{'descr': '|u1', 'fortran_order': False, 'shape': ({}) }}",
            "1,".repeat(65)
        );
        assert!(wrong(&file(1, &many)).contains("..."));
    }

    #[test]
    fn files_that_end_in_the_header_are_refused() {
        let whole = file(
            2,
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }\n",
        );
        for length in 0..whole.len() {
            assert!(wrong(&whole[..length]).contains("ends in it"), "{length}");
        }
        assert!(wrong(b"\x89PNG\r\n\x1a\n").contains("another kind"));
        assert!(wrong(b"\x93NUMPY\x04\x00").contains("format 4.0"));
        assert!(wrong(b"\x93NUMPY\x02\x00\xff\xff\xff\xff").contains("4294967295 bytes"));
    }

    #[test]
    fn types_and_orders_that_are_not_read_are_named() {
        let with = |descr: &str, order: &str| {
            let text = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': (3,), }}");
            wrong(&file(1, &text))
        };
        assert!(with("'>f4'", "False").contains("big-endian values (`>f4`)"));
        assert!(with("'|O'", "False").contains("Python objects (`|O`)"));
        assert!(with("'<f2'", "False").contains("another type (`<f2`)"));
        assert!(with("'<U8'", "False").contains("another type (`<U8`)"));
        assert!(with("[('a', '<f4')]", "False").contains("a structured type"));
        assert!(with("'<f4'", "True").contains("found Fortran order"));
    }
}
