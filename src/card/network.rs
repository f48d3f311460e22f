//! A lowered network and its memory on the card: a batch through all steps, and gradients back.

use candle_core::cuda_backend::CudaDevice;

use super::kernel::names;
use super::launch::{
    Address, Buffer, Card, Grid, LAYERS, PRODUCT_BF16, PRODUCT_F32, PRODUCT_TF32, WEIGHTS,
};
use super::lower::lower;
use super::memory::Memory;
use super::product::Product;
use super::step::Step;
use super::weights::Packing;
use crate::plan::{Factors, Shape, Stage, Sums};
use crate::recipe::{Precision, Reconstruction};
use crate::{Error, Result};

/// Blocks of the kernels that sum a loss.
const SUM_BLOCKS: usize = 256;

/// A batch on the card, flat, and what is minimised.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task {
    pub samples: usize,
    pub input: Address,
    pub target: Address,
    /// Of the codes of a variational network.
    pub noise: Address,
    pub factors: Factors,
}

/// Where weight and bias of a layer, or their gradients, lie.
pub(crate) type Pair = (Address, Address);

const NOTHING: Pair = (Address::NONE, Address::NONE);

/// Steps from samples to reconstructions, both flat.
#[derive(Debug)]
pub(crate) struct Network {
    card: Card,
    steps: Vec<Step>,
    /// The step that reads the codes.
    code: usize,
    input_len: usize,
    /// Sums of blocks in three rows: of the distances, the KL divergence and the penalty.
    sums: Buffer<f64>,
    totals: Buffer<f64>,
    packing: Option<Packing>,
    memory: Option<Memory>,
}

