//! Optimisers with visible state, learning-rate schedules, gradient clipping.
//!
//! [`Optimizer`] does what all kinds have in common: it clips, keeps the state of every variable and
//! changes all of them or none. Each kind is a pure function in a file of its own, from a variable's
//! value, gradient and state to the next value and state.
//!
//! | kind | state of each variable | epsilon stands |
//! |---|---|---|
//! | `sgd` | `velocity`; nothing without momentum | - |
//! | `rmsprop` | `square`; with momentum also `velocity` | beside the root, or under it (`epsilon_inside`) |
//! | `adadelta` | `square`, `delta` | under both roots |
//! | `adam`, `adamw` | `first`, `second` | beside the root of the second moment, after the correction of its bias or before it (`epsilon_hat`) |
//!
//! In the formulas g is the gradient, w the value, lr the rate of the step, scaled by the schedule.

mod adadelta;
mod adam;
mod adamw;
mod clip;
mod optimizer;
mod rmsprop;
mod schedule;
mod sgd;

pub use clip::global_norm;
pub use optimizer::Optimizer;
