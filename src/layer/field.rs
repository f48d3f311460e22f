//! The part of an image that a result depends on.

use super::Layer;

/// How the results of a layer that takes images of any size lie over its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    /// Pixels of the input from one result to the next.
    pub down: usize,
    /// Results from one pixel of the input to the next.
    pub up: usize,
    /// Pixels of the input to each side that a result, or those of the same pixel of a smaller image, may depend on.
    pub reach: usize,
}

impl Field {
    /// Of each value alone.
    pub const POINTWISE: Self = Self {
        down: 1,
        up: 1,
        reach: 0,
    };
}

/// The field of a list of layers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields {
    /// Pixels of the first input for each current one, as a fraction in lowest terms.
    scale: (usize, usize),
    /// Height and width have to be divisible by this.
    pub multiple: usize,
    /// Pixels to each side that a result depends on.
    pub radius: usize,
}

impl Fields {
    /// Of layers that take images of any size; none if one of them does not.
    pub fn of<'a>(layers: impl Iterator<Item = &'a Layer>) -> Option<Self> {
        let mut fields = Self {
            scale: (1, 1),
            multiple: 1,
            radius: 0,
        };
        for layer in layers {
            fields.add(layer)?;
        }
        Some(fields)
    }

    fn add(&mut self, layer: &Layer) -> Option<()> {
        let Field { down, up, reach } = layer.spec().kind().field()?;
        let (pixels, results) = self.scale;
        let reach = reach.checked_mul(pixels)?.div_ceil(results);
        self.radius = self.radius.checked_add(reach)?;
        self.scale = reduced(pixels.checked_mul(down)?, results.checked_mul(up)?);
        let (pixels, _) = self.scale;
        let (step, _) = reduced(pixels, self.multiple);
        self.multiple = self.multiple.checked_mul(step)?;
        layer.body().iter().try_for_each(|layer| self.add(layer))
    }
}

/// A fraction in lowest terms.
fn reduced(above: usize, below: usize) -> (usize, usize) {
    let (mut a, mut b) = (above, below);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    (above / a.max(1), below / a.max(1))
}
