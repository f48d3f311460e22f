//! The end of a training step on the card: whether it is sound, and the optimiser's move.

use candle_core::cuda_backend::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::{DeviceRepr, ValidAsZeroBits};

use super::launch::{Address, Buffer, Grid, Launcher, OPTIMIZER};
use super::product::int;
use crate::Result;

/// Blocks of each variable that sum the squares of its gradient.
const SUM_BLOCKS: usize = 32;

/// A variable with its gradient and what is kept for it: the `Variable` of the kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Variable {
    pub value: Address,
    pub gradient: Address,
    pub state: [Address; 2],
    pub len: i64,
}

/// What an optimiser does to each weight in a step, the `CudaStep` of the kernels; the rules of [`crate::optim`] fill it in.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct Move {
    pub rule: Rule,
    /// Nesterov's momentum, or an epsilon inside the root.
    pub variant: i32,
    pub rate: f32,
    /// What a value is multiplied by before: decoupled weight decay.
    pub kept: f32,
    /// Momentum, rho, or beta1; and momentum behind a quotient, or beta2.
    pub decay: [f32; 2],
    /// 1 minus each, which is not exact from the rounded ones.
    pub fresh: [f32; 2],
    /// 1 / (1 - beta^t) of each.
    pub correction: [f32; 2],
    pub epsilon: f32,
}

impl Move {
    /// By a rule without settings of its own.
    pub fn by(rule: Rule, rate: f64) -> Self {
        Self {
            rule,
            variant: 0,
            rate: rate as f32,
            kept: 1.0,
            decay: [0.0; 2],
            fresh: [1.0; 2],
            correction: [1.0; 2],
            epsilon: 0.0,
        }
    }

    /// With what is kept in a step of running means.
    pub fn keeping(self, decay: [f64; 2]) -> Self {
        Self {
            decay: decay.map(|decay| decay as f32),
            fresh: decay.map(|decay| (1.0 - decay) as f32),
            ..self
        }
    }
}

/// The formulas, numbered as in the kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Rule {
    Descent = 0,
    Momentum = 1,
    Quotient = 2,
    QuotientMomentum = 3,
    Adadelta = 4,
    Adam = 5,
}

/// How the sums of a batch make its loss, and the largest norm of a gradient, 0 for any.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct LossTerms {
    pub distance: f64,
    pub constant: f64,
    pub penalty: f64,
    pub kl: f64,
    pub limit: f64,
}

/// How training goes on; it stays as it is from the first step on that is not sound.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[repr(C)]
pub(crate) struct Status {
    /// Of the steps so far: what is minimised, and the KL divergence without its weight.
    pub loss_sum: f64,
    pub kl_sum: f64,
    /// Of the last step, or of the one that failed: the sum of the loss, and the norm of the gradient.
    pub loss: f64,
    pub norm: f64,
    factor: f64,
    /// Sound steps.
    pub steps: i64,
    /// 0, or what is no finite number: 1 the loss, 2 the norm.
    pub failure: i64,
}

// SAFETY: plain numbers and addresses, laid out as in C; of a Status all zeros are one.
unsafe impl DeviceRepr for Variable {}
unsafe impl DeviceRepr for Move {}
unsafe impl DeviceRepr for LossTerms {}
unsafe impl DeviceRepr for Status {}
unsafe impl ValidAsZeroBits for Status {}

/// Moves variables on the card, as long as their steps are sound.
#[derive(Debug)]
pub(crate) struct Steps {
    card: Launcher,
    status: Buffer<Status>,
    table: Buffer<Variable>,
    /// What the table holds.
    variables: Vec<Variable>,
    /// Of the squares of the gradients, by blocks.
    sums: Buffer<f64>,
}

impl Steps {
    /// # Errors
    /// If the driver refuses the kernels.
    pub fn new(device: &CudaDevice) -> Result<Self> {
        let card = Launcher::new(device, &[OPTIMIZER])?;
        Ok(Self {
            status: card.zeros(1)?,
            table: card.memory(0)?,
            variables: Vec::new(),
            sums: card.memory(0)?,
            card,
        })
    }

    /// Begins anew from sums of steps before.
    pub fn begin(&mut self, loss_sum: f64, kl_sum: f64) -> Result<()> {
        let status = Status {
            loss_sum,
            kl_sum,
            ..Status::default()
        };
        self.card.write(&mut self.status, &[status])
    }

    /// Starts the end of a step, behind a batch whose sums come to lie at `totals`.
    pub fn start(
        &mut self,
        variables: Vec<Variable>,
        totals: Address,
        terms: LossTerms,
        step: Move,
    ) -> Result<()> {
        if variables != self.variables {
            self.card.write(&mut self.table, &variables)?;
            self.sums = self.card.memory(variables.len() * SUM_BLOCKS)?;
            self.variables = variables;
        }
        let count = self.variables.len() as u32;
        let table = self.table.address();
        let (status, sums) = (self.status.address(), self.sums.address());
        let grid = Grid((SUM_BLOCKS as u32, count, 1));
        self.card.launch("gradient_squares", grid, &(table, sums))?;
        let blocks = int(self.variables.len() * SUM_BLOCKS)?;
        let arguments = (status, totals, sums, blocks, terms);
        self.card
            .launch("check_finite", Grid::blocks(1), &arguments)?;
        let longest = self.variables.iter().map(|variable| variable.len).max();
        let Grid((across, ..)) = Grid::over(longest.unwrap_or(0) as usize);
        let arguments = (table, status, step);
        let grid = Grid((across, count, 1));
        self.card.launch("optimizer_step", grid, &arguments)
    }

    /// Waits for all steps that were started.
    pub fn status(&self) -> Result<Status> {
        Ok(self
            .card
            .read(&self.status)?
            .first()
            .copied()
            .unwrap_or_default())
    }
}
