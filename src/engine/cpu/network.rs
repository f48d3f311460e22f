//! A lowered network and its memory, with the forward and backward passes.
//!
//! The size of a batch alone decides how it is cut into shards. One thread takes a shard through the network, in
//! micro-batches and in order, and sums its gradients; the gradients of the shards are added in pairs, and these sums
//! in pairs again. So results have the same bits with any number of threads.

use std::sync::{Mutex, PoisonError};

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::CpuStep;
use super::arena::Arena;
use super::cut::Cut;
use super::isa::Isa;
use super::lines::Lines;
use super::loss::{FlatBatch, LossSums};
use super::program::{Program, ProgramStep};
use super::reduce::Gradients;
use super::shard::{Forwards, Shard};
use super::shared::WORTH_A_THREAD;
use super::step::{LayerParameters, Step};

/// From this many multiplications on, a part without others takes less time if threads share its steps: handing them
/// over takes time at every step.
const WORTH_SHARING: usize = 1 << 25;
/// From this many values on, copying them with two threads pays off.
const WORTH_COPYING: usize = 1 << 17;

/// Steps from samples to reconstructions, both flat.
#[derive(Debug)]
pub(crate) struct CpuNetwork {
    program: Program,
    isa: Isa,
    /// The gradient of the last batch.
    gradient: Lines,
    gradients: Gradients,
    arenas: Mutex<Vec<Arena>>,
}

impl CpuNetwork {
    /// A network of steps, each of which reads the output of the one before it; step `code` reads the codes.
    pub fn new(steps: Vec<CpuStep>, code: usize, isa: Isa) -> Self {
        Self::of(Program::new(steps, code), isa)
    }

    /// The same for forward passes alone, with less memory.
    pub fn without_backward(steps: Vec<CpuStep>, code: usize, isa: Isa) -> Self {
        Self::of(Program::new(steps, code).without_backward(), isa)
    }

    fn of(program: Program, isa: Isa) -> Self {
        Self {
            program,
            isa,
            gradient: Lines::default(),
            gradients: Gradients::default(),
            arenas: Mutex::default(),
        }
    }

    /// Values of a sample before the first step and after the last.
    pub fn sizes(&self) -> (usize, usize) {
        self.program.sizes()
    }

    /// Dimensions of the noise that a variational network takes.
    pub fn latent(&self) -> Option<usize> {
        self.program.latent()
    }

    /// Packs weights for the products. `parameters` has an entry for each step that has any.
    pub fn pack(&mut self, parameters: &[LayerParameters]) {
        let isa = self.isa;
        let steps = self.program.steps.iter_mut();
        let packed: Vec<_> = steps.filter(|step| step.sizes.is_convolution).collect();
        let pack = |step| isa.run(Pack { step, parameters });
        packed.into_par_iter().for_each(pack);
    }

    /// Samples to reconstructions, both flat.
    pub fn run(&self, parameters: &[LayerParameters], input: &[f32], out: &mut [f32]) {
        let (input_len, out_len) = self.sizes();
        let samples = input.len() / input_len.max(1);
        let threads = rayon::current_num_threads();
        let work = |(input, out): (&[f32], &mut [f32]), is_shared: bool| {
            self.with_arena(|arena| {
                self.isa.run(Forwards {
                    program: &self.program,
                    parameters,
                    input,
                    noise: None,
                    trains: false,
                    is_shared,
                    arena,
                });
                let last = self
                    .program
                    .slots
                    .of(self.program.steps.len().saturating_sub(1));
                if let Some(values) = arena.values.get(last) {
                    out.copy_from_slice(&values[..out.len()]);
                }
            });
        };
        let at_once = match self.program.has_dense {
            // Their sums have another order for few samples.
            true => self.program.samples,
            false => {
                let each = samples.div_ceil(threads);
                let least = WORTH_A_THREAD.div_ceil(self.program.work);
                each.max(least).min(self.program.samples)
            }
        };
        if samples <= at_once {
            // Some networks take less time for a sample than waking another thread does.
            let is_worth = threads > 1 && samples * self.program.work >= WORTH_SHARING;
            let is_shared = is_worth || self.program.shares_products();
            return work((input, out), is_shared);
        }
        let (input_len, out_len) = (at_once * input_len, at_once * out_len);
        if self.program.shares_products() {
            let parts = input.chunks(input_len).zip(out.chunks_mut(out_len));
            return parts.for_each(|part| work(part, true));
        }
        let is_shared = samples.div_ceil(at_once) < threads;
        let parts = input.par_chunks(input_len);
        let parts = parts.zip(out.par_chunks_mut(out_len));
        parts.for_each(|part| work(part, is_shared));
    }

    /// Computes the sums of the losses; keeps the gradients for [`CpuNetwork::unpack`].
    pub fn gradients(&mut self, parameters: &[LayerParameters], batch: FlatBatch) -> LossSums {
        self.gradients.put_back(std::mem::take(&mut self.gradient));
        let this = &*self;
        let cut = Cut::new(&this.program, batch.input.len() / this.sizes().0.max(1));
        let is_shared = cut.shards < rayon::current_num_threads();
        let shard = |number, gradient: &mut Lines| {
            this.with_arena(|arena| {
                this.isa.run(Shard {
                    program: &this.program,
                    parameters,
                    batch,
                    range: cut.range(number),
                    gradient,
                    is_shared,
                    arena,
                })
            })
        };
        let len = this.program.gradient_len;
        let (gradient, sums) = this.gradients.sum(this.isa, len, 0..cut.shards, &shard);
        self.gradient = gradient;
        sums
    }

    /// The gradients of the parameters of each step that has any.
    pub fn unpack(&self, gradients: Vec<Vec<&mut [f32]>>) {
        let trained = self.program.steps.iter().filter(|step| step.is_trained());
        let jobs: Vec<_> = trained.zip(gradients).collect();
        let unpack = |(step, mut parameters): (&ProgramStep, Vec<&mut [f32]>)| {
            let gradient = &self.gradient[step.gradient.clone()];
            step.step.unpack(gradient, &mut parameters);
        };
        if self.program.gradient_len < WORTH_COPYING {
            jobs.into_iter().for_each(unpack);
        } else {
            jobs.into_par_iter().for_each(unpack);
        }
    }

    /// Lends the memory of a thread; allocates it if none is free.
    fn with_arena<R>(&self, work: impl FnOnce(&mut Arena) -> R) -> R {
        let lock = || self.arenas.lock().unwrap_or_else(PoisonError::into_inner);
        let free = lock().pop();
        let mut arena = free.unwrap_or_else(|| Arena::new(&self.program));
        let result = work(&mut arena);
        lock().push(arena);
        result
    }
}

/// The values of a list, an entry for each layer, which has a value for each of its parameters.
pub(crate) fn by_layer<T, P>(
    values: &mut impl Iterator<Item = T>,
    layers: &[Vec<P>],
) -> Vec<Vec<T>> {
    let layers = layers.iter();
    let layers = layers.map(|layer| values.by_ref().take(layer.len()).collect());
    layers.collect()
}

struct Pack<'a> {
    step: &'a mut ProgramStep,
    parameters: &'a [LayerParameters<'a>],
}

impl WithSimd for Pack<'_> {
    type Output = ();

    fn with_simd<S: Simd>(self, simd: S) {
        let own = self.step.own(self.parameters);
        self.step.step.pack(simd, own, &mut self.step.packed);
    }
}
