//! Batches made from images in device memory.

use candle_core::cuda_backend::CudaDevice;

use super::launch::int;
use super::launch::{Address, BATCH, Buffer, Grid, Launcher};
use crate::Result;
use crate::engine::abi::{BinarizationKind, CorruptionKind, Key, Preparation};

/// The preparation of samples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchSpec {
    /// The number of clean samples if corrupted samples are added to them; else 0.
    pub added: u32,
    pub noise: CorruptionKind,
    pub binary: BinarizationKind,
    /// The lowest and highest strength of the noise. If they differ, each sample draws its own strength between them.
    pub strength: [f64; 2],
    pub has_range: bool,
    pub noise_key: Key,
    pub binary_key: Key,
}

/// Images in device memory.
#[derive(Debug)]
pub(crate) struct Images {
    card: Launcher,
    pixels: Buffer<u8>,
    /// Bytes of an image.
    size: usize,
    /// Indices of the last batch.
    indices: Buffer<u32>,
}

impl Images {
    /// Copies images of `size` bytes each to the device.
    ///
    /// # Errors
    /// If the device has no memory for them, or the driver refuses the kernels.
    pub fn new(device: &CudaDevice, pixels: &[u8], size: usize) -> Result<Self> {
        let card = Launcher::new(device, &[BATCH])?;
        Ok(Self {
            pixels: card.copy_of(pixels)?,
            indices: card.memory(0)?,
            size,
            card,
        })
    }

    /// Writes the samples of these indices, `(N, size)`: inputs and targets, which may be the same buffer. The caller
    /// has checked that the indices are inside of the set.
    pub fn prepare(
        &mut self,
        indices: &[u32],
        spec: BatchSpec,
        input: Address,
        target: Address,
    ) -> Result<()> {
        self.card.write(&mut self.indices, indices)?;
        let arguments = Preparation {
            images: self.pixels.address(),
            indices: self.indices.address(),
            input,
            target,
            count: int(indices.len())?,
            size: int(self.size)?,
            added: spec.added,
            corruption: spec.noise,
            binarization: spec.binary,
            has_range: i32::from(spec.has_range),
            low: spec.strength[0],
            high: spec.strength[1],
            corruption_key: spec.noise_key,
            binarization_key: spec.binary_key,
        };
        let pairs = indices.len() * self.size.div_ceil(2);
        self.card
            .launch("prepare_batch", Grid::over(pairs), &(arguments,))
    }

    /// Fills `(N, size)` with standard normal numbers, each row from the stream of its index.
    pub fn fill_normal(
        &mut self,
        indices: &[u32],
        size: usize,
        key: Key,
        out: Address,
    ) -> Result<()> {
        self.card.write(&mut self.indices, indices)?;
        let arguments = (
            self.indices.address(),
            out,
            int(indices.len())?,
            int(size)?,
            key,
        );
        let pairs = indices.len() * size.div_ceil(2);
        self.card
            .launch("fill_normal", Grid::over(pairs), &arguments)
    }
}
