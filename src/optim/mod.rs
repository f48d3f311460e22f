//! Optimisers with visible state, learning-rate schedules, gradient clipping.
//!
//! [`Optimizer`] is common to all kinds: it clips, keeps the state of every variable and changes all of them or none.
//! Each kind is a rule in a file of its own, which maps a weight's value, gradient and state to the next value and
//! state. For f32 and f64 on the CPU a rule is applied in place, in one pass over the elements; on other devices and
//! for other types, in candle's operations.
//!
//! | kind | state of each variable | where epsilon is added |
//! |---|---|---|
//! | `sgd` | `velocity`; nothing without momentum | - |
//! | `rmsprop` | `square`; with momentum also `velocity` | beside the root, or under it (`epsilon_inside`) |
//! | `adadelta` | `square`, `delta` | under both roots |
//! | `adam`, `adamw` | `first`, `second` | beside the root of the second moment, after the correction of its bias or before it (`epsilon_hat`) |
//!
//! In the formulas g is the gradient, w the value, and lr the rate of the step, schedule included.

mod adadelta;
mod adam;
pub(crate) mod apply;
mod clip;
mod optimizer;
mod rmsprop;
pub(crate) mod rule;
mod schedule;
mod sgd;

pub use clip::global_norm;
pub use optimizer::Optimizer;
