//! Update rules for one weight.

use crate::arithmetic::Number;

/// The formula of an optimiser that keeps `STATE` numbers for every weight, and has `SETTINGS` plain numbers that are
/// the same for all weights of a step.
pub(crate) trait Rule<const STATE: usize, const SETTINGS: usize>: Sync {
    /// The number of the formula.
    fn kind(&self) -> RuleKind;

    fn settings(&self) -> [f64; SETTINGS];

    /// The next value and state. Always inlined, as the body of a loop over weights.
    fn step<N: Number>(
        &self,
        settings: [N::Setting; SETTINGS],
        value: N,
        gradient: N,
        state: [N; STATE],
    ) -> (N, [N; STATE]);
}

/// The formulas, numbered for kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum RuleKind {
    Descent,
    Momentum,
    Nesterov,
    Quotient,
    QuotientInside,
    QuotientMomentum,
    QuotientMomentumInside,
    Adadelta,
    Adam,
    AdamW,
}

/// An operation on the rule of a step, whichever it is.
pub(crate) trait Visit {
    type Output;

    fn visit<const STATE: usize, const SETTINGS: usize>(
        self,
        rule: &impl Rule<STATE, SETTINGS>,
    ) -> Self::Output;
}
