//! Values of NumPy's types.

use half::f16;

use super::npy_header::{Header, Kind};

/// What a value is read as.
pub trait Read: Sized {
    fn signed(value: i64) -> Self;
    fn unsigned(value: u64) -> Self;
    fn float(value: f64) -> Self;
}

/// The nearest number to the value.
impl Read for f64 {
    #[inline(always)]
    fn signed(value: i64) -> Self {
        value as Self
    }

    #[inline(always)]
    fn unsigned(value: u64) -> Self {
        value as Self
    }

    #[inline(always)]
    fn float(value: f64) -> Self {
        value
    }
}

/// A value with all its digits.
#[derive(Debug, Clone, Copy)]
pub enum Value {
    Signed(i64),
    Unsigned(u64),
    Float(f64),
}

impl Read for Value {
    fn signed(value: i64) -> Self {
        Self::Signed(value)
    }

    fn unsigned(value: u64) -> Self {
        Self::Unsigned(value)
    }

    fn float(value: f64) -> Self {
        Self::Float(value)
    }
}

impl Value {
    /// The label that the value is; otherwise the value as text.
    pub fn label(self) -> Result<u32, String> {
        let (label, text) = match self {
            Self::Signed(value) => (u32::try_from(value).ok(), value.to_string()),
            Self::Unsigned(value) => (u32::try_from(value).ok(), value.to_string()),
            // A cast from a float saturates.
            Self::Float(value) => (
                (f64::from(value as u32) == value).then_some(value as u32),
                value.to_string(),
            ),
        };
        label.ok_or(text)
    }
}

/// Replaces `values` by those in these bytes, a whole number of values of the header's type.
pub fn read<T: Read>(header: &Header, bytes: &[u8], values: &mut Vec<T>) {
    values.clear();
    let big = header.big_endian;
    // Small integers are converted as signed ones, for which processors have an instruction.
    match header.kind {
        Kind::Bool => each(bytes, big, values, |[byte]| T::signed((byte != 0).into())),
        Kind::Signed(1) => each(bytes, big, values, |x| {
            T::signed(i8::from_le_bytes(x).into())
        }),
        Kind::Signed(2) => each(bytes, big, values, |x| {
            T::signed(i16::from_le_bytes(x).into())
        }),
        Kind::Signed(4) => each(bytes, big, values, |x| {
            T::signed(i32::from_le_bytes(x).into())
        }),
        Kind::Signed(_) => each(bytes, big, values, |x| T::signed(i64::from_le_bytes(x))),
        Kind::Unsigned(1) => each(bytes, big, values, |[byte]| T::signed(byte.into())),
        Kind::Unsigned(2) => each(bytes, big, values, |x| {
            T::signed(u16::from_le_bytes(x).into())
        }),
        Kind::Unsigned(4) => each(bytes, big, values, |x| {
            T::signed(u32::from_le_bytes(x).into())
        }),
        Kind::Unsigned(_) => each(bytes, big, values, |x| T::unsigned(u64::from_le_bytes(x))),
        Kind::Float(2) => each(bytes, big, values, |x| {
            T::float(f16::from_le_bytes(x).to_f64())
        }),
        Kind::Float(4) => each(bytes, big, values, |x| {
            T::float(f32::from_le_bytes(x).into())
        }),
        Kind::Float(_) => each(bytes, big, values, |x| T::float(f64::from_le_bytes(x))),
    }
}

/// Reads values of `N` bytes each; `value` takes them in little-endian order.
#[inline(always)]
fn each<T, const N: usize>(
    bytes: &[u8],
    big_endian: bool,
    values: &mut Vec<T>,
    value: impl Fn([u8; N]) -> T,
) {
    let (stored, _) = bytes.as_chunks::<N>();
    match big_endian {
        true => values.extend(stored.iter().map(|&(mut bytes)| {
            bytes.reverse();
            value(bytes)
        })),
        false => values.extend(stored.iter().map(|&bytes| value(bytes))),
    }
}
