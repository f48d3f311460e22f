//! Networks of convolutions on images of any size.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::{Device, Tensor};

use super::Inference;
use crate::network::{Autoencoder, Reach};
use crate::{Error, Result};

/// Bytes that the values of a part of an image may take.
const MEMORY: usize = 256 << 20;
/// Images of a layer in memory at the same time: its input and result, those that wait for the ends of residual blocks,
/// and what products need.
const LIVE: usize = 6;
/// Parts start at multiples of this many steps of the network: its convolutions cut images into squares of 4x4, which are
/// then the same in all parts, and none is half empty.
const ALIGNED: usize = 4;
/// Networks prepared for sizes of parts, at most.
const KEPT: usize = 4;

/// A network applied to images of any height and width, in parts if they are large.
///
/// An image is padded by reflection at the bottom and on the right to a size that the network can take, and the result
/// is cropped. A part is computed with as much of the image around it as its results depend on, so the parts fit
/// together without seams. The size of the parts changes no more than the rounding of sums: fast convolutions
/// compute 4x4 results from shared sums, so a result's last bits depend on pixels that its value does not depend on.
#[derive(Debug)]
pub struct AnySize {
    model: Autoencoder,
    reach: Reach,
    /// The networks of the last parts, by height and width.
    prepared: Mutex<Vec<(Size, Arc<Inference>)>>,
}

/// Height and width.
type Size = (usize, usize);

/// Where a part lies along an axis of the padded image.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// First pixel and number of pixels that the network is given.
    first: usize,
    len: usize,
    /// The pixels of the image for which its results are taken.
    from: usize,
    to: usize,
}

impl AnySize {
    /// None if a layer has weights for every pixel, or depends on the whole image.
    pub fn new(model: Autoencoder) -> Option<Self> {
        Some(Self {
            reach: model.reach()?,
            model,
            prepared: Mutex::default(),
        })
    }

    /// Height and width of a part, without what is read around it, that takes a moderate amount of memory.
    pub fn default_tile(&self) -> usize {
        let widest = self.model.widest();
        let pixels = MEMORY as f64 / (LIVE * size_of::<f32>()) as f64 / widest.max(1.0);
        let side = pixels.sqrt() as usize;
        let step = self.step();
        // Smaller parts would compute mostly what is around them.
        let least = (2 * self.reach.radius).max(64);
        side.saturating_sub(2 * self.margin()).max(least) / step * step
    }

