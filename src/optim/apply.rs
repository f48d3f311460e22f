//! The two ways to apply a rule to all weights.

use candle_core::{DType, Result, Tensor, Var};
use rayon::prelude::*;

use super::rule::{Rule, RuleKind, Visit};
use crate::arithmetic::{Composed, Scalar};
use crate::ops::in_place::{check_distinct, with_elements_mut};
use crate::ops::{Real, has_kernel};
use crate::simd::vectorized;

/// Elements of a tensor in one thread's task. With Adam one core updates this many in 200 us, about the limit of memory
/// bandwidth; with smaller tasks a second thread started too late to help.
const TASK: usize = 1 << 18;

/// A variable with its state and its gradient.
#[derive(Debug)]
pub(crate) struct Move<'a> {
    pub var: &'a Var,
    pub state: &'a mut Vec<Tensor>,
    pub gradient: Tensor,
}

/// Updates variables along their gradients multiplied by `factor`: all of them, or none and an error.
#[derive(Debug)]
pub(super) struct Apply<'a> {
    pub moves: Vec<Move<'a>>,
    pub factor: f64,
}

impl Visit for Apply<'_> {
    type Output = crate::Result<()>;

    fn visit<const STATE: usize, const SETTINGS: usize>(
        self,
        rule: &impl Rule<STATE, SETTINGS>,
    ) -> crate::Result<()> {
        let Self { moves, factor } = self;
        match moves.iter().all(Move::is_fusible) {
            true => in_place(rule, moves, factor)?,
            false => in_operations(rule, moves, factor)?,
        }
        Ok(())
    }
}

/// Updates by candle's operations, for any device and float type.
fn in_operations<const STATE: usize, const SETTINGS: usize>(
    rule: &impl Rule<STATE, SETTINGS>,
    moves: Vec<Move>,
    factor: f64,
) -> Result<()> {
    let mut results = Vec::with_capacity(moves.len());
    for Move {
        var,
        state,
        gradient,
    } in moves
    {
        let tensors: [Tensor; STATE] = state
            .clone()
            .try_into()
            .map_err(|state| misfit(rule.kind(), state))?;
        // Detached; otherwise the state would keep the graph of every step alive.
        let gradient = match factor {
            1.0 => gradient.detach(),
            _ => (gradient.detach() * factor)?,
        };
        let (value, next_state) = rule.step(
            rule.settings(),
            Composed::new(var.as_detached_tensor()),
            Composed::new(gradient),
            tensors.map(Composed::new),
        );
        let next_state = next_state.into_iter().map(Composed::tensor);
        let next_state = next_state.collect::<Result<_>>()?;
        results.push((var, value.tensor()?, state, next_state));
    }
    for (var, value, state, next_state) in results {
        var.set(&value)?;
        *state = next_state;
    }
    Ok(())
}

/// Updates in place: every weight and its state are read and written once. For contiguous f32 or f64 on the CPU.
fn in_place<const STATE: usize, const SETTINGS: usize>(
    rule: &impl Rule<STATE, SETTINGS>,
    mut moves: Vec<Move>,
    factor: f64,
) -> Result<()> {
    for step in &mut moves {
        step.gradient = step.gradient.contiguous()?;
        check_distinct(&step.written(), &[&step.gradient])?;
        if step.state.len() != STATE {
            return Err(misfit(rule.kind(), step.state.clone()));
        }
    }
    // One after the other, so that the variable is the only locked tensor with other owners.
    for step in &moves {
        match step.var.dtype() {
            DType::F64 => step.fused::<f64, STATE, SETTINGS>(rule, factor)?,
            _ => step.fused::<f32, STATE, SETTINGS>(rule, factor)?,
        }
    }
    Ok(())
}

