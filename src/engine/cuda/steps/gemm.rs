//! Dense layers and convolutions.

use super::upsample::Upsample;
use crate::Result;
use crate::engine::abi::{ConvAlgorithm, Parts, Product, SUM_LANES, Spread};
use crate::engine::cuda::launch::{Address, Grid, int};
use crate::engine::cuda::product::LayerProducts;
use crate::engine::cuda::step::{Addresses, Backward, CudaStep, Forward, Pass, parameter};

impl CudaStep for LayerProducts {
    fn out_len(&self) -> usize {
        self.layer.out_len()
    }

    fn scratch_len(&self) -> usize {
        self.layer.scratch_len()
    }

    fn products(&self) -> Option<&LayerProducts> {
        Some(self)
    }

    fn has_relu(&self) -> bool {
        self.layer.has_relu
    }

    fn forward(&self, pass: Pass, io: Forward) -> Result<()> {
        let samples = pass.task.samples;
        let arguments = self.forward.arguments(samples, io.x)?;
        if self.layer.algorithm() == ConvAlgorithm::Spread {
            let arguments = Product {
                result: pass.scratch,
                ..arguments
            };
            self.forward.launch(pass.card, samples, arguments)?;
            let spread = Spread::new(&self.layer)?.over(samples, pass.scratch, io.out)?;
            let bias = io.bias;
            return Spread { bias, ..spread }.launch(pass.card, "spread");
        }
        let arguments = Product {
            bias: io.bias,
            result: io.out,
            relu: i32::from(self.layer.has_relu),
            ..arguments
        };
        self.forward.launch(pass.card, samples, arguments)
    }

    fn backward(&self, pass: Pass, io: Backward) -> Result<bool> {
        let (layer, samples) = (&self.layer, pass.task.samples);
        let algorithm = layer.algorithm();
        let images = match algorithm {
            ConvAlgorithm::Spread => pass.scratch,
            _ => io.gradient,
        };
        let is_direct = match algorithm {
            ConvAlgorithm::Gather => layer.scale == 1,
            ConvAlgorithm::Spread | ConvAlgorithm::Phases => true,
            ConvAlgorithm::Strided => false,
        };
        let (mask, result) = match is_direct {
            true => (io.mask, io.x_gradient),
            false => (Address::NONE, pass.scratch),
        };
        let arguments = Product {
            mask,
            result,
            ..self.backward.arguments(samples, images)?
        };
        self.backward.launch(pass.card, samples, arguments)?;
        if algorithm == ConvAlgorithm::Strided {
            let spread = Spread::gradient_of(layer)?.over(samples, pass.scratch, io.x_gradient)?;
            let mask = io.mask;
            Spread { mask, ..spread }.launch(pass.card, "spread_strided")?;
        } else if !is_direct {
            let (input, scale) = (layer.input, layer.scale);
            let gradient = pass.scratch;
            Upsample { input, scale }.backward(pass, Backward { gradient, ..io })?;
        }
        Ok(true)
    }

    /// For a spread layer, the gradient of the pixels' contributions to results, in the scratch memory.
    fn result_gradient(&self, pass: Pass, gradient: Address) -> Result<Address> {
        if self.layer.algorithm() != ConvAlgorithm::Spread {
            return Ok(gradient);
        }
        let spread = Spread::new(&self.layer)?.over(pass.task.samples, pass.scratch, gradient)?;
        spread.launch(pass.card, "collect")?;
        Ok(pass.scratch)
    }
}

impl LayerProducts {
    /// The gradients of weight and bias, from that of the products' results, through `parts`.
    pub fn weight_gradient(
        &self,
        pass: Pass,
        (x, gradient): (Address, Address),
        parts: Address,
        gradients: Option<&Addresses>,
    ) -> Result<()> {
        let (layer, samples) = (&self.layer, pass.task.samples);
        let (count, part_len) = self.parts(samples);
        let arguments = Product {
            gradient,
            parts,
            part_len: int(part_len)?,
            ..self.forward.arguments(samples, x)?
        };
        let grid = Grid::new(self.weight_blocks(count))?;
        pass.card.launch(&self.weight.name, grid, &(arguments,))?;
        let parts = Parts {
            parts,
            weight: parameter(gradients, 0),
            bias: parameter(gradients, 1),
            count: int(count)?,
            algorithm: layer.algorithm(),
            results: int(layer.results)?,
            channels: int(layer.input.channels)?,
            area: int(layer.area())?,
            result_stride: int(layer.result_stride)?,
            channel_stride: int(layer.channel_stride)?,
            results_per_bias: int(layer.results_per_bias)?,
            depth: int(self.forward.reading.depth())?,
        };
        let len = layer.results * (layer.area() * layer.input.channels + 1);
        pass.over("sum_parts", len * SUM_LANES, &(parts,))
    }
}
