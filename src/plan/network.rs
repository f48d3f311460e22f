//! A lowered network and its memory: samples through all steps, and gradients back.
//!
//! A batch is cut into lanes by its size alone. Each lane goes through the network in micro-batches, in order,
//! on one thread, and sums its own gradients; those of the lanes are added in order. So results have the
//! same bits for any number of threads.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::isa::Isa;
use super::lines::Lines;
use super::loss::loss;
use super::step::{Back, Packed, Parameters, Step, sum_lanes};
use crate::recipe::{CodePenalty, Reconstruction};

/// Lanes at most.
const LANES: usize = 16;
/// Samples of a micro-batch. Networks with convolutions work on few, whose values stay in the caches; the
/// products of dense networks take more, or loading the weights would take longer than multiplying.
const CONV_SAMPLES: usize = 16;
const DENSE_SAMPLES: usize = 64;

/// Values that take longer to move than it takes to wake another thread.
const WORTH_A_THREAD: usize = 1 << 17;

/// Where the gradients of a weight and its bias go.
pub(crate) type Slot<'a> = (&'a mut [f32], &'a mut [f32]);

/// Steps from samples to reconstructions, both flat.
#[derive(Debug)]
pub(crate) struct Network {
    steps: Vec<Step>,
    /// The step whose samples are the codes.
    code: usize,
    samples: usize,
    isa: Isa,
    packed: Vec<Packed>,
    /// Where each step's part of a lane's gradient begins.
    places: Vec<usize>,
    lane_len: usize,
    lanes: Vec<Lines>,
    arenas: Mutex<Vec<Arena>>,
}

/// The memory that one thread works in.
#[derive(Debug)]
struct Arena {
    /// Behind each step.
    values: Vec<Lines>,
    sides: Vec<Lines>,
    /// Before each step and behind the last.
    gradients: Vec<Lines>,
    sums: Vec<Lines>,
    scratch: Lines,
}

/// A batch, flat, and what is minimised.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task<'a> {
    pub input: &'a [f32],
    pub target: &'a [f32],
    /// Of the codes of a variational network.
    pub noise: Option<&'a [f32]>,
    pub reconstruction: Reconstruction,
    /// Factor of the reconstruction loss in what is minimised.
    pub scale: f64,
    /// Penalties on the codes, and their factor.
    pub penalty: Option<(CodePenalty, f64)>,
    /// Factor of the KL divergence.
    pub kl_scale: f64,
}

/// Sums over samples.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Sums {
    pub distance: f64,
    pub penalty: f64,
    pub kl: f64,
}

impl Network {
    /// From steps, each of which reads what the one before it writes; the codes are what step `code` reads.
    pub fn new(steps: Vec<Step>, code: usize, isa: Isa) -> Self {
        let has_images = steps
            .iter()
            .any(|step| matches!(step, Step::Fast(_) | Step::Gather(_) | Step::Scatter(_)));
        let mut places = Vec::with_capacity(steps.len());
        let mut lane_len = 0;
        for step in &steps {
            places.push(lane_len);
            lane_len += step.weight_len() + step.bias_len();
        }
        Self {
            packed: steps.iter().map(Step::unpacked).collect(),
            samples: if has_images {
                CONV_SAMPLES
            } else {
                DENSE_SAMPLES
            },
            steps,
            code,
            isa,
            places,
            lane_len,
            lanes: Vec::new(),
            arenas: Mutex::default(),
        }
    }

    /// Values of a sample before the first step and behind the last.
    pub fn lens(&self) -> (usize, usize) {
        (self.input_len(), self.out_len())
    }

    /// Dimensions of the noise that a variational network takes.
    pub fn latent(&self) -> Option<usize> {
        self.steps.iter().find_map(|step| match step {
            Step::Latent(latent) => Some(latent.dimensions),
            _ => None,
        })
    }

    fn input_len(&self) -> usize {
        self.steps.first().map_or(0, Step::x_len)
    }

    fn out_len(&self) -> usize {
        self.steps.last().map_or(0, Step::out_len)
    }

