//! What all optimisers have in common: clipping, state by name, all or nothing.

use std::collections::{BTreeMap, BTreeSet};

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

use super::clip::clip_factor;
use super::global_norm;
#[cfg(feature = "cuda")]
use super::rule::Rule;
use super::rule::{Fused, Move, Operations, Pass};
use crate::data::python::excerpt;
use crate::error::listed;
use crate::{Error, Result, recipe};

/// Moves the variables of a network along their gradients, as the recipe says.
#[derive(Debug)]
pub struct Optimizer {
    config: recipe::Optimizer,
    /// Steps taken so far.
    step: u64,
    parameters: Vec<Parameter>,
}

/// A variable with the tensors that are kept for it, in the order of their names.
#[derive(Debug)]
struct Parameter {
    name: String,
    var: Var,
    state: Vec<Tensor>,
}

impl recipe::Optimizer {
    /// The names of the tensors that are kept for every variable; none for an optimiser without
    /// memory.
    pub fn state_names(&self) -> &'static [&'static str] {
        match self {
            Self::Sgd(sgd) if sgd.momentum == 0.0 => &[],
            Self::Sgd(_) => &["velocity"],
            Self::RmsProp(rmsprop) if rmsprop.momentum == 0.0 => &["square"],
            Self::RmsProp(_) => &["square", "velocity"],
            Self::Adadelta(_) => &["square", "delta"],
            Self::Adam(_) | Self::AdamW(_) => &["first", "second"],
        }
    }

    /// Does step number `step`, from 1, at this rate.
    pub(super) fn advance<P: Pass>(
        &self,
        moves: Vec<Move>,
        factor: f64,
        rate: f64,
        step: u64,
    ) -> candle_core::Result<()> {
        match self {
            Self::Sgd(sgd) if sgd.momentum == 0.0 => P::run(&sgd.descent(rate), moves, factor),
            Self::Sgd(sgd) => P::run(&sgd.momentum(rate), moves, factor),
            Self::RmsProp(rmsprop) if rmsprop.momentum == 0.0 => {
                P::run(&rmsprop.quotient(rate), moves, factor)
            }
            Self::RmsProp(rmsprop) => P::run(&rmsprop.momentum(rate), moves, factor),
            Self::Adadelta(adadelta) => P::run(&adadelta.rule(rate), moves, factor),
            Self::Adam(adam) => P::run(&adam.rule(rate, step), moves, factor),
            Self::AdamW(adamw) => P::run(&adamw.rule(rate, step), moves, factor),
        }
    }
}

#[cfg(feature = "cuda")]
impl recipe::Optimizer {
    /// What step number `step`, from 1, does on a CUDA card.
    fn on_card(&self, rate: f64, step: u64) -> crate::card::Move {
        match self {
            Self::Sgd(sgd) if sgd.momentum == 0.0 => sgd.descent(rate).on_card(),
            Self::Sgd(sgd) => sgd.momentum(rate).on_card(),
            Self::RmsProp(rmsprop) if rmsprop.momentum == 0.0 => rmsprop.quotient(rate).on_card(),
            Self::RmsProp(rmsprop) => rmsprop.momentum(rate).on_card(),
            Self::Adadelta(adadelta) => adadelta.rule(rate).on_card(),
            Self::Adam(adam) => adam.rule(rate, step).on_card(),
            Self::AdamW(adamw) => adamw.rule(rate, step).on_card(),
        }
    }
}

impl Optimizer {
    /// With a state of zeros for each variable.
    ///
    /// # Errors
    /// Only candle's own.
    pub fn new(config: &recipe::Optimizer, vars: Vec<(String, Var)>) -> Result<Self> {
        let parameters = vars
            .into_iter()
            .map(|(name, var)| {
                let zeros = config.state_names().iter().map(|_| var.zeros_like());
                let state = zeros.collect::<candle_core::Result<_>>()?;
                Ok(Parameter { name, var, state })
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            config: *config,
            step: 0,
            parameters,
        })
    }

    /// Steps taken so far.
    pub fn step_count(&self) -> u64 {
        self.step
    }

