//! Pictures of several sizes in memory, of which networks read patches.

use super::patch::Whole;

/// The pictures of a set, one after the other.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Wholes {
    bytes: Vec<u8>,
    pictures: Vec<Place>,
}

/// Where a picture lies in the bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    start: usize,
    len: usize,
    height: usize,
    width: usize,
}

impl Wholes {
    pub fn push(&mut self, whole: Whole) {
        self.pictures.push(Place {
            start: self.bytes.len(),
            len: whole.planes.len(),
            height: whole.height,
            width: whole.width,
        });
        self.bytes.extend_from_slice(whole.planes);
    }

    pub fn get(&self, index: usize) -> Option<Whole<'_>> {
        let &Place {
            start,
            len,
            height,
            width,
        } = self.pictures.get(index)?;
        let planes = self.bytes.get(start..start + len)?;
        Some(Whole {
            planes,
            height,
            width,
        })
    }

    pub fn iter(&self) -> impl Iterator<Item = Whole<'_>> {
        (0..self.pictures.len()).filter_map(|index| self.get(index))
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl<'a> FromIterator<Whole<'a>> for Wholes {
    fn from_iter<I: IntoIterator<Item = Whole<'a>>>(wholes: I) -> Self {
        let mut all = Self::default();
        wholes.into_iter().for_each(|whole| all.push(whole));
        all
    }
}
