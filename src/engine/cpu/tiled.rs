//! The fast convolutions: one for each kernel and scale that has one.

use pulp::Simd;

use super::conv::FastConv;
use super::eight_points::EightPoints;
use super::finish::Finish;
use super::layout::{NhwcLayout, Shape};
use super::parts::Parts;
use super::phases::Phases;
use super::repeated::{Pixels, Repeated};
use super::seven_points::SevenPoints;
use super::step::{Backward, Forward, PackedWeights, Step, StepSizes, steps};
use super::upsampled::Upsampled2;
use super::winograd::Winograd4;

/// Declares [`TiledConv`] from the kernel, the scale, the maps of an axis, and their sizes: inputs, planes, products,
/// outputs.
macro_rules! tiled {
    ($($name:ident: $kernel:literal, $scale:literal, $axis:ty, $in:literal, $planes:literal, $products:literal, $out:literal;)+) => {
        steps! {
            /// A convolution with zero padding that keeps the size of the images that its taps read: images as they
            /// are, or upsampled.
            TiledConv {
                $($name(FastConv<$axis, $kernel, $in, $planes, $products, $out>),)+
            }
        }

        impl TiledConv {
            /// For images of this shape, upsampled by `scale`, by the fast convolution for the middle `taps` of a
            /// kernel; none if there is none.
            pub fn new(
                (kernel, taps): (usize, usize),
                scale: usize,
                from: Shape,
                finish: Finish,
            ) -> Option<Self> {
                match (taps, scale) {
                    $(($kernel, $scale) => Some(Self::$name(FastConv::new(kernel, from, finish))),)+
                    _ => None,
                }
            }

            /// Products of an image, for each input and output.
            pub fn cost(&self) -> usize {
                match self { $(Self::$name(conv) => conv.cost(),)+ }
            }

            /// Products, each with weights of its own.
            pub fn weight_matrices(&self) -> usize {
                match self { $(Self::$name(conv) => conv.weight_matrices(),)+ }
            }

            /// The images that it reads.
            pub fn from(&self) -> NhwcLayout {
                match self { $(Self::$name(conv) => conv.from,)+ }
            }

            pub fn finish(&self) -> &Finish {
                match self { $(Self::$name(conv) => &conv.finish,)+ }
            }

            pub fn finish_mut(&mut self) -> &mut Finish {
                match self { $(Self::$name(conv) => &mut conv.finish,)+ }
            }
        }
    };
}

tiled! {
    Three: 3, 1, Winograd4, 6, 6, 6, 4;
    Five: 5, 1, EightPoints, 8, 8, 8, 4;
    Seven: 7, 1, Parts<SevenPoints, 4, 7, 4>, 11, 14, 14, 4;
    Nine: 9, 1, Parts<EightPoints, 5, 8, 4>, 13, 16, 16, 4;
    ThreeUpsampled2: 3, 2, Upsampled2, 3, 3, 5, 4;
    FiveUpsampled2: 5, 2, Phases<Winograd4, 3, 6, 4>, 6, 6, 12, 8;
    SevenUpsampled2: 7, 2, Phases<EightPoints, 4, 8, 5>, 8, 8, 16, 10;
    OneUpsampled2: 1, 2, Pixels, 1, 1, 1, 2;
    OneUpsampled3: 1, 3, Pixels, 1, 1, 1, 3;
    OneUpsampled4: 1, 4, Pixels, 1, 1, 1, 4;
    ThreeUpsampled3: 3, 3, Repeated, 3, 3, 3, 3;
    FiveUpsampled3: 5, 3, Repeated, 3, 3, 5, 3;
    ThreeUpsampled4: 3, 4, Repeated, 3, 3, 3, 4;
    FiveUpsampled4: 5, 4, Repeated, 3, 3, 5, 4;
}
