//! The method of Box and Muller, "A note on the generation of random normal deviates", 1958, which turns two
//! uniform numbers into two normal ones.
//!
//! Logarithm, sine and cosine are written without branches so that the compiler can vectorise them: a normal
//! number takes 3 ns, against 12 with the system's functions. They are computed in f64 and rounded to f32
//! once, so results are bit-identical on every processor and system, and nearly always equal those of a good
//! system library. From the rounded uniform number and angle to the normal value, the error is below 2 units
//! in the last place.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2, LN_2};

/// Two independent standard normal values from two words of random bits.
#[inline(always)]
pub(super) fn pair(words: [u32; 2]) -> [f32; 2] {
    let [radius, angle] = words.map(unit);
    let radius = (-2.0 * ln(radius)).sqrt();
    let (sin, cos) = sin_cos(std::f32::consts::TAU * angle);
    [radius * cos, radius * sin]
}

/// The midpoint of one of 2^24 equal cells of (0, 1), rounded to f32; for the last cell this is 1.
#[inline(always)]
fn unit(word: u32) -> f32 {
    const CELL: f32 = 1.0 / (1u32 << 24) as f32;
    // The shifted word is below 2^24, so it can be converted as a signed number, which is faster on most
    // processors.
    ((word >> 8) as i32 as f32 + 0.5) * CELL
}

/// The natural logarithm of a positive normal float.
///
/// With x = 2^e m, m from 1/sqrt(2) to sqrt(2), and s = (m - 1) / (m + 1) it is
/// e ln 2 + 2 (s + s^3/3 + s^5/5 + ...); the relative truncation error is below 4e-14.
#[inline(always)]
fn ln(x: f32) -> f32 {
    const HALF_ROOT: i32 = std::f32::consts::FRAC_1_SQRT_2.to_bits() as i32;
    let bits = x.to_bits() as i32;
    let exponent = (bits - HALF_ROOT) >> 23;
    let mantissa = f64::from(f32::from_bits((bits - (exponent << 23)) as u32));
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let terms = [15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0].map(|term: f64| 1.0 / term);
    (f64::from(exponent) * LN_2 + 2.0 * s * polynomial(s * s, &terms)) as f32
}

/// Sine and cosine of a number from 0 to 7.
///
/// Computed for the remainder of x after the nearest quarter turn, by series up to the 13th and 14th power
/// with a truncation error below 3e-14, then swapped and negated according to the quarter.
#[inline(always)]
fn sin_cos(x: f32) -> (f32, f32) {
    /// Adding this to a number below 2^51 rounds the number to an integer, which the sum's lowest bits then
    /// hold.
    const ROUND: f64 = 1.5 * (1u64 << 52) as f64;
    let x = f64::from(x);
    let shifted = x * FRAC_2_PI + ROUND;
    let quarter = shifted.to_bits();
    let rest = x - (shifted - ROUND) * FRAC_PI_2;
    let square = rest * rest;
    let sine = rest * polynomial(square, &SINE);
    let cosine = polynomial(square, &COSINE);
    let odd = quarter & 1 == 1;
    let (sine, cosine) = if odd { (cosine, sine) } else { (sine, cosine) };
    let negated = |value: f64, turns: u64| f64::from_bits(value.to_bits() ^ ((turns & 2) << 62));
    (
        negated(sine, quarter) as f32,
        negated(cosine, quarter.wrapping_add(1)) as f32,
    )
}

/// Coefficients of the series, from the highest power of the square down: signed reciprocals of factorials.
const SINE: [f64; 7] = [
    1.0 / 6_227_020_800.0,
    -1.0 / 39_916_800.0,
    1.0 / 362_880.0,
    -1.0 / 5_040.0,
    1.0 / 120.0,
    -1.0 / 6.0,
    1.0,
];
const COSINE: [f64; 8] = [
    -1.0 / 87_178_291_200.0,
    1.0 / 479_001_600.0,
    -1.0 / 3_628_800.0,
    1.0 / 40_320.0,
    -1.0 / 720.0,
    1.0 / 24.0,
    -1.0 / 2.0,
    1.0,
];

/// Evaluates a polynomial in `x`, with coefficients from the highest power down. Products and sums are not
/// fused, since not every processor supports it.
#[inline(always)]
fn polynomial(x: f64, factors: &[f64]) -> f64 {
    factors.iter().fold(0.0, |sum, factor| sum * x + factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The distance of `found` from `exact` in units in the last place of an f32 of that magnitude.
    fn ulps(found: f32, exact: f64) -> f64 {
        let size = (exact.abs() as f32).max(f32::MIN_POSITIVE);
        let unit = f64::from(f32::from_bits(size.to_bits() + 1)) - f64::from(size);
        (f64::from(found) - exact).abs() / unit
    }

    #[test]
    fn every_draw_has_a_logarithm_and_an_angle_to_the_last_bit() {
        let mut worst = [0.0f64; 3];
        for word in (0..1 << 24).map(|cell: u32| cell << 8) {
            let x = unit(word);
            let angle = std::f32::consts::TAU * x;
            let (sin, cos) = sin_cos(angle);
            let (x, angle) = (f64::from(x), f64::from(angle));
            let errors = [
                ulps(ln(x as f32), x.ln()),
                ulps(sin, angle.sin()),
                ulps(cos, angle.cos()),
            ];
            for (worst, error) in worst.iter_mut().zip(errors) {
                *worst = worst.max(error);
            }
        }
        assert!(worst.iter().all(|worst| *worst <= 0.5001), "{worst:?}");
    }

    #[test]
    fn the_ends_of_the_uniform_numbers_are_in_place() {
        assert_eq!(unit(0), 2f32.powi(-25));
        assert_eq!(unit(u32::MAX), 1.0);
        assert_eq!(ln(1.0), 0.0);
        assert_eq!(sin_cos(0.0), (0.0, 1.0));
        assert_eq!(pair([u32::MAX, 0]).map(f32::abs), [0.0, 0.0]);
    }
}