    /// Moves every variable that has a gradient, after scaling all gradients down together if their
    /// norm is above the recipe's `clip_norm`. The rate of the recipe is not looked at.
    ///
    /// # Errors
    /// If a gradient is of another shape or type than its variable; nothing is changed then.
    pub fn update(&mut self, gradients: &GradStore, learning_rate: f64) -> Result<()> {
        let norm = match self.config.clip_norm() {
            Some(_) => self.norm(gradients)?,
            None => 0.0,
        };
        self.update_of_norm(gradients, norm, learning_rate)
    }

    /// [`Optimizer::update`] along gradients whose [`Optimizer::norm`] is known.
    ///
    /// # Errors
    /// As [`Optimizer::update`].
    pub(crate) fn update_of_norm(
        &mut self,
        gradients: &GradStore,
        norm: f64,
        learning_rate: f64,
    ) -> Result<()> {
        let limit = self.config.clip_norm();
        let factor = limit.map_or(1.0, |limit| clip_factor(norm, limit));
        let moves = moves(&mut self.parameters, gradients)?;
        let step = self.step + 1;
        if moves.iter().all(Move::is_fusible) {
            self.config
                .advance::<Fused>(moves, factor, learning_rate, step)?;
        } else {
            self.config
                .advance::<Operations>(moves, factor, learning_rate, step)?;
        }
        self.step = step;
        Ok(())
    }

    /// The largest norm of a gradient, which others are scaled down to.
    pub fn clip_norm(&self) -> Option<f64> {
        self.config.clip_norm()
    }

    /// Counts a step that the kernels of a CUDA card do: the variables that have a gradient, with all that belongs to
    /// them, and what is done to each weight.
    ///
    /// # Errors
    /// As [`Optimizer::update`], and if a tensor is not contiguous.
    #[cfg(feature = "cuda")]
    pub(crate) fn on_card(
        &mut self,
        gradients: &GradStore,
        rate: f64,
    ) -> Result<(Vec<crate::card::Variable>, crate::card::Move)> {
        let moves = moves(&mut self.parameters, gradients)?;
        let variables = moves.iter().map(Move::on_card).collect::<Result<_>>()?;
        self.step += 1;
        Ok((variables, self.config.on_card(rate, self.step)))
    }

    /// Goes back to a step behind which nothing was changed.
    pub(crate) fn rewind(&mut self, step: u64) {
        self.step = self.step.min(step);
    }

    /// The Euclidean norm of the gradients of all variables together: no finite number if one of them is
    /// none.
    ///
    /// # Errors
    /// Only candle's own.
    pub fn norm(&self, gradients: &GradStore) -> Result<f64> {
        let vars = self.parameters.iter().map(|parameter| &parameter.var);
        global_norm(vars, gradients)
    }

    /// A copy of the state by name of its tensor and variable, as `first.encoder.0.weight`.
    ///
    /// # Errors
    /// Only candle's own.
    pub fn state(&self) -> Result<BTreeMap<String, Tensor>> {
        let mut state = BTreeMap::new();
        for parameter in &self.parameters {
            for (name, tensor) in self.names(parameter).zip(&parameter.state) {
                // Steps write in place.
                state.insert(name, tensor.copy()?);
            }
        }
        Ok(state)
    }

    /// Takes up where `state` and `step` were left.
    ///
    /// # Errors
    /// Lists the tensors that are missing, of another shape or type than their variable, or belong to no
    /// variable, 20 at most; nothing is changed then.
    pub fn restore(&mut self, state: &BTreeMap<String, Tensor>, step: u64) -> Result<()> {
        let mut restored = Vec::with_capacity(self.parameters.len());
        let mut wrong = Vec::new();
        let mut taken = BTreeSet::new();
        for parameter in &self.parameters {
            let mut tensors = Vec::new();
            for name in self.names(parameter) {
                match state.get(&name) {
                    Some(tensor) if is_like(tensor, &parameter.var) => {
                        // A copy, since steps write in place.
                        let tensor = tensor.to_device(parameter.var.device())?;
                        tensors.push(tensor.force_contiguous()?);
                    }
                    found => wrong.push(format!(
                        "`{name}` is {}, expected {}",
                        found.map_or("missing".to_string(), described),
                        described(&parameter.var)
                    )),
                }
                taken.insert(name);
            }
            restored.push(tensors);
        }
        let extra = state.iter().filter(|(name, _)| !taken.contains(*name));
        wrong.extend(extra.map(|(name, tensor)| {
            let name = excerpt(name.as_bytes());
            format!("`{name}`, {}, belongs to no variable", described(tensor))
        }));
        if !wrong.is_empty() {
            return Err(Error::argument(
                "optimiser state",
                "the tensors of this optimiser for these variables",
                listed(wrong),
            ));
        }
        for (parameter, tensors) in self.parameters.iter_mut().zip(restored) {
            parameter.state = tensors;
        }
        self.step = step;
        Ok(())
    }

