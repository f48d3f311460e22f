//! Square parts of pictures that are larger than a network's input.

use crate::corruption::NoiseKey;

/// The values of a picture, 0 to 255, of which a network reads patches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Whole<'a> {
    /// Channel after channel, each row by row.
    pub planes: &'a [u8],
    /// Rows.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
}

/// The place of a patch in a picture, and how it is turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patch {
    top: usize,
    left: usize,
    side: usize,
    /// Mirrored across the main diagonal, upside down, left to right, in this order: all eight symmetries of a square.
    symmetry: [bool; 3],
}

impl Whole<'_> {
    /// The patch in the middle.
    pub(super) fn central(&self, side: usize) -> Patch {
        Patch {
            top: self.height.saturating_sub(side) / 2,
            left: self.width.saturating_sub(side) / 2,
            side,
            symmetry: [false; 3],
        }
    }

    /// A patch at a place that is drawn, turned and mirrored at random if `turned`.
    pub(super) fn drawn(&self, side: usize, turned: bool, key: NoiseKey, sample: u64) -> Patch {
        let mut stream = key.stream(sample);
        // Below the number of places, as the draw is below 1; casts from float saturate.
        let mut below = |places: usize| {
            let places = places.max(1);
            ((stream.uniform() * places as f64) as usize).min(places - 1)
        };
        Patch {
            top: below((self.height + 1).saturating_sub(side)),
            left: below((self.width + 1).saturating_sub(side)),
            side,
            symmetry: std::array::from_fn(|_| turned && below(2) == 1),
        }
    }

    /// Writes the values of a patch, from 0 to 1, channel after channel and row by row.
    pub(super) fn cut(&self, patch: Patch, out: &mut [f32]) {
        let Patch { side, symmetry, .. } = patch;
        let [across, down, back] = symmetry;
        let mirrored = |place: usize, is_mirrored: bool| match is_mirrored {
            true => side - 1 - place,
            false => place,
        };
        let planes = self.planes.chunks_exact((self.height * self.width).max(1));
        for (channel, plane) in planes.enumerate() {
            let rows = plane.chunks_exact(self.width.max(1)).skip(patch.top);
            for (y, row) in rows.take(side).enumerate() {
                for (x, &value) in row.iter().skip(patch.left).take(side).enumerate() {
                    let (y, x) = if across { (x, y) } else { (y, x) };
                    let (y, x) = (mirrored(y, down), mirrored(x, back));
                    if let Some(out) = out.get_mut((channel * side + y) * side + x) {
                        *out = f32::from(value) / 255.0;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::random::Purpose;

    const KEY: NoiseKey = NoiseKey {
        seed: 3,
        purpose: Purpose::Patch,
        epoch: 1,
    };

    fn cut(whole: Whole, patch: Patch, channels: usize) -> Vec<u8> {
        let mut out = vec![0.0; channels * patch.side * patch.side];
        whole.cut(patch, &mut out);
        out.into_iter().map(|v| (v * 255.0).round() as u8).collect()
    }

    #[test]
    fn the_middle_is_a_copy() {
        let planes: Vec<u8> = (0..2 * 4 * 5).collect();
        let whole = Whole {
            planes: &planes,
            height: 4,
            width: 5,
        };
        let expected = [6, 7, 11, 12, 26, 27, 31, 32];
        assert_eq!(cut(whole, whole.central(2), 2), expected);
    }

    #[test]
    fn all_places_and_all_eight_symmetries_are_drawn_alike() {
        // Of 2x2 different values, the symmetries have 8 orders; there are 2 x 3 places.
        let planes: Vec<u8> = (0..12).collect();
        let whole = Whole {
            planes: &planes,
            height: 3,
            width: 4,
        };
        let patches = |turned| -> Vec<Vec<u8>> {
            let drawn = (0..4800).map(|sample| whole.drawn(2, turned, KEY, sample));
            drawn.map(|patch| cut(whole, patch, 1)).collect()
        };
        let all = patches(true);
        let distinct: BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), 6 * 8);
        for patch in distinct {
            let times = all.iter().filter(|other| *other == patch).count();
            assert!((60..=140).contains(&times), "{patch:?}: {times} of 4800");
        }
        let straight: BTreeSet<_> = patches(false).into_iter().collect();
        assert_eq!(straight.len(), 6);
        assert!(straight.contains(&vec![0, 1, 4, 5]));
    }
}
