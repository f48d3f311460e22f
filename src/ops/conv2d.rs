//! Two-dimensional convolution.

use candle_core::{Device, Tensor};

use super::check::{images, is_addressable, misfit, vector};
use super::linear::linear_rows;
use crate::{Error, Result};

/// The index of positions outside the image: candle selects zero for it, and does not add it.
const OUTSIDE: u32 = u32::MAX;

/// Elements of columns or products per block of images, if no gradient is needed: 16 MB in f64, small enough that
/// blocks reuse the same memory.
const SHARED: usize = 1 << 21;

/// Convolution (cross-correlation, as in PyTorch's `nn.Conv2d`) with zero padding on all sides:
///
/// ```text
/// y[n, o, i, j] = b[o] + sum over c, u, v of
///                 w[o, c, u, v] x[n, c, i stride + u - padding, j stride + v - padding]
/// ```
///
/// It is one matrix product, [`crate::ops::linear`]: either the kernel times a row of covered pixels for each output
/// position ("im2col"), or, if there are so few output channels that it takes less memory, the kernel times every
/// pixel, with the products added at their output positions. Selection and addition are each other's gradients, with
/// the same bits for any number of threads.
///
/// # Shapes
/// `x` is (N, C, H, W), `weight` is (O, C, kh, kw), `bias` is (O). The result is (N, O, H', W') with
/// H' = floor((H + 2 padding - kh) / stride) + 1, and W' likewise.
///
/// # Errors
/// [`Error::Layer`] if the shapes do not fit each other or the kernel is larger than the padded
/// image; [`Error::Argument`] if `stride` is 0.
///
/// # Source
/// Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016
/// (<https://arxiv.org/abs/1603.07285>).
pub fn conv2d(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    stride: usize,
    padding: usize,
) -> Result<Tensor> {
    let convolution = Conv2d::new(x, weight, bias, stride, padding)?;
    let batch = x.dim(0)?;
    let way = convolution.way(x.device())?;
    let arguments = [Some(x), Some(weight), bias];
    let images = if arguments.into_iter().flatten().any(Tensor::track_op) {
        batch
    } else {
        (SHARED / convolution.shared()).max(1)
    };
    if batch <= images {
        return Ok(convolution.apply(x, weight, bias, &way)?);
    }
    let parts = (0..batch).step_by(images).map(|first| {
        let x = x.narrow(0, first, images.min(batch - first))?;
        convolution.apply(&x, weight, bias, &way)
    });
    let parts: Vec<Tensor> = parts.collect::<candle_core::Result<_>>()?;
    Ok(Tensor::cat(&parts, 0)?)
}

/// The checked sizes of a convolution.
#[derive(Clone, Copy, Debug)]
struct Conv2d {
    in_channels: usize,
    out_channels: usize,
    height: usize,
    width: usize,
    kernel_height: usize,
    kernel_width: usize,
    stride: usize,
    padding: usize,
    /// Vertical and horizontal positions of the kernel.
    grid_height: usize,
    grid_width: usize,
}

/// How a convolution becomes a matrix product.
enum Way {
    /// A 1x1 kernel at every pixel.
    Pixels,
    /// The pixel index for each position and kernel element.
    Select(Tensor),
    /// The position, for each pixel and kernel element, to which their product is added.
    Add(Tensor),
}

impl Conv2d {
    /// Checks the arguments of [`conv2d`].
    fn new(
        x: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
        stride: usize,
        padding: usize,
    ) -> Result<Self> {
        if stride == 0 {
            return Err(Error::argument("conv2d stride", "at least 1", stride));
        }
        let [batch, in_channels, height, width] = images("conv2d", x)?;
        let &[out_channels, channels, kernel_height, kernel_width] = weight.dims() else {
            return Err(misfit("conv2d", "a weight (O, C, kh, kw)", weight));
        };
        if weight.elem_count() == 0 || channels != in_channels {
            let expected = format!("a weight (O, {in_channels}, kh, kw), no size 0");
            return Err(misfit("conv2d", expected, weight));
        }
        vector("conv2d", "bias", bias, out_channels)?;
        let grid = |size: usize, kernel: usize| {
            let padded = padding.checked_mul(2)?.checked_add(size)?;
            Some(padded.checked_sub(kernel)? / stride + 1)
        };
        // Indices are u32, and the columns must be addressable.
        let is_index = |rows: usize, columns| {
            let places = rows.checked_mul(columns);
            places.is_some_and(|places| places < OUTSIDE as usize)
        };
        let fits = |&(grid_height, grid_width): &(usize, usize)| {
            is_index(height, width)
                && is_index(grid_height, grid_width)
                && is_addressable(&[
                    grid_height,
                    grid_width,
                    kernel_height,
                    kernel_width,
                    batch,
                    out_channels.max(in_channels),
                ])
        };
        let grids = grid(height, kernel_height).zip(grid(width, kernel_width));
        let Some((grid_height, grid_width)) = grids.filter(fits) else {
            return Err(Error::layer(
                "conv2d",
                format!("an image that holds a {kernel_height}x{kernel_width} kernel"),
                format!("{height}x{width} with padding {padding}"),
            ));
        };
        Ok(Self {
            in_channels,
            out_channels,
            height,
            width,
            kernel_height,
            kernel_width,
            stride,
            padding,
            grid_height,
            grid_width,
        })
    }