impl Network {
    /// The layers of an encoder and a decoder; none if one of them has no kernel.
    ///
    /// # Errors
    /// If the driver refuses the kernels or there is no memory.
    pub fn new(
        device: &CudaDevice,
        layers: (&[Stage], &[Stage]),
        input: Shape,
        precision: Precision,
    ) -> Result<Option<Self>> {
        let products = match precision {
            Precision::F32 => PRODUCT_F32,
            Precision::Tf32 => PRODUCT_TF32,
            Precision::Bf16 => PRODUCT_BF16,
            Precision::F64 => return Ok(None),
        };
        let names = names(precision).into_iter().map(|name| (name, products));
        let others = [
            "pool_forward",
            "pool_backward",
            "upsample",
            "fold",
            "transpose",
            "gate",
            "activation_forward",
            "activation_backward",
            "latent_forward",
            "latent_backward",
            "loss",
            "penalty",
            "sum_blocks",
        ];
        let names = names
            .chain(others.map(|name| (name, LAYERS)))
            .chain(["pack_weights", "sum_parts", "spread", "collect"].map(|name| (name, WEIGHTS)));
        let card = Card::new(device, &names.collect::<Vec<_>>())?;
        let Some((steps, code)) = lower(&card, layers, input, precision)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            sums: card.zeros(3 * SUM_BLOCKS)?,
            totals: card.zeros(3)?,
            input_len: input.len(),
            memory: None,
            packing: None,
            card,
            steps,
            code,
        }))
    }

    /// Values of a sample before the first step and behind the last.
    pub fn lens(&self) -> (usize, usize) {
        (self.input_len, self.steps.last().map_or(0, Step::out_len))
    }

    /// Dimensions of the noise that a variational network takes.
    pub fn latent(&self) -> Option<usize> {
        self.steps.iter().find_map(|step| match step {
            Step::Latent(latent) => Some(latent.dimensions),
            _ => None,
        })
    }

    /// Starts the work on a batch: gradients of all parameters, and the sums that [`Network::sums`] reads. `parameters`
    /// and `gradients` have a pair for each step with weights.
    ///
    /// # Errors
    /// If the batch is too large for the card or its kernels.
    pub fn start(&mut self, parameters: &[Pair], gradients: &[Pair], task: Task) -> Result<()> {
        self.reserve(task.samples)?;
        self.pack(parameters)?;
        let Some(memory) = &self.memory else {
            return Ok(());
        };
        self.forward(memory, parameters, task)?;
        self.backward(memory, gradients, task)?;
        let arguments = (
            self.sums.address(),
            self.totals.address(),
            SUM_BLOCKS as i32,
        );
        self.card.launch("sum_blocks", Grid::blocks(3), &arguments)
    }

    /// Where the sums of the batch that was started last come to lie: of distances, KL divergence and penalty.
    pub fn totals(&self) -> Address {
        self.totals.address()
    }

    /// Waits for the batch that was started last: the sums of its losses.
    ///
    /// # Errors
    /// If its work failed on the card.
    pub fn sums(&self) -> Result<Sums> {
        match self.card.read(&self.totals)?.as_slice() {
            &[distance, kl, penalty] => Ok(Sums {
                distance,
                penalty,
                kl,
            }),
            _ => Ok(Sums::default()),
        }
    }

    fn forward(&self, memory: &Memory, parameters: &[Pair], task: Task) -> Result<()> {
        let (card, samples) = (&self.card, task.samples);
        let mut parameters = parameters.iter();
        let mut x = task.input;
        for ((step, out), places) in self.steps.iter().zip(&memory.values).zip(&memory.places) {
            let out = out.address();
            let len = samples * step.out_len();
            match step {
                Step::Product(product) => {
                    let (_, bias) = parameters.next().copied().unwrap_or(NOTHING);
                    product.forward(card, samples, bias, (x, out), memory.scratch.address())?;
                }
                Step::Pool(pool) => {
                    let places = places.as_ref().map_or(Address::NONE, Buffer::address);
                    pool.forward(card, samples, x, out, places)?;
                }
                Step::Upsample(upsample) => upsample.forward(card, samples, x, out)?,
                Step::Transpose(transpose) => transpose.forward(card, samples, x, out)?,
                Step::Activation { function, .. } => function.forward(card, len, x, out)?,
                Step::Latent(latent) => {
                    let arguments = (
                        x,
                        task.noise,
                        out,
                        self.row(1),
                        len as i64,
                        latent.dimensions as i32,
                        latent.bound,
                    );
                    card.launch(
                        "latent_forward",
                        Grid::blocks(SUM_BLOCKS as u32),
                        &arguments,
                    )?;
                }
            }
            x = out;
        }
        Ok(())
    }

    fn backward(&self, memory: &Memory, gradients: &[Pair], task: Task) -> Result<()> {
        let (card, samples) = (&self.card, task.samples);
        let [mut gradient, mut other] = memory.gradients.each_ref().map(Buffer::address);
        let values = |step: usize| {
            memory
                .values
                .get(step)
                .map_or(Address::NONE, Buffer::address)
        };
        // The relu that a gradient of what is behind a step comes to.
        let relu = |step: usize| {
            self.steps
                .get(step)
                .is_some_and(Step::has_relu)
                .then(|| values(step))
        };
        let last = self.steps.len().saturating_sub(1);
        self.loss(task, values(last), gradient)?;
        if let Some(out) = relu(last) {
            self.gate(samples, last, out, gradient)?;
        }
        let mut gradients = gradients.iter().rev();
        for (number, step) in self.steps.iter().enumerate().rev() {
            let before = number.checked_sub(1);
            let x = before.map_or(task.input, values);
            if let Step::Product(product) = step {
                let out = gradients.next().copied().unwrap_or(NOTHING);
                let room = (memory.parts.address(), memory.scratch.address());
                product.weight_gradient(card, samples, (x, gradient), room, out)?;
            }
            // The samples themselves need no gradient.
            let Some(before) = before else { break };
            let penalty = task.factors.penalty.filter(|_| number == self.code);
            let relu = relu(before);
            // What is added to the gradient comes before the relu, too.
            let gate = relu.filter(|_| penalty.is_none()).unwrap_or(Address::NONE);
            let mut is_gated = gate != Address::NONE;
            match step {
                Step::Product(product) => {
                    let scratch = memory.scratch.address();
                    product.backward(card, samples, (gradient, other), gate, scratch)?;
                }
                Step::Pool(pool) => {
                    let places = memory.places.get(number).and_then(Option::as_ref);
                    let places = places.map_or(Address::NONE, Buffer::address);
                    // The largest values are above 0 where the relu's results that they are are.
                    let gate = if is_gated { values(number) } else { gate };
                    pool.backward(card, samples, (gradient, places), gate, other)?;
                }
                Step::Upsample(upsample) => {
                    upsample.backward(card, samples, gradient, gate, other)?;
                }
                Step::Transpose(transpose) => {
                    transpose.backward(card, samples, gradient, other)?;
                    is_gated = false;
                }
                Step::Activation { function, len } => {
                    function.backward(card, samples * len, x, gradient)?;
                    is_gated = false;
                }
                Step::Latent(latent) => {
                    let len = samples * latent.dimensions;
                    let arguments = (
                        x,
                        task.noise,
                        gradient,
                        other,
                        len as i64,
                        latent.dimensions as i32,
                        latent.bound,
                        task.factors.kl_scale,
                    );
                    card.launch("latent_backward", Grid::over(len), &arguments)?;
                    is_gated = false;
                }
            }
            if !matches!(step, Step::Activation { .. }) {
                std::mem::swap(&mut gradient, &mut other);
            }
            if let Some((kind, scale)) = penalty {
                let len = samples * self.len_behind(before);
                let arguments = (
                    x,
                    gradient,
                    self.row(2),
                    len as i64,
                    kind.l1,
                    kind.l2,
                    scale,
                );
                card.launch("penalty", Grid::blocks(SUM_BLOCKS as u32), &arguments)?;
            }
            if let Some(out) = relu.filter(|_| !is_gated) {
                self.gate(samples, before, out, gradient)?;
            }
        }
        Ok(())
    }

    /// Lays out the weights for the products.
    fn pack(&mut self, parameters: &[Pair]) -> Result<()> {
        let weights = || parameters.iter().map(|(weight, _)| *weight);
        let packing = match self.packing.take() {
            Some(packing) if packing.is_for(weights()) => packing,
            _ => {
                let products: Vec<&Product> = self.steps.iter().filter_map(Step::product).collect();
                Packing::new(&self.card, &products, weights().collect())?
            }
        };
        packing.run(&self.card)?;
        self.packing = Some(packing);
        Ok(())
    }

    /// The loss of the last values, and its gradient.
    fn loss(&self, task: Task, values: Address, gradient: Address) -> Result<()> {
        let kind = match task.factors.reconstruction {
            Reconstruction::Bce => 0,
            Reconstruction::Mse => 1,
            Reconstruction::Mae => 2,
        };
        let len = task.samples * self.lens().1;
        let scale = task.factors.scale as f32;
        let sums = self.row(0);
        let arguments = (values, task.target, gradient, sums, len as i64, kind, scale);
        self.card
            .launch("loss", Grid::blocks(SUM_BLOCKS as u32), &arguments)
    }

    /// Stops a gradient where the result of the relu behind `step` is 0.
    fn gate(&self, samples: usize, step: usize, out: Address, gradient: Address) -> Result<()> {
        let len = samples * self.len_behind(step);
        let arguments = (out, gradient, len as i64);
        self.card.launch("gate", Grid::over(len), &arguments)
    }

    fn len_behind(&self, step: usize) -> usize {
        self.steps.get(step).map_or(0, Step::out_len)
    }

    /// A row of the sums.
    fn row(&self, number: usize) -> Address {
        self.sums.address().behind::<f64>(number * SUM_BLOCKS)
    }

    /// Sees to room for so many samples.
    fn reserve(&mut self, samples: usize) -> Result<()> {
        if self
            .memory
            .as_ref()
            .is_some_and(|memory| samples <= memory.samples)
        {
            return Ok(());
        }
        // The old memory is free for the new one.
        self.memory = None;
        let reaches = |step: &Step| match step {
            Step::Product(product) => product.layer.reaches(samples),
            _ => true,
        };
        if !self.steps.iter().all(reaches) {
            let expected = "fewer than 2^31 pixels, taps or values in a layer";
            let found = format!("{samples} samples: take a smaller training.batch_size");
            return Err(Error::argument("a batch on a card", expected, found));
        }
        self.memory = Some(Memory::new(&self.card, &self.steps, samples)?);
        Ok(())
    }
}
