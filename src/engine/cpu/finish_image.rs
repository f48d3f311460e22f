//! The operations fused into a convolution over a whole image whose sums lie in memory.

use pulp::Simd;

use super::finish::{Finish, Put, Take};
use super::isa::vectorize;
use super::product::{load, store};
use super::separable::zero;
use crate::arithmetic::Vector;

/// How the sums of an image lie in memory: (place, channel), where places come in rows of squares of `scale` by `scale`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SumsLayout {
    pub scale: usize,
    /// Rows of squares above the image, and squares to its left.
    pub before: (usize, usize),
    /// Rows and squares of a row, with all borders.
    pub squares: (usize, usize),
}

impl SumsLayout {
    /// Without a border.
    pub fn plain(finish: &Finish, scale: usize) -> Self {
        let (height, width) = finish.sums();
        Self {
            scale,
            before: (0, 0),
            squares: (height / scale, width / scale),
        }
    }

    /// Places of an image, border included.
    pub fn places(&self) -> usize {
        self.squares.0 * self.squares.1 * self.scale * self.scale
    }

    /// Index of the place at row `y`, column `x`.
    #[inline(always)]
    pub fn place(&self, y: usize, x: usize) -> usize {
        let (scale, (top, left)) = (self.scale, self.before);
        if scale == 1 {
            return (y + top) * self.squares.1 + x + left;
        }
        let square = (y / scale + top) * self.squares.1 + x / scale + left;
        (square * scale + y % scale) * scale + x % scale
    }
}

impl Finish {
    /// The results of one image from its sums, in windows of `N` by `N`.
    pub fn image<S: Simd, const N: usize>(
        &self,
        simd: S,
        (sums, layout): (&[f32], SumsLayout),
        bias: &[f32],
        (out, side): (&mut [f32], &mut [f32]),
    ) {
        self.check(1, bias.len(), out.len(), side.len());
        self.check_sums(layout, sums.len());
        let (finish, columns) = (*self, self.to.padded());
        let (height, width) = self.sums();
        let put = Put {
            bias: bias.as_ptr(),
            out: out.as_mut_ptr(),
            from: side.as_mut_ptr(),
        };
        vectorize(
            simd,
            #[inline(always)]
            || {
                for (y, x) in finish.windows(N) {
                    for c in (0..columns).step_by(S::F32_LANES) {
                        let mut tile = [[zero(simd); N]; N];
                        for (i, row) in tile.iter_mut().enumerate() {
                            for (j, value) in row.iter_mut().enumerate() {
                                if y + i < height && x + j < width {
                                    let at = layout.place(y + i, x + j) * columns + c;
                                    // SAFETY: `check_sums` has shown that all channels of all places lie in `sums`.
                                    value.numbers = unsafe { load::<S>(sums.as_ptr().add(at)) };
                                }
                            }
                        }
                        // SAFETY: `check` has shown that the image fits the memory of biases and results.
                        unsafe { finish.put(simd, &tile, (y as isize, x as isize, c), put) };
                    }
                }
            },
        );
    }

    /// The gradient of one image's sums, laid out as for [`Finish::image`]; adds to that of the biases.
    pub fn image_gradient<S: Simd, const N: usize>(
        &self,
        simd: S,
        (gradient, out, side): (&[f32], &[f32], &[f32]),
        bias: &mut [f32],
        (sums, layout): (&mut [f32], SumsLayout),
    ) {
        self.check(1, bias.len(), out.len().min(gradient.len()), side.len());
        self.check_sums(layout, sums.len());
        let (finish, columns) = (*self, self.to.padded());
        let (height, width) = self.sums();
        let take = Take {
            gradient: gradient.as_ptr(),
            out: out.as_ptr(),
            from: side.as_ptr(),
        };
        vectorize(
            simd,
            #[inline(always)]
            || {
                for (y, x) in finish.windows(N) {
                    for c in (0..columns).step_by(S::F32_LANES) {
                        // SAFETY: as in `image`.
                        unsafe {
                            let place = (y as isize, x as isize, c);
                            let mut tile = [[zero(simd); N]; N];
                            finish.take(simd, &mut tile, place, take);
                            let bias = bias.as_mut_ptr().add(c);
                            let mut sum = Vector::new(simd, load::<S>(bias));
                            for (i, row) in tile.into_iter().enumerate() {
                                for (j, value) in row.into_iter().enumerate() {
                                    if y + i < height && x + j < width {
                                        let at = layout.place(y + i, x + j) * columns + c;
                                        store::<S>(sums.as_mut_ptr().add(at), value.numbers);
                                        sum = sum + value;
                                    }
                                }
                            }
                            store::<S>(bias, sum.numbers);
                        }
                    }
                }
            },
        );
    }

    /// Upper left corners of windows of `size` by `size`.
    #[inline(always)]
    fn windows(&self, size: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let (height, width) = self.sums();
        let rows = (0..height).step_by(size);
        rows.flat_map(move |y| (0..width).step_by(size).map(move |x| (y, x)))
    }

    /// Asserts that all places of the image lie inside of `len` sums.
    fn check_sums(&self, layout: SumsLayout, len: usize) {
        let ((height, width), scale) = (self.sums(), layout.scale);
        let ((top, left), (rows, columns)) = (layout.before, layout.squares);
        assert!(height.is_multiple_of(scale) && width.is_multiple_of(scale));
        assert!(top + height / scale <= rows && left + width / scale <= columns);
        assert!(layout.places() * self.to.padded() <= len);
    }
}
