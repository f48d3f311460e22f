//! The sums of a batch's losses, in f64: first within blocks, then over the blocks.

use super::launch::{Address, Buffer, Grid, Launcher};
use crate::engine::abi::Row;
use crate::engine::cpu::{Factors, LossSums};
use crate::recipe::CodePenalty;
use crate::{Error, Result};

/// Blocks of the summing kernels, the same for every batch and GPU, so that sums have one order.
const BLOCKS: usize = 256;

#[derive(Debug)]
pub(super) struct BlockSums {
    /// A row of blocks for each [`Row`]; zeros for a term that the network lacks.
    blocks: Buffer<f64>,
    totals: Buffer<f64>,
    card: Launcher,
}

impl BlockSums {
    pub fn new(card: &Launcher) -> Result<Self> {
        Ok(Self {
            blocks: card.zeros(3 * BLOCKS)?,
            totals: card.zeros(3)?,
            card: card.clone(),
        })
    }

    /// The grid of a summing kernel, and the destination of its blocks' sums.
    pub fn of(&self, row: Row) -> (Grid, Address) {
        let row = row as usize * BLOCKS;
        let blocks = self.blocks.address().behind::<f64>(row);
        (Grid::blocks(BLOCKS as u32), blocks)
    }

    /// Launches the loss of a network's last values, and its gradient.
    pub fn loss(
        &self,
        len: usize,
        factors: &Factors,
        (values, target): (Address, Address),
        gradient: Address,
    ) -> Result<()> {
        let kind = factors.reconstruction.formula().map_err(|loss| {
            let expected = "a loss that the kernels have";
            Error::layer("a network on a card", expected, loss.name())
        })? as i32;
        let (grid, sums) = self.of(Row::Distance);
        let scale = factors.scale as f32;
        let arguments = (values, target, gradient, sums, len as i64, kind, scale);
        self.card.launch("loss", grid, &arguments)
    }

    /// Launches the penalty on codes, whose derivative is added to their gradient.
    pub fn penalty(
        &self,
        len: usize,
        (kind, scale): (CodePenalty, f64),
        codes: Address,
        gradient: Address,
    ) -> Result<()> {
        let (grid, sums) = self.of(Row::Penalty);
        let arguments = (codes, gradient, sums, len as i64, kind.l1, kind.l2, scale);
        self.card.launch("penalty", grid, &arguments)
    }

    /// Adds up the blocks.
    pub fn total(&self) -> Result<()> {
        let arguments = (self.blocks.address(), self.totals.address(), BLOCKS as i32);
        self.card.launch("sum_blocks", Grid::blocks(3), &arguments)
    }

    /// Address of the totals, in the order of [`Row`].
    pub fn totals(&self) -> Address {
        self.totals.address()
    }

    /// Waits for the totals and returns them.
    pub fn read(&self) -> Result<LossSums> {
        Ok(match self.card.read(&self.totals)?.as_slice() {
            &[distance, kl, penalty] => LossSums {
                distance,
                penalty,
                kl,
            },
            _ => LossSums::default(),
        })
    }
}