    /// The names of a variable's state.
    fn names(&self, parameter: &Parameter) -> impl Iterator<Item = String> {
        let names = self.config.state_names().iter();
        names.map(|name| format!("{name}.{}", parameter.name))
    }
}

/// The variables that have a gradient.
fn moves<'a>(parameters: &'a mut [Parameter], gradients: &GradStore) -> Result<Vec<Move<'a>>> {
    let mut moves = Vec::with_capacity(parameters.len());
    for Parameter { name, var, state } in parameters {
        let Some(gradient) = gradients.get(var) else {
            continue;
        };
        if gradient.shape() != var.shape()
            || gradient.dtype() != var.dtype()
            || !gradient.device().same_device(var.device())
        {
            return Err(Error::argument(
                format!("gradient of `{name}`"),
                described(var),
                described(gradient),
            ));
        }
        moves.push(Move {
            var,
            state,
            gradient: gradient.clone(),
        });
    }
    Ok(moves)
}

fn is_like(tensor: &Tensor, var: &Var) -> bool {
    tensor.shape() == var.shape() && tensor.dtype() == var.dtype()
}

fn described(tensor: &Tensor) -> String {
    format!("{:?} {:?}", tensor.dims(), tensor.dtype())
}

#[cfg(all(test, feature = "cuda"))]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::card::{Address, Judgement, Status, Steps};
    use crate::device::card_under_test;
    use crate::random::{Purpose, Stream};

    const KINDS: [&str; 9] = [
        "kind='sgd'\nlr=0.1\nclip_norm=0.5",
        "kind='sgd'\nlr=0.1\nmomentum=0.9",
        "kind='sgd'\nlr=0.1\nmomentum=0.9\nnesterov=true",
        "kind='rmsprop'\nlr=0.01\nclip_norm=1e-3",
        "kind='rmsprop'\nlr=0.01\nmomentum=0.5\nepsilon_inside=true",
        "kind='adadelta'\nlr=1.0",
        "kind='adam'\nlr=0.01",
        "kind='adam'\nlr=0.01\nepsilon_hat=true",
        "kind='adamw'\nlr=0.01\nweight_decay=0.1\nclip_norm=2.0",
    ];

    /// Of a variable of more values than a grid has threads, and of one that is short.
    const LENS: [usize; 2] = [(1 << 21) + 7, 5];

    fn vars(device: &Device) -> Vec<(String, Var)> {
        let mut stream = Stream::new(1, Purpose::Init, 0, 0);
        LENS.iter()
            .enumerate()
            .map(|(place, &len)| {
                let values: Vec<f32> = (0..len).map(|_| stream.uniform() as f32 - 0.5).collect();
                let tensor = Tensor::from_vec(values, len, device).unwrap();
                (place.to_string(), Var::from_tensor(&tensor).unwrap())
            })
            .collect()
    }

    fn gradients(vars: &[(String, Var)], step: u64) -> GradStore {
        let mut stream = Stream::new(2, Purpose::Init, step, 0);
        let mut gradients = GradStore::default();
        for (_, var) in vars {
            let len = var.elem_count();
            let values: Vec<f32> = (0..len).map(|_| stream.uniform() as f32 - 0.5).collect();
            let tensor = Tensor::from_vec(values, len, var.device()).unwrap();
            gradients.insert(var, tensor);
        }
        gradients
    }

    fn values(optimizer: &Optimizer) -> Vec<Vec<f32>> {
        let of = |p: &Parameter| [&[p.var.as_tensor().clone()][..], &p.state].concat();
        let tensors = optimizer.parameters.iter().flat_map(of);
        tensors.map(|tensor| tensor.to_vec1().unwrap()).collect()
    }

    /// Does a step whose loss is `loss`.
    fn step(
        optimizer: &mut Optimizer,
        steps: &mut Steps,
        gradients: &GradStore,
        loss: f64,
    ) -> Status {
        let totals = Tensor::new(&[0f32; 6], &gradients_device(gradients, optimizer)).unwrap();
        let judgement = Judgement {
            distance: 0.0,
            constant: loss,
            penalty: 0.0,
            kl: 0.0,
            limit: optimizer.clip_norm().unwrap_or(0.0),
        };
        let (variables, change) = optimizer.on_card(gradients, 0.05).unwrap();
        let totals = Address::of(&totals).unwrap();
        steps.start(variables, totals, judgement, change).unwrap();
        steps.status().unwrap()
    }

    fn gradients_device(gradients: &GradStore, optimizer: &Optimizer) -> Device {
        let of = |p: &Parameter| {
            gradients
                .get(&p.var)
                .map(|gradient| gradient.device().clone())
        };
        optimizer.parameters.iter().find_map(of).unwrap()
    }

    #[test]
    fn the_card_leads_where_the_cpu_leads() {
        let Some(device) = card_under_test() else {
            return;
        };
        let Device::Cuda(card) = &device else { return };
        for kind in KINDS {
            let config: recipe::Optimizer = toml::from_str(kind).unwrap();
            let (on_card, on_cpu) = (vars(&device), vars(&Device::Cpu));
            let mut found = Optimizer::new(&config, on_card.clone()).unwrap();
            let mut expected = Optimizer::new(&config, on_cpu.clone()).unwrap();
            let mut steps = Steps::new(card).unwrap();
            steps.begin(0.0, 0.0).unwrap();
            for number in 1..=3 {
                let cpu_gradients = gradients(&on_cpu, number);
                let norm = expected.norm(&cpu_gradients).unwrap();
                expected.update(&cpu_gradients, 0.05).unwrap();
                let status = step(&mut found, &mut steps, &gradients(&on_card, number), 2.0);
                assert_eq!((status.steps, status.failure), (number as i64, 0), "{kind}");
                assert!((status.norm - norm).abs() <= 1e-12 * norm, "{kind}");
                assert_eq!(status.loss_sum, 2.0 * number as f64, "{kind}");
            }
            for (found, expected) in values(&found).iter().zip(&values(&expected)) {
                for (found, expected) in found.iter().zip(expected) {
                    let apart = (found - expected).abs();
                    let tolerance = 1e-6 * expected.abs().max(1.0);
                    assert!(apart <= tolerance, "{kind}: {found} and {expected}");
                }
            }
        }
    }

    #[test]
    fn behind_a_step_that_is_not_sound_nothing_changes() {
        let Some(device) = card_under_test() else {
            return;
        };
        let Device::Cuda(card) = &device else { return };
        for (loss, failure) in [(f64::NAN, 1), (f64::INFINITY, 1), (1.0, 2)] {
            let config = toml::from_str("kind='adam'\nlr=0.01").unwrap();
            let vars = vars(&device);
            let mut optimizer = Optimizer::new(&config, vars.clone()).unwrap();
            let mut steps = Steps::new(card).unwrap();
            steps.begin(10.0, 0.0).unwrap();
            step(&mut optimizer, &mut steps, &gradients(&vars, 1), 1.0);
            let before = values(&optimizer);
            let mut spoilt = gradients(&vars, 2);
            if failure == 2 {
                let short = &vars[1].1;
                let values = [0.0, f32::INFINITY, 0.0, 0.0, 0.0];
                spoilt.insert(short, Tensor::new(&values, &device).unwrap());
            }
            let status = step(&mut optimizer, &mut steps, &spoilt, loss);
            assert_eq!((status.failure, status.steps), (failure, 1));
            let status = step(&mut optimizer, &mut steps, &gradients(&vars, 3), 1.0);
            assert_eq!(
                (status.failure, status.steps, status.loss_sum),
                (failure, 1, 11.0)
            );
            assert!(values(&optimizer) == before);
        }
    }
}
