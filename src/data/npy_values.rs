//! Values of NumPy's types, their order in a file, and the bytes that they stand for as pixels.

use half::f16;

use super::grouped;
use super::npy_header::{Header, Kind};

/// Puts interleaved channels into planes, image by image.
pub fn separate(pixels: &mut [u8], channels: usize, plane: usize) {
    let mut planes = vec![0; channels * plane];
    for image in pixels.chunks_exact_mut(channels * plane) {
        for (channel, plane) in planes.chunks_exact_mut(plane).enumerate() {
            let samples = image.iter().skip(channel).step_by(channels);
            for (to, from) in plane.iter_mut().zip(samples) {
                *to = *from;
            }
        }
        image.copy_from_slice(&planes);
    }
}

/// One value of an array.
#[derive(Debug, Clone, Copy)]
pub enum Value {
    Integer(i128),
    Float(f64),
}

impl Value {
    /// The value in its bytes, at most 8.
    #[inline]
    pub fn read(header: &Header, bytes: &[u8]) -> Self {
        let mut ordered = [0; 8];
        if let Some(to) = ordered.get_mut(..bytes.len()) {
            to.copy_from_slice(bytes);
            if header.big_endian {
                to.reverse();
            }
        }
        let bits = u64::from_le_bytes(ordered);
        match header.kind {
            Kind::Bool => Self::Integer((bits != 0).into()),
            Kind::Unsigned(_) => Self::Integer(bits.into()),
            Kind::Signed(bytes) => {
                let unused = 64 - 8 * u32::from(bytes);
                Self::Integer(((bits << unused).cast_signed() >> unused).into())
            }
            // The casts keep the bits that a value has.
            Kind::Float(2) => Self::Float(f16::from_bits(bits as u16).to_f64()),
            Kind::Float(4) => Self::Float(f32::from_bits(bits as u32).into()),
            Kind::Float(_) => Self::Float(f64::from_bits(bits)),
        }
    }

    #[inline]
    pub fn to_f64(self) -> f64 {
        match self {
            // Converting 128 bits is a call that takes longer than all else.
            Self::Integer(value) => i64::try_from(value).map_or(value as f64, |value| value as f64),
            Self::Float(value) => value,
        }
    }

    /// The label that the value is; otherwise the value as text.
    pub fn label(self) -> Result<u32, String> {
        let (label, text) = match self {
            Self::Integer(value) => (u32::try_from(value).ok(), value.to_string()),
            // A cast from a float saturates.
            Self::Float(value) => (
                (f64::from(value as u32) == value).then_some(value as u32),
                value.to_string(),
            ),
        };
        label.ok_or(text)
    }
}

/// The places in C order of the values of an array that is stored in Fortran order.
#[derive(Debug)]
pub struct FortranOrder {
    /// The length of each axis, the step along it in C order, and the place on it.
    axes: Vec<[usize; 3]>,
    next: usize,
}

impl FortranOrder {
    /// An array of this shape, whose values memory can hold.
    pub fn new(shape: &[u64]) -> Self {
        let mut step = 1usize;
        let sides = shape.iter().rev();
        let mut axes: Vec<[usize; 3]> = sides
            .map(|&side| {
                let side = usize::try_from(side).unwrap_or(usize::MAX);
                let axis = [side, step, 0];
                step = step.saturating_mul(side);
                axis
            })
            .collect();
        axes.reverse();
        Self { axes, next: 0 }
    }
}

impl Iterator for FortranOrder {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let place = self.next;
        for [side, step, at] in &mut self.axes {
            *at += 1;
            self.next += *step;
            if *at < *side {
                break;
            }
            self.next -= *at * *step;
            *at = 0;
        }
        Some(place)
    }
}

/// The values that stand for white in floats or masks, in bytes, and in 16-bit integers.
const ONE: f64 = 1.0;
const BYTE: f64 = 255.0;
const WORD: f64 = 65_535.0;

/// Turns values into bytes. The value that stands for white is 1 until a larger one is seen, then 255, then
/// 65,535 where the type is made for it; bytes from before are converted again.
#[derive(Debug)]
pub struct Pixel {
    kind: Kind,
    white: f64,
    largest: f64,
    /// Whether some value is not, but for rounding, a multiple of white / 255.
    rounded: bool,
}

impl Pixel {
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            white: ONE,
            largest: 0.0,
            rounded: false,
        }
    }

    /// The allowed values, for errors.
    pub fn expected(&self) -> &'static str {
        match self.kind {
            Kind::Unsigned(2) => "integers from 0 to 65,535",
            Kind::Float(_) => {
                "floats from 0 to 1, or from 0 to 255 (scale others, as in (x - x.min()) / (x.max() - x.min()))"
            }
            _ => "integers from 0 to 255 (scale others, as in (x - x.min()) / (x.max() - x.min()))",
        }
    }

    /// The byte of a value, where `before` holds those of all values before it; a value that is no pixel is
    /// returned as text.
    #[inline]
    pub fn byte(&mut self, value: f64, before: &mut [u8]) -> Result<u8, String> {
        let most = match self.kind {
            Kind::Unsigned(2) => WORD,
            _ => BYTE,
        };
        // False for NaN.
        if !(0.0..=most).contains(&value) {
            return Err(value.to_string());
        }
        while value > self.white {
            self.raise_white(before);
        }
        self.largest = self.largest.max(value);
        let exact = value * (BYTE / self.white);
        // The cast rounds down. `round` would be a call, as the baseline of x86-64 has no instruction for it.
        let nearest = (exact + 0.5) as u8;
        // Half precision keeps multiples of 1/255 within 0.07.
        self.rounded |= (exact - f64::from(nearest)).abs() > 0.125;
        Ok(nearest)
    }

    /// Takes the next larger value for white, and converts the bytes so far.
    #[cold]
    fn raise_white(&mut self, before: &mut [u8]) {
        // What was white is 1 of 255, or nearest to 1 of 255 in the upper half of 0 to 255.
        let (white, least) = match self.white == ONE {
            true => (BYTE, 128),
            false => (WORD, 129),
        };
        for byte in before {
            *byte = u8::from(*byte >= least);
        }
        self.white = white;
    }

    /// What the values reach, if that leaves open which value is white.
    pub fn doubt(&self) -> Option<String> {
        let open = self.white > ONE && self.largest <= 0.5 * self.white;
        open.then(|| format!("none above {}", self.largest))
    }

    /// The value that stands for white; `None` where the type tells, or there was none but 0.
    pub fn white(&self) -> Option<f64> {
        let told = matches!(self.kind, Kind::Bool | Kind::Unsigned(1)) || self.largest == 0.0;
        (!told).then_some(self.white)
    }

    /// What was taken for granted.
    pub fn taken(&self) -> Option<String> {
        let white = self.white()?;
        let is_float = matches!(self.kind, Kind::Float(_));
        let rounded = if self.rounded {
            ", rounded to 256 levels"
        } else {
            ""
        };
        if !self.rounded && ((is_float && white == ONE) || (!is_float && white == BYTE)) {
            return None;
        }
        let kind = if is_float { "floats" } else { "integers" };
        Some(format!(
            "{kind} taken for values from 0 to {}{rounded}",
            grouped(white)
        ))
    }
}
