//! What an optimiser does to one weight, and the two ways to do it to all of them.

use candle_core::{DType, Result, Tensor, Var};

use super::number::{Composed, Number, Scalar};
use crate::ops::in_place::{check_distinct, with_elements_mut};
use crate::ops::{Real, has_kernel};
use crate::simd::vectorized;

/// Elements of a tensor that one thread takes at a time. One core moves as many by Adam in 200 us, about
/// what memory allows; with smaller tasks a second one came too late to help.
const TASK: usize = 1 << 18;

/// The formula of an optimiser that keeps `STATE` numbers for every weight, with all that is the same
/// for the weights of one step put in.
pub(super) trait Rule<const STATE: usize>: Sync {
    /// The next value and state. Always to be inlined, as the body of a loop over weights.
    fn step<N: Number>(&self, value: N, gradient: N, state: [N; STATE]) -> (N, [N; STATE]);

    /// The same for the kernels of a CUDA card, which have the formula once more.
    #[cfg(feature = "cuda")]
    fn on_card(&self) -> crate::engine::cuda::Move;
}

/// A variable with its state and what moves it.
#[derive(Debug)]
pub(super) struct Move<'a> {
    pub var: &'a Var,
    pub state: &'a mut Vec<Tensor>,
    pub gradient: Tensor,
}

/// A way to apply a rule to variables, their gradients multiplied by `factor`: to all, or to none and
/// an error.
pub(super) trait Pass {
    fn run<const STATE: usize>(
        rule: &impl Rule<STATE>,
        moves: Vec<Move>,
        factor: f64,
    ) -> Result<()>;
}

/// In place: every weight and its state are read and written once. For contiguous f32 or f64 on the
/// CPU.
#[derive(Debug)]
pub(super) struct Fused;

/// In candle's operations, for any device and float type.
#[derive(Debug)]
pub(super) struct Operations;

impl Pass for Operations {
    fn run<const STATE: usize>(
        rule: &impl Rule<STATE>,
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
            let tensors: [Tensor; STATE] = state.clone().try_into().map_err(misfit)?;
            // Detached, or the state would hold on to the graph of every step.
            let gradient = match factor {
                1.0 => gradient.detach(),
                _ => (gradient.detach() * factor)?,
            };
            let value = Composed::new(var.as_detached_tensor());
            let next = rule.step(value, Composed::new(gradient), tensors.map(Composed::new));
            let next_state = next.1.into_iter().map(Composed::tensor);
            results.push((
                var,
                next.0.tensor()?,
                state,
                next_state.collect::<Result<_>>()?,
            ));
        }
        for (var, value, state, next_state) in results {
            var.set(&value)?;
            *state = next_state;
        }
        Ok(())
    }
}

impl Pass for Fused {
    fn run<const STATE: usize>(
        rule: &impl Rule<STATE>,
        mut moves: Vec<Move>,
        factor: f64,
    ) -> Result<()> {
        for step in &mut moves {
            step.gradient = step.gradient.contiguous()?;
            check_distinct(&step.written(), &[&step.gradient])?;
            if step.state.len() != STATE {
                return Err(misfit(step.state.clone()));
            }
        }
        // One after the other, so that the variable is the only tensor with other owners that is locked.
        for step in &moves {
            match step.var.dtype() {
                DType::F64 => step.fused::<f64, STATE>(rule, factor)?,
                _ => step.fused::<f32, STATE>(rule, factor)?,
            }
        }
        Ok(())
    }
}