    /// Takes over the weights, one pair for each step that has some.
    pub fn pack(&mut self, parameters: &[Parameters]) {
        let isa = self.isa;
        let steps = self.steps.iter().zip(&mut self.packed);
        let trained = steps.filter(|(step, _)| step.is_trained());
        let jobs = trained.zip(parameters);
        let jobs: Vec<_> = jobs
            .filter(|((_, packed), _)| !matches!(packed, Packed::Nothing))
            .collect();
        jobs.into_par_iter()
            .for_each(|((step, packed), &parameters)| {
                isa.run(Pack {
                    step,
                    parameters,
                    packed,
                });
            });
    }

    /// Samples to reconstructions, both flat.
    pub fn run(&self, parameters: &[Parameters], input: &[f32], out: &mut [f32]) {
        let (input_len, out_len) = (self.input_len(), self.out_len());
        let parts = input.par_chunks(self.samples * input_len);
        parts
            .zip(out.par_chunks_mut(self.samples * out_len))
            .for_each(|(input, out)| {
                self.with_arena(|arena| {
                    self.isa.run(Forwards {
                        network: self,
                        parameters,
                        input,
                        noise: None,
                        arena,
                    });
                    if let Some(values) = arena.values.last() {
                        out.copy_from_slice(&values[..out.len()]);
                    }
                });
            });
    }

    /// The sums of the losses; gradients are left in the first lane, for [`Network::gradient`].
    pub fn gradients(&mut self, parameters: &[Parameters], task: Task) -> Sums {
        let batch = task.input.len() / self.input_len().max(1);
        let samples = batch.div_ceil(LANES).max(self.samples);
        let count = batch.div_ceil(samples);
        let mut lanes = std::mem::take(&mut self.lanes);
        while lanes.len() < count {
            lanes.push(Lines::zeros(self.lane_len));
        }
        let this = &*self;
        let work = |number: usize, lane: &mut Lines| {
            let range = number * samples..batch.min((number + 1) * samples);
            this.with_arena(|arena| {
                this.isa.run(Lane {
                    network: this,
                    parameters,
                    task,
                    range,
                    lane,
                    arena,
                })
            })
        };
        let sums: Vec<Sums> = match lanes.get_mut(..count) {
            // Waking another thread takes longer than some networks take for a step.
            Some([lane]) => vec![work(0, lane)],
            Some(lanes) => lanes
                .par_iter_mut()
                .enumerate()
                .map(|(number, lane)| work(number, lane))
                .collect(),
            None => Vec::new(),
        };
        if let Some((total, others)) = lanes.get_mut(..count).and_then(<[Lines]>::split_first_mut) {
            self.reduce(total, others);
        }
        self.lanes = lanes;
        let mut total = Sums::default();
        for sums in sums {
            total.distance += sums.distance;
            total.penalty += sums.penalty;
            total.kl += sums.kl;
        }
        total
    }

    /// The sum of all lanes, in order.
    fn reduce(&self, total: &mut Lines, others: &[Lines]) {
        /// Values that are worth a task of their own.
        const CHUNK: usize = 1 << 15;
        if others.is_empty() {
            return;
        }
        let chunks = total.par_chunks_mut(CHUNK).enumerate();
        chunks.for_each(|(number, total)| {
            let range = number * CHUNK..number * CHUNK + total.len();
            let others = others.iter().map(|lane| &lane[range.clone()]).collect();
            self.isa.run(Reduce { total, others });
        });
    }

    /// The gradient of the parameters of each step that has some.
    pub fn unpack(&self, gradients: Vec<Slot>) {
        let Some(lane) = self.lanes.first() else {
            return;
        };
        let steps = self.steps.iter().zip(&self.places);
        let trained = steps.filter(|(step, _)| step.is_trained());
        let jobs: Vec<_> = trained.zip(gradients).collect();
        let unpack = |((step, &place), (weight, bias)): ((&Step, &usize), Slot)| {
            let len = step.weight_len() + step.bias_len();
            step.unpack(&lane[place..][..len], weight, bias);
        };
        if self.lane_len < WORTH_A_THREAD {
            jobs.into_iter().for_each(unpack);
        } else {
            jobs.into_par_iter().for_each(unpack);
        }
    }