impl Move<'_> {
    /// Whether [`in_place`] accepts it.
    pub fn is_fusible(&self) -> bool {
        let mut tensors = self.written();
        let contiguous = tensors.iter().all(|tensor| tensor.is_contiguous());
        tensors.push(&self.gradient);
        contiguous && has_kernel(&tensors)
    }

    /// All tensors that a step changes.
    fn written(&self) -> Vec<&Tensor> {
        let state = self.state.iter();
        std::iter::once(self.var.as_tensor()).chain(state).collect()
    }

    fn fused<T: Real, const STATE: usize, const SETTINGS: usize>(
        &self,
        rule: &impl Rule<STATE, SETTINGS>,
        factor: f64,
    ) -> Result<()> {
        with_elements_mut::<T, _>(&self.written(), &[&self.gradient], |written, read| {
            let mut written = written.into_iter();
            let weights = Weights {
                value: written.next().unwrap_or_default(),
                gradient: read.first().copied().unwrap_or_default(),
                state: std::array::from_fn(|_| written.next().unwrap_or_default()),
            };
            weights.step(rule, factor);
            Ok(())
        })
    }
}

/// Elements of a variable, its gradient and its state, all of the same length.
struct Weights<'a, T, const STATE: usize> {
    value: &'a mut [T],
    gradient: &'a [T],
    state: [&'a mut [T]; STATE],
}

impl<T: Real, const STATE: usize> Weights<'_, T, STATE> {
    /// Every weight is updated independently, so the division between threads does not affect the result's bits.
    fn step<const SETTINGS: usize>(self, rule: &impl Rule<STATE, SETTINGS>, factor: f64) {
        let step = |weights: Self| {
            vectorized(
                #[inline(always)]
                || weights.step_each(rule, factor),
            );
        };
        if self.value.len() <= TASK {
            return step(self);
        }
        let mut values = self.value.chunks_mut(TASK);
        let mut gradients = self.gradient.chunks(TASK);
        let mut states = self.state.map(|state| state.chunks_mut(TASK));
        let tasks = std::iter::from_fn(|| {
            Some(Self {
                value: values.next()?,
                gradient: gradients.next()?,
                state: states
                    .each_mut()
                    .map(|state| state.next().unwrap_or_default()),
            })
        });
        tasks.collect::<Vec<_>>().into_par_iter().for_each(step);
    }

    #[inline(always)]
    fn step_each<const SETTINGS: usize>(mut self, rule: &impl Rule<STATE, SETTINGS>, factor: f64) {
        let count = self.value.len();
        // Tells the compiler that every index is in bounds.
        if self.gradient.len() != count || self.state.iter().any(|state| state.len() != count) {
            return;
        }
        let settings = rule.settings();
        for i in 0..count {
            let state = std::array::from_fn(|k| Scalar(self.state[k][i]));
            let gradient = Scalar(self.gradient[i]) * factor;
            let (value, next) = rule.step(settings, Scalar(self.value[i]), gradient, state);
            self.value[i] = value.0;
            for (state, next) in self.state.iter_mut().zip(next) {
                state[i] = next.0;
            }
        }
    }
}

