//! A lowered network and its memory, with the forward and backward passes.
//!
//! The size of a batch alone decides how it is cut into shards. One thread takes a shard through the network, in
//! micro-batches and in order, and sums its gradients; the gradients of the shards are added in order. So results have
//! the same bits with any number of threads.

use std::sync::{Mutex, PoisonError};

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::CpuStep;
use super::arena::Arena;
use super::flat::add;
use super::isa::Isa;
use super::lines::Lines;
use super::loss::{FlatBatch, LossSums};
use super::program::{Program, ProgramStep};
use super::shard::{Forwards, Shard};
use super::step::{LayerParameters, Step};

/// The largest number of shards.
const SHARDS: usize = 16;
/// From this many values on, waking another thread pays off.
const WORTH_A_THREAD: usize = 1 << 17;

/// Steps from samples to reconstructions, both flat.
#[derive(Debug)]
pub(crate) struct CpuNetwork {
    program: Program,
    isa: Isa,
    /// Gradients of each shard.
    shards: Vec<Lines>,
    arenas: Mutex<Vec<Arena>>,
}

impl CpuNetwork {
    /// A network of steps, each of which reads the output of the one before it; step `code` reads the codes.
    pub fn new(steps: Vec<CpuStep>, code: usize, isa: Isa) -> Self {
        Self {
            program: Program::new(steps, code),
            isa,
            shards: Vec::new(),
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
        let work = |(input, out): (&[f32], &mut [f32])| {
            self.with_arena(|arena| {
                self.isa.run(Forwards {
                    program: &self.program,
                    parameters,
                    input,
                    noise: None,
                    trains: false,
                    arena,
                });
                if let Some(values) = arena.values.last() {
                    out.copy_from_slice(&values[..out.len()]);
                }
            });
        };
        let (input_len, out_len) = self.sizes();
        let at_once = self.program.samples * input_len;
        if input.len() <= at_once {
            // Some networks take less time for a sample than waking another thread does.
            return work((input, out));
        }
        let parts = input.par_chunks(at_once);
        parts
            .zip(out.par_chunks_mut(self.program.samples * out_len))
            .for_each(work);
    }

    /// Computes the sums of the losses; leaves the gradients in the first shard, for [`CpuNetwork::unpack`].
    pub fn gradients(&mut self, parameters: &[LayerParameters], batch: FlatBatch) -> LossSums {
        let all = batch.input.len() / self.sizes().0.max(1);
        let samples = all.div_ceil(SHARDS).max(self.program.samples);
        let count = all.div_ceil(samples);
        let mut shards = std::mem::take(&mut self.shards);
        while shards.len() < count {
            shards.push(Lines::zeros(self.program.gradient_len));
        }
        let this = &*self;
        let work = |(number, gradient): (usize, &mut Lines)| {
            this.with_arena(|arena| {
                this.isa.run(Shard {
                    program: &this.program,
                    parameters,
                    batch,
                    range: number * samples..all.min((number + 1) * samples),
                    gradient,
                    arena,
                })
            })
        };
        let sums: Vec<LossSums> = match &mut shards[..count] {
            // Some networks take less time for a step than waking another thread does.
            [shard] => vec![work((0, shard))],
            shards => shards.par_iter_mut().enumerate().map(work).collect(),
        };
        if let Some((total, others)) = shards[..count].split_first_mut() {
            self.reduce(total, others);
        }
        self.shards = shards;
        let mut total = LossSums::default();
        for sums in sums {
            total.distance += sums.distance;
            total.penalty += sums.penalty;
            total.kl += sums.kl;
        }
        total
    }

    /// The sum of all shards, in order.
    fn reduce(&self, total: &mut Lines, others: &[Lines]) {
        /// Values of one parallel task.
        const CHUNK: usize = 1 << 15;
        if others.is_empty() {
            return;
        }
        let chunks = total.par_chunks_mut(CHUNK).enumerate();
        chunks.for_each(|(number, total)| {
            let range = number * CHUNK..number * CHUNK + total.len();
            let others = others.iter().map(|shard| &shard[range.clone()]).collect();
            self.isa.run(Reduce { total, others });
        });
    }

    /// The gradients of the parameters of each step that has any.
    pub fn unpack(&self, gradients: Vec<Vec<&mut [f32]>>) {
        let Some(shard) = self.shards.first() else {
            return;
        };
        let trained = self.program.steps.iter().filter(|step| step.is_trained());
        let jobs: Vec<_> = trained.zip(gradients).collect();
        let unpack = |(step, mut parameters): (&ProgramStep, Vec<&mut [f32]>)| {
            let gradient = &shard[step.gradient.clone()];
            step.step.unpack(gradient, &mut parameters);
        };
        if self.program.gradient_len < WORTH_A_THREAD {
            jobs.into_iter().for_each(unpack);
        } else {
            jobs.into_par_iter().for_each(unpack);
        }
    }

    /// Lends the memory of a thread; allocates it if none is free.
    fn with_arena<R>(&self, work: impl FnOnce(&mut Arena) -> R) -> R {
        let lock = || self.arenas.lock().unwrap_or_else(PoisonError::into_inner);
        let free = lock().pop();
        let mut arena =
            free.unwrap_or_else(|| Arena::new(&self.program.steps, self.program.samples));
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

struct Reduce<'a> {
    total: &'a mut [f32],
    others: Vec<&'a [f32]>,
}

impl WithSimd for Reduce<'_> {
    type Output = ();

    fn with_simd<S: Simd>(self, simd: S) {
        for other in self.others {
            add(simd, self.total, other);
        }
    }
}
