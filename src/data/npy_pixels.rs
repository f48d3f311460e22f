//! The bytes that NumPy's values stand for as pixels.

use super::grouped;
use super::npy_header::Kind;

/// The values that stand for white in floats or masks, in bytes, and in 16-bit integers.
const ONE: f64 = 1.0;
const BYTE: f64 = 255.0;
const WORD: f64 = 65_535.0;
/// How far a value lies at most from its byte where it was a byte before: half precision keeps multiples of 1/255
/// within 0.07.
const ROUNDING: f64 = 0.125;

/// The nearest byte to a value from 0 to 255, and its distance.
#[inline(always)]
fn nearest(exact: f64) -> (u8, f64) {
    // The cast rounds down. `round` would be a call, as the baseline of x86-64 has no instruction for it.
    let byte = (exact + 0.5) as u8;
    (byte, (exact - f64::from(byte)).abs())
}

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

    /// The bytes of the next values, where `before` holds those of all values before them; a value that is no
    /// pixel is returned as text.
    pub fn bytes(
        &mut self,
        values: &[f64],
        bytes: &mut Vec<u8>,
        before: &mut [u8],
    ) -> Result<(), String> {
        bytes.clear();
        // No early end, so that the compiler takes several values at once. False for NaN.
        let fit = |fit, value| fit & (0.0..=self.white).contains(value);
        if values.iter().fold(true, fit) {
            let factor = BYTE / self.white;
            let (mut largest, mut farthest) = (self.largest, 0.0f64);
            bytes.extend(values.iter().map(|&value| {
                let (byte, distance) = nearest(value * factor);
                largest = largest.max(value);
                farthest = farthest.max(distance);
                byte
            }));
            self.largest = largest;
            self.rounded |= farthest > ROUNDING;
            return Ok(());
        }
        for &value in values {
            let byte = self.byte(value, [&mut *before, bytes.as_mut_slice()])?;
            bytes.push(byte);
        }
        Ok(())
    }

    /// The byte of a value, where `before` holds those of the values before it.
    fn byte(&mut self, value: f64, mut before: [&mut [u8]; 2]) -> Result<u8, String> {
        let most = match self.kind {
            Kind::Unsigned(2) => WORD,
            _ => BYTE,
        };
        if !(0.0..=most).contains(&value) {
            return Err(value.to_string());
        }
        while value > self.white {
            self.raise_white(&mut before);
        }
        self.largest = self.largest.max(value);
        let (byte, distance) = nearest(value * (BYTE / self.white));
        self.rounded |= distance > ROUNDING;
        Ok(byte)
    }

    /// Takes the next larger value for white, and converts the bytes so far.
    #[cold]
    fn raise_white(&mut self, before: &mut [&mut [u8]; 2]) {
        // What was white is 1 of 255, or nearest to 1 of 255 in the upper half of 0 to 255.
        let (white, least) = match self.white == ONE {
            true => (BYTE, 128),
            false => (WORD, 129),
        };
        for byte in before.iter_mut().flat_map(|bytes| bytes.iter_mut()) {
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