/// The error for a state with more or fewer tensors than the rule keeps, which an optimiser never passes.
fn misfit(rule: RuleKind, state: Vec<Tensor>) -> candle_core::Error {
    candle_core::Error::Msg(format!(
        "an optimiser's state of {} tensors a variable does not fit {rule:?}",
        state.len()
    ))
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::ops::composed;
    use crate::random::{Purpose, Stream};
    use crate::recipe::Optimizer;

    const KINDS: [&str; 10] = [
        "kind = 'sgd'\nlr = 0.1",
        "kind = 'sgd'\nlr = 0.1\nmomentum = 0.9",
        "kind = 'sgd'\nlr = 0.1\nmomentum = 0.9\nnesterov = true",
        "kind = 'rmsprop'\nlr = 0.01",
        "kind = 'rmsprop'\nlr = 0.01\nmomentum = 0.5\nepsilon_inside = true",
        "kind = 'adadelta'\nlr = 1.0",
        "kind = 'adam'\nlr = 0.01",
        "kind = 'adam'\nlr = 0.01\nepsilon_hat = true",
        "kind = 'adamw'\nlr = 0.01",
        "kind = 'adamw'\nlr = 0.01\nweight_decay = 0.1\nepsilon_hat = true",
    ];

    /// A variable and its state.
    type Held = (Var, Vec<Tensor>);

    fn draw(stream: &mut Stream, len: usize, dtype: DType) -> Tensor {
        let values: Vec<f64> = (0..len).map(|_| 2.0 * stream.uniform() - 1.0).collect();
        Tensor::new(values, &Device::Cpu)
            .and_then(|tensor| tensor.to_dtype(dtype))
            .unwrap()
    }

    fn held(config: &Optimizer, len: usize, dtype: DType) -> Held {
        let mut stream = Stream::new(1, Purpose::Init, 0, 0);
        let var = Var::from_tensor(&draw(&mut stream, len, dtype)).unwrap();
        let state = config.state_names().iter();
        let state = state.map(|_| var.zeros_like().unwrap()).collect();
        (var, state)
    }

    /// Takes steps along gradients that are the same for every call; the second is clipped.
    fn walk(config: &Optimizer, (var, state): &mut Held, in_place: bool) {
        for (step, factor) in [(1, 1.0), (2, 0.25), (3, 1.0)] {
            let mut stream = Stream::new(2, Purpose::Init, step, 0);
            let moves = vec![Move {
                gradient: draw(&mut stream, var.elem_count(), var.dtype()),
                var,
                state,
            }];
            assert!(moves.iter().all(Move::is_fusible));
            let apply = || config.with_rule(0.01, step, Apply { moves, factor });
            match in_place {
                true => apply(),
                false => composed::only(apply),
            }
            .unwrap();
        }
    }

    /// The values of a variable and its state, one after the other.
    fn values((var, state): &Held) -> Vec<f64> {
        let tensors: Vec<&Tensor> = std::iter::once(var.as_tensor()).chain(state).collect();
        Tensor::cat(&tensors, 0)
            .and_then(|all| all.to_dtype(DType::F64)?.to_vec1())
            .unwrap()
    }

    #[test]
    fn in_place_leads_where_operations_on_tensors_lead() {
        for kind in KINDS {
            let config: Optimizer = toml::from_str(kind).unwrap();
            for (dtype, tolerance) in [(DType::F32, 1e-6), (DType::F64, 1e-14)] {
                // Around the vector widths, and more than one thread's task.
                for len in [1, 15, 17, 1000, TASK + 3] {
                    let (mut fused, mut composed) =
                        (held(&config, len, dtype), held(&config, len, dtype));
                    let start = values(&fused);
                    walk(&config, &mut fused, true);
                    walk(&config, &mut composed, false);
                    let (fused, composed) = (values(&fused), values(&composed));
                    assert_eq!(fused.len(), len * (1 + config.state_names().len()));
                    assert_eq!(fused.len(), composed.len());
                    for (fused, start) in fused.chunks(len).zip(start.chunks(len)) {
                        assert_ne!(fused, start, "{kind}, {dtype:?}, {len}");
                    }
                    for (fused, composed) in fused.iter().zip(&composed) {
                        let distance = (fused - composed).abs();
                        assert!(
                            distance <= tolerance,
                            "{kind}, {dtype:?}, {len}: {fused} and {composed}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_number_of_threads() {
        for kind in KINDS {
            let config: Optimizer = toml::from_str(kind).unwrap();
            let bits = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
                let mut held = held(&config, 2 * TASK + 7, DType::F32);
                pool.build()
                    .unwrap()
                    .install(|| walk(&config, &mut held, true));
                let values = values(&held).into_iter();
                values.map(f64::to_bits).collect::<Vec<_>>()
            };
            assert_eq!(bits(1), bits(3), "{kind}");
        }
    }

    #[test]
    fn a_gradient_that_shares_its_variables_storage_is_refused() {
        let config: Optimizer = toml::from_str(KINDS[6]).unwrap();
        let (mut first, mut second) = (held(&config, 5, DType::F32), held(&config, 7, DType::F32));
        let before = (values(&first), values(&second));
        let moves = vec![
            Move {
                gradient: first.0.ones_like().unwrap(),
                var: &first.0,
                state: &mut first.1,
            },
            Move {
                gradient: second.0.as_detached_tensor(),
                var: &second.0,
                state: &mut second.1,
            },
        ];
        let message = config
            .with_rule(0.01, 1, Apply { moves, factor: 1.0 })
            .unwrap_err()
            .to_string();
        assert!(message.contains("shares its storage"), "{message}");
        assert_eq!((values(&first), values(&second)), before);
    }
}