    /// Applies the network to the values `(channels, height, width)` of an image, in parts of `tile` by `tile` pixels; a
    /// network of one channel takes channel after channel, and another takes grey as a colour and gives the mean of its
    /// results. Parts are rounded up to the size that the network needs. `progress` gets the number of parts that are done,
    /// and of all.
    ///
    /// # Errors
    /// If the values are not those of an image of at least one pixel, whose channels the network can take, or there is no
    /// memory for a part.
    pub fn restore(
        &self,
        (channels, height, width): (usize, usize, usize),
        values: &[f32],
        tile: usize,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<Vec<f32>> {
        let pixels = height.saturating_mul(width);
        if pixels.checked_mul(channels) != Some(values.len()) || pixels == 0 {
            let expected = format!("{channels} x {height} x {width} values, at least one");
            return Err(Error::argument("image", expected, values.len()));
        }
        let own = self.model.input_shape().first().copied().unwrap_or(0);
        let mut restored = vec![0f32; values.len()];
        // Channels in each pass, and passes.
        let (together, passes) = match own {
            1 => (1, channels),
            _ => (own, 1),
        };
        let is_grey = channels == 1;
        if !is_grey && together * passes != channels {
            let expected = format!("1 or {own} channels, as the network has");
            return Err(Error::argument("image", expected, channels));
        }
        for pass in 0..passes {
            let place = |channel: usize, row: usize, column: usize| {
                let channel = if is_grey { 0 } else { channel + pass };
                (channel * height + row) * width + column
            };
            let at = |channel: usize, row: usize, column: usize| {
                let value = values.get(place(channel, row, column));
                value.copied().unwrap_or(0.0)
            };
            let share = if is_grey { 1.0 / own as f32 } else { 1.0 };
            self.reconstruct(
                (together, height, width),
                at,
                tile,
                |channel, row, column, value| {
                    if let Some(slot) = restored.get_mut(place(channel, row, column)) {
                        *slot += share * value;
                    }
                },
                |done, all| progress(pass * all + done, passes * all),
            )?;
        }
        Ok(restored)
    }

    /// Applies the network to an image of at least one pixel, whose value at (channel, row, column) is `at`; `put` gets
    /// channel, row, column and value of each result once.
    fn reconstruct(
        &self,
        (channels, height, width): (usize, usize, usize),
        at: impl Fn(usize, usize, usize) -> f32,
        tile: usize,
        mut put: impl FnMut(usize, usize, usize, f32),
        mut progress: impl FnMut(usize, usize),
    ) -> Result<()> {
        let (down, across) = (self.spans(height, tile), self.spans(width, tile));
        let all = down.len() * across.len();
        let parts = down.iter().flat_map(|y| across.iter().map(move |x| (y, x)));
        for (done, (y, x)) in parts.enumerate() {
            progress(done, all);
            let network = self.network((y.len, x.len))?;
            let mut values = Vec::with_capacity(channels * y.len * x.len);
            for channel in 0..channels {
                for row in y.first..y.first + y.len {
                    let row = reflected(row, height);
                    let columns = x.first..x.first + x.len;
                    let columns = columns.map(|column| reflected(column, width));
                    values.extend(columns.map(|column| at(channel, row, column)));
                }
            }
            let device = self.model.device();
            let part = Tensor::from_vec(values, (1, channels, y.len, x.len), device)?;
            let part = network.reconstruct(&part)?.to_device(&Device::Cpu)?;
            let part: Vec<f32> = part.flatten_all()?.to_vec1()?;
            for (channel, plane) in part.chunks_exact(y.len * x.len).enumerate() {
                let rows = plane.chunks_exact(x.len).enumerate();
                for (row, values) in rows.take(y.to - y.first).skip(y.from - y.first) {
                    let values = values.iter().enumerate().take(x.to - x.first);
                    for (column, &value) in values.skip(x.from - x.first) {
                        put(channel, y.first + row, x.first + column, value);
                    }
                }
            }
        }
        progress(all, all);
        Ok(())
    }

    /// Pixels to which the sides and starts of parts are rounded.
    fn step(&self) -> usize {
        ALIGNED * self.reach.multiple
    }

    /// Pixels around a part that are read with it.
    fn margin(&self) -> usize {
        self.reach.radius.next_multiple_of(self.step())
    }

    /// The parts of an axis of this many pixels.
    fn spans(&self, size: usize, tile: usize) -> Vec<Span> {
        let step = self.step();
        let padded = size.next_multiple_of(step);
        let tile = tile.max(1).next_multiple_of(step);
        let len = (tile + 2 * self.margin()).min(padded);
        if len == padded {
            return vec![Span {
                first: 0,
                len,
                from: 0,
                to: size,
            }];
        }
        let starts = (0..size).step_by(tile);
        let spans = starts.map(|from| Span {
            // All parts are of the same size.
            first: from.saturating_sub(self.margin()).min(padded - len),
            len,
            from,
            to: size.min(from + tile),
        });
        spans.collect()
    }

    /// The network for parts of this height and width.
    fn network(&self, size: Size) -> Result<Arc<Inference>> {
        let lock = || self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, network)) = lock().iter().find(|(of, _)| *of == size) {
            return Ok(network.clone());
        }
        let channels = self.model.input_shape().first().copied().unwrap_or(0);
        let resized = self.model.resized([channels, size.0, size.1])?;
        let network = Arc::new(Inference::new(resized));
        let mut prepared = lock();
        if prepared.len() >= KEPT {
            prepared.remove(0);
        }
        prepared.push((size, network.clone()));
        Ok(network)
    }
}

/// The pixel of an axis that stands at a place behind its end: mirrored at the last one, which is not repeated.
fn reflected(place: usize, size: usize) -> usize {
    if place < size || size == 1 {
        return place.min(size - 1);
    }
    let period = 2 * (size - 1);
    let place = place % period;
    place.min(period - place)
}
