//! Optimisers with visible state, learning-rate schedules, gradient clipping.

mod adam;
mod clip;
mod schedule;

pub use adam::Adam;
pub use clip::global_norm;
