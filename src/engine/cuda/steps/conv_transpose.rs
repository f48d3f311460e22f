//! Transposed convolutions whose kernel is their stride.

use crate::Result;
use crate::engine::abi::Spread;
use crate::engine::cpu::Shape;
use crate::engine::cuda::launch::{Address, Launcher};
use crate::engine::cuda::layer::GemmLayer;
use crate::engine::cuda::product::LayerProducts;
use crate::engine::cuda::step::{Backward, CudaStep, Forward, Pass};
use crate::layer::ConvTranspose2d;
use crate::recipe::Precision;

/// Each pixel gives its own block of results: a product with a column for each result and place of the kernel, then a
/// permutation.
#[derive(Debug)]
pub(super) struct ConvTranspose {
    products: LayerProducts,
    spread: Spread,
    has_relu: bool,
}

impl ConvTranspose {
    pub fn new(
        card: &Launcher,
        input: Shape,
        conv: ConvTranspose2d,
        has_relu: bool,
        precision: Precision,
    ) -> Result<Self> {
        let (channels, scale) = (conv.channels, conv.scale);
        let area = scale * scale;
        let layer = GemmLayer {
            // Weights are (in, out, scale, scale), and the biases are those of the blocks.
            result_stride: 1,
            channel_stride: channels * area,
            results_per_bias: area,
            ..GemmLayer::new(input, channels * area, 1, conv.bias)
        };
        Ok(Self {
            products: LayerProducts::new(card, layer, precision)?,
            spread: Spread::blocks(input, channels, scale, has_relu)?,
            has_relu,
        })
    }
}

impl CudaStep for ConvTranspose {
    fn out_len(&self) -> usize {
        self.products.layer.out_len()
    }

    fn scratch_len(&self) -> usize {
        self.products.layer.out_len()
    }

    fn products(&self) -> Option<&LayerProducts> {
        Some(&self.products)
    }

    fn has_relu(&self) -> bool {
        self.has_relu
    }

    fn forward(&self, pass: Pass, io: Forward) -> Result<()> {
        let products = Forward {
            out: pass.scratch,
            bias: Address::NONE,
            ..io
        };
        self.products.forward(pass, products)?;
        let spread = (self.spread).over(pass.task.samples, pass.scratch, io.out)?;
        let bias = io.bias;
        Spread { bias, ..spread }.launch(pass.card, "spread_strided")
    }

    fn backward(&self, pass: Pass, io: Backward) -> Result<bool> {
        let gradient = pass.scratch;
        self.products.backward(pass, Backward { gradient, ..io })
    }

    fn result_gradient(&self, pass: Pass, gradient: Address) -> Result<Address> {
        let spread = (self.spread).over(pass.task.samples, pass.scratch, gradient)?;
        spread.launch(pass.card, "collect_blocks")?;
        Ok(pass.scratch)
    }
}
