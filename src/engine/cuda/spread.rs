//! Contributions of pixels to the results around them, and their sums.

use super::launch::{Address, Grid, Launcher, int};
use super::layer::GemmLayer;
use crate::Result;
use crate::engine::abi::Spread;
use crate::engine::cpu::Shape;

impl Spread {
    /// Contributions of pixels to the results of a layer.
    pub(super) fn new(layer: &GemmLayer) -> Result<Self> {
        let (height, width) = layer.grid();
        Ok(Self {
            height: int(height)?,
            width: int(width)?,
            shift: layer.scale.ilog2() as i32,
            results: int(layer.results)?,
            kernel: int(layer.kernel)?,
            relu: i32::from(layer.has_relu),
            stride: 1,
            ..Self::default()
        })
    }

    /// Contributions to the gradient of a strided layer's input.
    pub(super) fn gradient_of(layer: &GemmLayer) -> Result<Self> {
        Ok(Self {
            height: int(layer.input.height)?,
            width: int(layer.input.width)?,
            shift: 0,
            results: int(layer.input.channels)?,
            relu: 0,
            stride: int(layer.stride)?,
            padding: int(layer.padding)?,
            ..Self::new(layer)?
        })
    }

    /// Blocks of `scale` by `scale` results for each pixel of `input`.
    pub(super) fn blocks(
        input: Shape,
        channels: usize,
        scale: usize,
        has_relu: bool,
    ) -> Result<Self> {
        Ok(Self {
            height: int(input.height * scale)?,
            width: int(input.width * scale)?,
            stride: int(scale)?,
            relu: i32::from(has_relu),
            ..Self::new(&GemmLayer::new(input, channels, scale, false))?
        })
    }

    /// The same for a batch, with the pixels' contributions `given` and the results.
    pub(super) fn over(self, samples: usize, given: Address, result: Address) -> Result<Self> {
        Ok(Self {
            given,
            result,
            count: int(samples)?,
            ..self
        })
    }

    /// Results of the batch.
    fn len(&self) -> usize {
        let sizes = [self.count, self.height, self.width, self.results];
        let sizes = sizes.map(|size| size.unsigned_abs() as usize);
        sizes.iter().product()
    }

    /// Launches one of the kernels over the results: `spread` adds up the contributions to each of them, `collect` gives
    /// the contributions' gradient from that of the results. `spread_strided` is for pixels that are a stride apart, and
    /// keeps results where [`Spread::mask`] is above 0, if there is a mask; `collect_blocks` is for [`Spread::blocks`].
    pub(super) fn launch(self, card: &Launcher, kernel: &str) -> Result<()> {
        card.launch(kernel, Grid::over(self.len()), &(self,))
    }
}