    /// Lends the memory of a thread, made where there is none free.
    fn with_arena<R>(&self, work: impl FnOnce(&mut Arena) -> R) -> R {
        let lock = || self.arenas.lock().unwrap_or_else(PoisonError::into_inner);
        let free = lock().pop();
        let mut arena = free.unwrap_or_else(|| Arena::new(&self.steps, self.samples));
        let result = work(&mut arena);
        lock().push(arena);
        result
    }
}

impl Arena {
    fn new(steps: &[Step], samples: usize) -> Self {
        let zeros = |len: fn(&Step) -> usize| {
            let lens = steps.iter().map(len);
            lens.map(|len| Lines::zeros(samples * len))
                .collect::<Vec<_>>()
        };
        let scratch = steps.iter().map(|step| step.scratch(samples)).max();
        Self {
            values: zeros(Step::out_len),
            sides: zeros(Step::side_len),
            gradients: Vec::new(),
            sums: Vec::new(),
            scratch: Lines::zeros(scratch.unwrap_or(0)),
        }
    }

    /// Makes room for gradients, which inference does without.
    fn prepare(&mut self, steps: &[Step], samples: usize) {
        if !self.gradients.is_empty() {
            return;
        }
        let before = steps.iter().map(Step::x_len);
        let behind = steps.last().map(Step::out_len);
        let lens = before.chain(behind);
        self.gradients = lens.map(|len| Lines::zeros(samples * len)).collect();
        self.sums = steps
            .iter()
            .map(|step| Lines::zeros(step.sums_len()))
            .collect();
    }
}

struct Pack<'a> {
    step: &'a Step,
    parameters: Parameters<'a>,
    packed: &'a mut Packed,
}

impl WithSimd for Pack<'_> {
    type Output = ();

    fn with_simd<S: Simd>(self, simd: S) {
        self.step.pack(simd, self.parameters, self.packed);
    }
}

struct Reduce<'a> {
    total: &'a mut [f32],
    others: Vec<&'a [f32]>,
}

impl WithSimd for Reduce<'_> {
    type Output = ();

    fn with_simd<S: Simd>(self, simd: S) {
        sum_lanes(simd, self.total, &self.others);
    }
}

/// A micro-batch through all steps; returns its KL divergence.
struct Forwards<'a> {
    network: &'a Network,
    parameters: &'a [Parameters<'a>],
    input: &'a [f32],
    noise: Option<&'a [f32]>,
    arena: &'a mut Arena,
}

impl WithSimd for Forwards<'_> {
    type Output = f64;

    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let network = self.network;
        let samples = self.input.len() / network.input_len().max(1);
        let mut parameters = self.parameters.iter();
        let mut kl = 0.0;
        for (number, (step, packed)) in network.steps.iter().zip(&network.packed).enumerate() {
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
            let parameters = match step.is_trained() {
                true => parameters.next().copied().unwrap_or_default(),
                false => Parameters::default(),
            };
            let weights = (packed, parameters);
            let scratch = &mut self.arena.scratch;
            kl += step.forward(simd, weights, (x, out, side), self.noise, scratch);
        }
        kl
    }
}

/// The samples of a lane through all steps and back.
struct Lane<'a> {
    network: &'a Network,
    parameters: &'a [Parameters<'a>],
    task: Task<'a>,
    range: Range<usize>,
    lane: &'a mut Lines,
    arena: &'a mut Arena,
}

