//! Steps of an optimiser by the kernels of a CUDA card.

use candle_core::backprop::GradStore;

use super::Optimizer;
use super::optimizer::moves;
use super::rule::{Move, Rule};
use crate::engine::cuda as card;
use crate::{Result, recipe};

impl recipe::Optimizer {
    /// What step number `step`, from 1, does on a CUDA card.
    fn on_card(&self, rate: f64, step: u64) -> card::Move {
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
    /// Counts a step that the kernels of a CUDA card do: the variables that have a gradient, with all that belongs to
    /// them, and what is done to each weight.
    ///
    /// # Errors
    /// As [`Optimizer::update`], and if a tensor is not contiguous.
    pub(crate) fn on_card(
        &mut self,
        gradients: &GradStore,
        rate: f64,
    ) -> Result<(Vec<card::Variable>, card::Move)> {
        let moves = moves(&mut self.parameters, gradients)?;
        let variables = moves.iter().map(Move::on_card).collect::<Result<_>>()?;
        self.step += 1;
        Ok((variables, self.config.on_card(rate, self.step)))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor, Var};

    use super::super::optimizer::Parameter;
    use super::*;
    use crate::device::card_under_test;
    use crate::engine::cuda::{Address, LossTerms, Status, Steps};
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
        let terms = LossTerms {
            distance: 0.0,
            constant: loss,
            penalty: 0.0,
            kl: 0.0,
            limit: optimizer.clip_norm().unwrap_or(0.0),
        };
        let (variables, change) = optimizer.on_card(gradients, 0.05).unwrap();
        let totals = Address::of(&totals).unwrap();
        steps.start(variables, totals, terms, change).unwrap();
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
