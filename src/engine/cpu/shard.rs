//! The forward and backward passes of a shard through all steps of a network.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::CpuStep;
use super::arena::Arena;
use super::lines::Lines;
use super::loss::{FlatBatch, LossSums, loss, penalize};
use super::program::Program;
use super::step::{Backward, Forward, LayerParameters, Step};

/// Takes a micro-batch through all steps; returns its KL divergence.
pub(crate) struct Forwards<'a> {
    pub program: &'a Program,
    pub parameters: &'a [LayerParameters<'a>],
    pub input: &'a [f32],
    pub noise: Option<&'a [f32]>,
    /// Whether a backward pass follows.
    pub trains: bool,
    /// Whether threads that wait for work may take parts of the steps.
    pub is_shared: bool,
    pub arena: &'a mut Arena,
}

impl WithSimd for Forwards<'_> {
    type Output = f64;

    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let samples = self.input.len() / self.program.sizes().0.max(1);
        let Arena {
            values,
            sides,
            scratch,
            ..
        } = self.arena;
        let mut kl = 0.0;
        for (number, (step, side)) in self.program.steps.iter().zip(sides).enumerate() {
            let slot = self.program.slots.of(number);
            let mut results = std::mem::take(&mut values[slot]);
            let read = |step: usize| match step.checked_sub(1) {
                Some(before) => &values[self.program.slots.of(before)][..],
                None => self.input,
            };
            let x = match number {
                0 => self.input,
                _ => &read(number)[..samples * step.sizes.x],
            };
            let out = &mut results[..samples * step.sizes.out];
            if let CpuStep::Add(add) = &step.step {
                let skip = &read(add.source)[..samples * add.len(add.skip)];
                add.sum(simd, self.is_shared, (x, skip), out);
                values[slot] = results;
                continue;
            }
            let io = Forward {
                packed: &step.packed,
                parameters: step.own(self.parameters),
                x,
                out,
                side: &mut side[..samples * step.sizes.side],
                trains: self.trains,
                noise: self.noise,
                kl: &mut kl,
                scratch,
                is_shared: self.is_shared,
            };
            step.step.forward(simd, io);
            values[slot] = results;
        }
        kl
    }
}

/// Takes the samples of a shard through all steps and back.
pub(crate) struct Shard<'a> {
    pub program: &'a Program,
    pub parameters: &'a [LayerParameters<'a>],
    pub batch: FlatBatch<'a>,
    pub range: Range<usize>,
    /// Sums of the gradients of all parameters.
    pub gradient: &'a mut Lines,
    /// Whether threads that wait for work may take parts of the steps.
    pub is_shared: bool,
    pub arena: &'a mut Arena,
}

impl WithSimd for Shard<'_> {
    type Output = LossSums;

    fn with_simd<S: Simd>(mut self, simd: S) -> LossSums {
        let (program, range) = (self.program, self.range.clone());
        self.arena.prepare(&program.steps, program.samples);
        for step in &program.steps {
            let gradient = &mut self.gradient[step.gradient.clone()];
            gradient[step.sizes.overwritten..].fill(0.0);
        }
        let mut sums = LossSums::default();
        for first in range.clone().step_by(program.samples) {
            let samples = first..range.end.min(first + program.samples);
            let micro = self.batch.part(samples, program.sizes(), program.latent());
            let forwards = Forwards {
                program,
                parameters: self.parameters,
                input: micro.input,
                noise: micro.noise,
                trains: true,
                is_shared: self.is_shared,
                arena: &mut *self.arena,
            };
            sums.kl += forwards.with_simd(simd);
            let Arena {
                values, gradients, ..
            } = &mut *self.arena;
            if let (Some(values), Some(gradient)) = (values.last(), gradients.last_mut()) {
                let len = micro.target.len();
                let pair = (&values[..len], micro.target);
                sums.distance += loss(simd, &micro.factors, pair, &mut gradient[..len]);
            }
            let is_last = first + program.samples >= range.end;
            sums.penalty += self.back(simd, micro, (first == range.start, is_last));
        }
        sums
    }
}

impl Shard<'_> {
    /// Computes the gradients of a micro-batch, which may be the first and the last of the shard, from the gradient
    /// after the last step; returns the penalty on its codes.
    fn back<S: Simd>(&mut self, simd: S, micro: FlatBatch, (first, last): (bool, bool)) -> f64 {
        let (program, arena) = (self.program, &mut *self.arena);
        let samples = micro.input.len() / program.sizes().0.max(1);
        let mut penalty = 0.0;
        for (number, step) in program.steps.iter().enumerate().rev() {
            let (x_len, out_len) = (samples * step.sizes.x, samples * step.sizes.out);
            let (before, behind) = arena.gradients.split_at_mut(number + 1);
            let parameter_gradient = &mut self.gradient[step.gradient.clone()];
            let sums = &mut arena.sums[match first && last {
                // All steps share the memory of the first, which stays in the caches.
                true => 0..step.sizes.sums,
                false => step.sums.clone(),
            }];
            let io = Backward {
                packed: &step.packed,
                parameters: step.own(self.parameters),
                x: match number.checked_sub(1) {
                    Some(before) => &arena.values[before][..x_len],
                    None => micro.input,
                },
                out: &arena.values[number][..out_len],
                side: &arena.sides[number][..samples * step.sizes.side],
                gradient: &mut behind[0][..out_len],
                x_gradient: (number > program.first_trained).then(|| &mut before[number][..x_len]),
                sums: &mut *sums,
                parameter_gradient: &mut *parameter_gradient,
                first,
                noise: micro.noise,
                kl_scale: micro.factors.kl_scale,
                scratch: &mut arena.scratch,
                is_shared: self.is_shared,
            };
            step.step.backward(simd, io);
            if last {
                step.step.finish_shard(simd, sums, parameter_gradient);
            }
            if number == 0 {
                continue;
            }
            add_skips(simd, program, number, samples, &mut arena.gradients);
            if let Some((kind, scale)) = micro.factors.penalty
                && number == program.code
            {
                let codes = &arena.values[number - 1][..x_len];
                let gradient = &mut arena.gradients[number][..x_len];
                penalty += penalize(simd, kind, scale, codes, gradient);
            }
        }
        penalty
    }
}

/// Adds to the gradient of a step's input the gradients of the sums that read the same input.
fn add_skips<S: Simd>(
    simd: S,
    program: &Program,
    number: usize,
    samples: usize,
    gradients: &mut [Lines],
) {
    for (later, step) in program.steps.iter().enumerate().skip(number) {
        if let CpuStep::Add(add) = &step.step
            && add.source == number
        {
            let (before, behind) = gradients.split_at_mut(later + 1);
            let gradient = &behind[0][..samples * add.len(add.out)];
            let skip = &mut before[number][..samples * add.len(add.skip)];
            add.backward_skip(simd, gradient, skip);
        }
    }
}
