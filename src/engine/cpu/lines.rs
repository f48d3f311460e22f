//! Memory that starts at a cache line.

use bytemuck::{Pod, Zeroable};

/// Values in a cache line and in the widest vector: channels and columns are padded to a multiple.
pub(crate) const LINE: usize = 16;

/// `count` rounded up to whole lines.
pub(crate) fn padded(count: usize) -> usize {
    count.next_multiple_of(LINE)
}

/// Distance between planes of `len` values, in whole lines, when many are written side by side: planes a power of two
/// apart would share cache sets.
pub(crate) fn plane_stride(len: usize) -> usize {
    match (len / LINE) % 2 {
        0 => len + LINE,
        _ => len,
    }
}

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// Values that start at a cache line: a vector that crosses two lines takes two loads.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines(Vec<Line>);

impl Lines {
    /// Zeros.
    pub fn zeros(len: usize) -> Self {
        // Pages that are never written take no time and no memory.
        Self(bytemuck::allocation::zeroed_vec(len.div_ceil(LINE)))
    }

    /// Makes room for `len` values and keeps the existing ones.
    pub fn reserve(&mut self, len: usize) {
        if self.0.len() * LINE < len {
            self.0.resize(len.div_ceil(LINE), Line::zeroed());
        }
    }
}

impl std::ops::Deref for Lines {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        bytemuck::cast_slice(&self.0)
    }
}

impl std::ops::DerefMut for Lines {
    fn deref_mut(&mut self) -> &mut [f32] {
        bytemuck::cast_slice_mut(&mut self.0)
    }
}