impl Move<'_> {
    /// Whether [`Fused`] takes it.
    pub fn is_fusible(&self) -> bool {
        let mut tensors = self.written();
        let contiguous = tensors.iter().all(|tensor| tensor.is_contiguous());
        tensors.push(&self.gradient);
        contiguous && has_kernel(&tensors)
    }

    /// Where all of it lies on a CUDA card.
    #[cfg(feature = "cuda")]
    pub fn on_card(&self) -> crate::Result<crate::engine::cuda::Variable> {
        use crate::engine::cuda::{Address, Variable};
        let state = |number: usize| match self.state.get(number) {
            Some(tensor) => Address::of(tensor),
            None => Ok(Address::NONE),
        };
        Ok(Variable {
            value: Address::of(self.var)?,
            gradient: Address::of(&self.gradient)?,
            state: [state(0)?, state(1)?],
            len: self.var.elem_count() as i64,
        })
    }

    /// All that a step changes.
    fn written(&self) -> Vec<&Tensor> {
        let state = self.state.iter();
        std::iter::once(self.var.as_tensor()).chain(state).collect()
    }

    fn fused<T: Real, const STATE: usize>(
        &self,
        rule: &impl Rule<STATE>,
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

/// Elements of a variable, its gradient and its state, all of one length.
struct Weights<'a, T, const STATE: usize> {
    value: &'a mut [T],
    gradient: &'a [T],
    state: [&'a mut [T]; STATE],
}

impl<T: Real, const STATE: usize> Weights<'_, T, STATE> {
    /// Every weight is moved by itself, so the cut between threads does not show in the bits.
    fn step(self, rule: &impl Rule<STATE>, factor: f64) {
        let tasks = self.value.len().div_ceil(TASK);
        if tasks <= 1 {
            return vectorized(
                #[inline(always)]
                || self.step_each(rule, factor),
            );
        }
        let (left, right) = self.split(tasks / 2 * TASK);
        rayon::join(|| left.step(rule, factor), || right.step(rule, factor));
    }

    fn split(self, at: usize) -> (Self, Self) {
        let (value, value_right) = self.value.split_at_mut(at);
        let (gradient, gradient_right) = self.gradient.split_at(at);
        let mut right: [&mut [T]; STATE] = std::array::from_fn(|_| Default::default());
        let mut slots = right.iter_mut();
        let state = self.state.map(|state| {
            let (left, right) = state.split_at_mut(at);
            if let Some(slot) = slots.next() {
                *slot = right;
            }
            left
        });
        (
            Self {
                value,
                gradient,
                state,
            },
            Self {
                value: value_right,
                gradient: gradient_right,
                state: right,
            },
        )
    }

    #[inline(always)]
    fn step_each(mut self, rule: &impl Rule<STATE>, factor: f64) {
        let count = self.value.len();
        // Tells the compiler that no index leaves its slice.
        if self.gradient.len() != count || self.state.iter().any(|state| state.len() != count) {
            return;
        }
        for i in 0..count {
            let state = std::array::from_fn(|k| Scalar(self.state[k][i]));
            let gradient = Scalar(self.gradient[i]) * factor;
            let (value, next) = rule.step(Scalar(self.value[i]), gradient, state);
            self.value[i] = value.0;
            for (state, next) in self.state.iter_mut().zip(next) {
                state[i] = next.0;
            }
        }
    }
}

/// A state of more or fewer tensors than the rule keeps; an optimiser never hands out one.
fn misfit(state: Vec<Tensor>) -> candle_core::Error {
    candle_core::Error::Msg(format!(
        "an optimiser's state of {} tensors a variable does not fit its rule",
        state.len()
    ))
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
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

    /// Steps along gradients that are the same for every call; the second is clipped.
    fn walk<P: Pass>(config: &Optimizer, (var, state): &mut Held) {
        for (step, factor) in [(1, 1.0), (2, 0.25), (3, 1.0)] {
            let mut stream = Stream::new(2, Purpose::Init, step, 0);
            let moves = vec![Move {
                gradient: draw(&mut stream, var.elem_count(), var.dtype()),
                var,
                state,
            }];
            config.advance::<P>(moves, factor, 0.01, step).unwrap();
        }
    }

    fn values((var, state): &Held) -> Vec<Vec<f64>> {
        std::iter::once(var.as_tensor())
            .chain(state)
            .map(|tensor| tensor.to_dtype(DType::F64)?.to_vec1())
            .collect::<Result<_>>()
            .unwrap()
    }

    #[test]
    fn in_place_leads_where_operations_on_tensors_lead() {
        for kind in KINDS {
            let config: Optimizer = toml::from_str(kind).unwrap();
            for (dtype, tolerance) in [(DType::F32, 1e-6), (DType::F64, 1e-14)] {
                // Around the widths of vectors, and more than a thread's task.
                for len in [1, 15, 17, 1000, TASK + 3] {
                    let (mut fused, mut composed) =
                        (held(&config, len, dtype), held(&config, len, dtype));
                    let start = values(&fused);
                    walk::<Fused>(&config, &mut fused);
                    walk::<Operations>(&config, &mut composed);
                    let (fused, composed) = (values(&fused), values(&composed));
                    assert_eq!(fused.len(), 1 + config.state_names().len());
                    for ((fused, composed), start) in fused.iter().zip(&composed).zip(&start) {
                        assert_eq!(fused.len(), len);
                        assert_ne!(fused, start, "{kind}, {dtype:?}, {len}");
                        for (fused, composed) in fused.iter().zip(composed) {
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
                    .install(|| walk::<Fused>(&config, &mut held));
                values(&held)
                    .concat()
                    .into_iter()
                    .map(f64::to_bits)
                    .collect::<Vec<_>>()
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
            .advance::<Fused>(moves, 1.0, 0.01, 1)
            .unwrap_err()
            .to_string();
        assert!(message.contains("shares its storage"), "{message}");
        assert_eq!((values(&first), values(&second)), before);
    }
}
