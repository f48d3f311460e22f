//! The forward and backward passes of a shard through all steps of a network.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::CpuStep;
use super::arena::Arena;
use super::lines::Lines;
use super::loss::loss;
use super::program::{Program, own};
use super::step::{Backward, Forward, Parameters};
use super::task::{Factors, Sums, Task, penalize};

/// Takes a micro-batch through all steps; returns its KL divergence.
pub(crate) struct Forwards<'a> {
    pub program: &'a Program,
    pub parameters: &'a [Parameters<'a>],
    pub input: &'a [f32],
    pub noise: Option<&'a [f32]>,
    pub arena: &'a mut Arena,
}

impl WithSimd for Forwards<'_> {
    type Output = f64;

    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let program = self.program;
        let samples = self.input.len() / program.sizes().0.max(1);
        let mut parameters = self.parameters.iter();
        let mut kl = 0.0;
        for (number, (step, packed)) in program.steps.iter().zip(&program.packed).enumerate() {
            let (before, behind) = self.arena.values.split_at_mut(number);
            let x = match before.last() {
                Some(values) => &values[..samples * step.x_len()],
                None => self.input,
            };
            let (Some(out), Some(side)) = (behind.first_mut(), self.arena.sides.get_mut(number))
            else {
                break;
            };
            let out = &mut out[..samples * step.out_len()];
            let side = &mut side[..samples * step.side_len()];
            let own = own(step, &mut parameters);
            if let CpuStep::Add(add) = step {
                let skip = match add.source.checked_sub(1) {
                    Some(source) => before.get(source).map_or(&[][..], |values| values),
                    None => self.input,
                };
                add.sum(simd, (x, &skip[..samples * add.len(add.skip)]), out);
                continue;
            }
            let io = Forward {
                x,
                out,
                side,
                noise: self.noise,
                scratch: &mut self.arena.scratch,
            };
            kl += step.forward(simd, (packed, own), io);
        }
        kl
    }
}

/// Takes the samples of a shard through all steps and back.
pub(crate) struct Shard<'a> {
    pub program: &'a Program,
    pub parameters: &'a [Parameters<'a>],
    pub task: Task<'a>,
    pub range: Range<usize>,
    pub shard: &'a mut Lines,
    pub arena: &'a mut Arena,
}

impl WithSimd for Shard<'_> {
    type Output = Sums;

    fn with_simd<S: Simd>(self, simd: S) -> Sums {
        let Self {
            program,
            parameters,
            task,
            range,
            shard,
            arena,
        } = self;
        arena.prepare(&program.steps, program.samples);
        for (step, &place) in program.steps.iter().zip(&program.places) {
            let part = &mut shard[place..][..step.gradient_len()];
            part[step.overwritten()..].fill(0.0);
        }
        let mut sums = Sums::default();
        for first in range.clone().step_by(program.samples) {
            let part = first..range.end.min(first + program.samples);
            let micro = task.part(part, program.sizes(), program.latent());
            let kl = Forwards {
                program,
                parameters,
                input: micro.input,
                noise: micro.noise,
                arena: &mut *arena,
            }
            .with_simd(simd);
            sums.kl += kl;
            if let (Some(values), Some(gradient)) =
                (arena.values.last(), arena.gradients.last_mut())
            {
                let len = micro.target.len();
                let pair = (&values[..len], micro.target);
                let gradient = &mut gradient[..len];
                let Factors {
                    reconstruction,
                    scale,
                    ..
                } = task.factors;
                sums.distance += loss(simd, reconstruction, pair, gradient, scale as f32);
            }
            let is_first = first == range.start;
            sums.penalty += program.back(simd, parameters, micro, (shard, is_first), arena);
        }
        for ((step, &place), sums) in program.steps.iter().zip(&program.places).zip(&arena.sums) {
            step.finish_shard(simd, sums, &mut shard[place..]);
        }
        sums
    }
}

impl Program {
    /// Computes the gradients of a micro-batch from the gradient after the last step; returns the
    /// penalty on its codes.
    fn back<S: Simd>(
        &self,
        simd: S,
        parameters: &[Parameters],
        micro: Task,
        (shard, first): (&mut Lines, bool),
        arena: &mut Arena,
    ) -> f64 {
        let samples = micro.input.len() / self.sizes().0.max(1);
        let mut parameters = parameters.iter().rev();
        let mut penalty = 0.0;
        for (number, step) in self.steps.iter().enumerate().rev() {
            let own = own(step, &mut parameters);
            let x = match number.checked_sub(1) {
                Some(before) => &arena.values[before][..samples * step.x_len()],
                None => micro.input,
            };
            let (before, behind) = arena.gradients.split_at_mut(number + 1);
            let x_gradient = match number {
                // The gradient of the images is not needed.
                0 => None,
                _ => Some(&mut before[number][..samples * step.x_len()]),
            };
            let place = self.places[number];
            let len = step.gradient_len();
            let io = Backward {
                x,
                out: &arena.values[number][..samples * step.out_len()],
                side: &arena.sides[number][..samples * step.side_len()],
                gradient: &behind[0][..samples * step.out_len()],
                x_gradient,
                sums: &mut arena.sums[number],
                parameters: &mut shard[place..place + len],
                first,
                noise: micro.noise,
                kl_scale: micro.factors.kl_scale,
                scratch: &mut arena.scratch,
            };
            step.backward(simd, (&self.packed[number], own), io);
            if number > 0 {
                self.add_skips(simd, number, samples, &mut arena.gradients);
            }
            let is_code = number == self.code && number > 0;
            if let Some((kind, scale)) = micro.factors.penalty.filter(|_| is_code) {
                let codes = &arena.values[number - 1][..samples * step.x_len()];
                let gradient = &mut arena.gradients[number][..samples * step.x_len()];
                penalty += penalize(kind, scale, codes, gradient);
            }
        }
        penalty
    }

    /// Adds to the gradient of a step's input the gradients of the sums that read the same input.
    fn add_skips<S: Simd>(&self, simd: S, number: usize, samples: usize, gradients: &mut [Lines]) {
        for (later, step) in self.steps.iter().enumerate().skip(number) {
            if let CpuStep::Add(add) = step
                && add.source == number
            {
                let (before, behind) = gradients.split_at_mut(later + 1);
                let gradient = &behind[0][..samples * add.len(add.out)];
                let skip = &mut before[number][..samples * add.len(add.skip)];
                add.backward_skip(simd, gradient, skip);
            }
        }
    }
}
