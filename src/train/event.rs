//! What an observer of a run is told.

use super::metrics::EpochMetrics;

/// An event during a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// Steps have finished: one, or all that an asynchronous engine has done since the last wait.
    Step {
        /// The epoch, counted from 1.
        epoch: usize,
        /// Steps done in this epoch, and the total.
        position: usize,
        /// Steps of an epoch.
        steps: usize,
        /// Steps since the previous event, and the samples in them.
        done: usize,
        /// Samples in the steps since the previous event.
        samples: usize,
        /// Mean training loss of the epoch so far.
        loss: f64,
    },
    /// All steps of an epoch have finished; validation begins.
    Validating {
        /// The epoch, counted from 1.
        epoch: usize,
    },
    /// An epoch was measured, and saved if there is a folder.
    Epoch(&'a EpochMetrics),
    /// The epochs are over, and the density of the codes that the recipe asks for is being fitted.
    Density {
        /// The number of codes and of Gaussians.
        codes: usize,
        /// Number of Gaussians.
        components: usize,
        /// Rounds done; 0 while the codes are computed.
        round: usize,
    },
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All epochs are done.
    Finished,
    /// The recipe's patience ran out: that many epochs in a row had no lower validation loss.
    StoppedEarly,
    /// A stop was requested: the current step was finished and the state saved. A density fit that was interrupted
    /// starts again when the run is resumed.
    Stopped,
}
