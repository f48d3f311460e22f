//! The one training loop, and the run folder that it fills.

mod earlier;
mod edited;
mod environment;
mod epochs;
mod event;
mod history;
mod interrupt;
mod lock;
mod metrics;
mod resume;
mod run_folder;
mod samples;
mod sampling;
mod save_every;
mod steps;
mod trainer;

pub use environment::{Environment, data_of_run, peak_memory_mb};
pub use event::{Ending, Event};
pub use history::History;
pub use interrupt::Interrupt;
pub use metrics::EpochMetrics;
pub use resume::Resumable;
pub use run_folder::RunFolder;
pub use save_every::SaveEvery;
pub use trainer::Trainer;
