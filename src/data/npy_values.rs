//! Values of NumPy's types as bytes; a value that does not fit is returned as text.

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

/// A byte, unchanged.
pub fn byte(value: &[u8]) -> Result<u8, String> {
    value.first().copied().ok_or_else(String::new)
}

/// The byte that a 32-bit float in [0, 1] stands for.
pub fn float32(value: &[u8]) -> Result<u8, String> {
    let value = value.first_chunk().map(|bytes| f32::from_le_bytes(*bytes));
    share(value.map_or(f64::NAN, f64::from))
}

/// Like [`float32`], for a 64-bit float.
pub fn float64(value: &[u8]) -> Result<u8, String> {
    let value = value.first_chunk().map(|bytes| f64::from_le_bytes(*bytes));
    share(value.unwrap_or(f64::NAN))
}

/// The byte nearest to 255 times the value.
fn share(value: f64) -> Result<u8, String> {
    if (0.0..=1.0).contains(&value) {
        Ok((value * 255.0).round() as u8)
    } else {
        Err(format!("{value}"))
    }
}

/// An unsigned integer of any size that fits into a byte.
pub fn unsigned(value: &[u8]) -> Result<u8, String> {
    integer(value, 0)
}

/// Like [`unsigned`], for a signed integer.
pub fn signed(value: &[u8]) -> Result<u8, String> {
    let negative = value.last().is_some_and(|byte| *byte >= 0x80);
    integer(value, if negative { 0xff } else { 0 })
}

/// An integer of at most 8 bytes, extended to 16 by bytes of its sign.
fn integer(value: &[u8], sign: u8) -> Result<u8, String> {
    let mut bytes = [sign; 16];
    for (to, from) in bytes.iter_mut().zip(value) {
        *to = *from;
    }
    let value = i128::from_le_bytes(bytes);
    u8::try_from(value).map_err(|_| value.to_string())
}