    /// Pixels of an image.
    fn plane(&self) -> usize {
        self.height * self.width
    }

    /// Positions of the kernel on an image.
    fn grid(&self) -> usize {
        self.grid_height * self.grid_width
    }

    /// Elements of one channel of the kernel.
    fn taps(&self) -> usize {
        self.kernel_height * self.kernel_width
    }

    /// Whether the products of an image are fewer numbers than its selected pixels.
    fn adds(&self) -> bool {
        self.out_channels * self.plane() < self.in_channels * self.grid()
    }

    /// Elements per image between the product and the selection or addition.
    fn shared(&self) -> usize {
        let selected = self.in_channels * self.grid();
        let added = self.out_channels * self.plane();
        (self.taps() * selected.min(added)).max(1)
    }

    fn way(&self, device: &Device) -> candle_core::Result<Way> {
        if self.taps() == 1 && self.stride == 1 && self.padding == 0 {
            return Ok(Way::Pixels);
        }
        let (adds, taps) = (self.adds(), self.taps());
        let rows = if adds { self.plane() } else { self.grid() };
        let mut places = vec![OUTSIDE; rows * taps];
        let across = self.seen(self.width, self.grid_width, self.kernel_width);
        for [i, u, y] in self.seen(self.height, self.grid_height, self.kernel_height) {
            for &[j, v, x] in &across {
                let (position, pixel) = (i * self.grid_width + j, y * self.width + x);
                let (row, place) = if adds {
                    (pixel, position)
                } else {
                    (position, pixel)
                };
                if let Some(slot) = places.get_mut(row * taps + u * self.kernel_width + v) {
                    *slot = place as u32;
                }
            }
        }
        let places = Tensor::from_vec(places, rows * taps, device)?;
        Ok(if adds {
            Way::Add(places)
        } else {
            Way::Select(places)
        })
    }

    /// Along one axis: each position and kernel element that cover a pixel of the image, and that pixel.
    fn seen(&self, pixels: usize, positions: usize, elements: usize) -> Vec<[usize; 3]> {
        let pairs = (0..positions).flat_map(|at| (0..elements).map(move |element| (at, element)));
        let seen = pairs.filter_map(|(at, element)| {
            let pixel = (at * self.stride + element).checked_sub(self.padding)?;
            (pixel < pixels).then_some([at, element, pixel])
        });
        seen.collect()
    }

    fn apply(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: Option<&Tensor>,
        way: &Way,
    ) -> candle_core::Result<Tensor> {
        let (batch, plane, grid, taps) = (x.dim(0)?, self.plane(), self.grid(), self.taps());
        let (inputs, outputs) = (self.in_channels, self.out_channels);
        // (N, C, H, W) -> (N, H W, C)
        let pixels = x.permute((0, 2, 3, 1))?.reshape((batch, plane, inputs))?;
        let dims = [batch, self.grid_height, self.grid_width, outputs];
        let out = match way {
            Way::Pixels => {
                let kernel = weight.reshape((outputs, inputs))?;
                linear_rows(&pixels, &kernel, bias, &dims)?
            }
            Way::Select(places) => {
                // (O, C, kh, kw) -> (O, kh kw C)
                let kernel = weight
                    .permute((0, 2, 3, 1))?
                    .reshape((outputs, taps * inputs))?;
                linear_rows(&pixels.index_select(places, 1)?, &kernel, bias, &dims)?
            }
            Way::Add(places) => {
                // (O, C, kh, kw) -> (kh kw O, C)
                let kernel = weight
                    .permute((2, 3, 0, 1))?
                    .reshape((taps * outputs, inputs))?;
                let products =
                    linear_rows(&pixels, &kernel, None, &[batch, plane * taps, outputs])?;
                let start = match bias {
                    Some(bias) => bias.broadcast_as((batch, grid, outputs))?.contiguous()?,
                    None => Tensor::zeros((batch, grid, outputs), x.dtype(), x.device())?,
                };
                start.index_add(places, &products, 1)?.reshape(&dims)?
            }
        };
        // (N, H', W', O) -> (N, O, H', W')
        out.permute((0, 3, 1, 2))?.contiguous()
    }
}