impl WithSimd for Lane<'_> {
    type Output = Sums;

    fn with_simd<S: Simd>(self, simd: S) -> Sums {
        let Self {
            network,
            parameters,
            task,
            range,
            lane,
            arena,
        } = self;
        arena.prepare(&network.steps, network.samples);
        for (step, &place) in network.steps.iter().zip(&network.places) {
            let part = &mut lane[place..][..step.weight_len() + step.bias_len()];
            part[step.overwritten()..].fill(0.0);
        }
        let mut sums = Sums::default();
        for first in range.clone().step_by(network.samples) {
            let part = first..range.end.min(first + network.samples);
            let micro = task.part(part, network);
            let kl = Forwards {
                network,
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
                sums.distance += loss(simd, task.reconstruction, pair, gradient, task.scale as f32);
            }
            let is_first = first == range.start;
            sums.penalty += network.back(simd, parameters, micro, (lane, is_first), arena);
        }
        for ((step, &place), sums) in network.steps.iter().zip(&network.places).zip(&arena.sums) {
            step.finish_lane(simd, sums, &mut lane[place..]);
        }
        sums
    }
}

impl Network {
    /// The gradients of a micro-batch, from that behind the last step; returns the penalty on its codes.
    fn back<S: Simd>(
        &self,
        simd: S,
        parameters: &[Parameters],
        micro: Task,
        (lane, first): (&mut Lines, bool),
        arena: &mut Arena,
    ) -> f64 {
        let samples = micro.input.len() / self.input_len().max(1);
        let mut parameters = parameters.iter().rev();
        let mut penalty = 0.0;
        for (number, step) in self.steps.iter().enumerate().rev() {
            let parameters = match step.is_trained() {
                true => parameters.next().copied().unwrap_or_default(),
                false => Parameters::default(),
            };
            let x = match number.checked_sub(1) {
                Some(before) => &arena.values[before][..samples * step.x_len()],
                None => micro.input,
            };
            let (before, behind) = arena.gradients.split_at_mut(number + 1);
            let x_gradient = match number {
                // Nobody needs the gradient of the images.
                0 => None,
                _ => Some(&mut before[number][..samples * step.x_len()]),
            };
            let place = self.places[number];
            let len = step.weight_len() + step.bias_len();
            let back = Back {
                x,
                out: &arena.values[number][..samples * step.out_len()],
                side: &arena.sides[number][..samples * step.side_len()],
                gradient: &behind[0][..samples * step.out_len()],
                x_gradient,
                sums: &mut arena.sums[number],
                lane: &mut lane[place..place + len],
                first,
                noise: micro.noise,
                kl_scale: micro.kl_scale,
            };
            let weights = (&self.packed[number], parameters);
            step.backward(simd, weights, back, &mut arena.scratch);
            if let Some((kind, scale)) = micro.penalty.filter(|_| number == self.code && number > 0)
            {
                let codes = &arena.values[number - 1][..samples * step.x_len()];
                let gradient = &mut arena.gradients[number][..samples * step.x_len()];
                penalty += penalize(kind, scale, codes, gradient);
            }
        }
        penalty
    }
}

/// The sum of the penalties on codes; adds `scale` times their derivative.
fn penalize(kind: CodePenalty, scale: f64, codes: &[f32], gradient: &mut [f32]) -> f64 {
    let (l1, l2) = ((kind.l1 * scale) as f32, (2.0 * kind.l2 * scale) as f32);
    let (mut sum, mut squares) = (0.0, 0.0);
    for (gradient, &code) in gradient.iter_mut().zip(codes) {
        let sign = match code {
            0.0 => 0.0,
            _ => code.signum(),
        };
        *gradient += l1 * sign + l2 * code;
        sum += f64::from(code.abs());
        squares += f64::from(code) * f64::from(code);
    }
    kind.l1 * sum + kind.l2 * squares
}

impl<'a> Task<'a> {
    /// The samples of a range.
    fn part(self, range: Range<usize>, network: &Network) -> Self {
        let cut = |values: &'a [f32], len: usize| &values[range.start * len..range.end * len];
        Self {
            input: cut(self.input, network.input_len()),
            target: cut(self.target, network.out_len()),
            noise: self
                .noise
                .map(|noise| cut(noise, network.latent().unwrap_or(0))),
            ..self
        }
    }
}
