//! The order of NumPy's values in a file and in memory.

use super::npy_header::Header;

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

/// The places in C order at which an array's values, as they follow each other in its file, belong.
#[derive(Debug)]
pub enum Order {
    /// The next place.
    C(usize),
    Fortran(FortranOrder),
}

impl Order {
    pub fn new(header: &Header) -> Self {
        match header.fortran {
            true => Self::Fortran(FortranOrder::new(&header.shape)),
            false => Self::C(0),
        }
    }

    /// Puts the next values of the file at their places in `all`.
    pub fn put<T: Copy>(&mut self, all: &mut [T], values: &[T]) {
        match self {
            Self::C(next) => {
                let from = *next;
                *next += values.len();
                if let Some(to) = all.get_mut(from..*next) {
                    to.copy_from_slice(values);
                }
            }
            Self::Fortran(places) => {
                for (value, place) in values.iter().zip(places) {
                    if let Some(to) = all.get_mut(place) {
                        *to = *value;
                    }
                }
            }
        }
    }
}

impl Iterator for Order {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        match self {
            Self::C(next) => {
                *next += 1;
                Some(*next - 1)
            }
            Self::Fortran(places) => places.next(),
        }
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
