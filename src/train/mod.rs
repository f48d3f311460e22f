//! The one training loop, and the run folder that it fills.

mod environment;
mod epochs;
mod history;
mod interrupt;
mod lock;
mod metrics;
mod resume;
mod run_folder;
mod samples;
mod sampling;
mod trainer;

pub use environment::{Environment, peak_memory_mb};
pub use epochs::{Ending, Event};
pub use history::History;
pub use interrupt::Interrupt;
pub use metrics::EpochMetrics;
pub use resume::Resumable;
pub use run_folder::{RunFolder, SaveEvery};
pub use trainer::Trainer;
