//! How often a run is saved.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

/// When the state is saved within an epoch; it is always saved at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaveEvery {
    /// After this many steps, counted from the start of the run.
    Steps(NonZeroU64),
    /// When this much time has passed since the last save.
    Time(Duration),
}

impl Default for SaveEvery {
    /// Five minutes: the most training that a kill can lose.
    fn default() -> Self {
        Self::Time(Duration::from_secs(300))
    }
}

impl SaveEvery {
    /// Whether to save after this step, when the last save was at `saved`.
    pub(super) fn is_due(self, step: u64, saved: Instant) -> bool {
        match self {
            Self::Steps(steps) => step.is_multiple_of(steps.get()),
            Self::Time(time) => saved.elapsed() >= time,
        }
    }
}
