//! The end of a training step on the device: the check that it is sound, and the optimiser's update.

use candle_core::cuda_backend::CudaDevice;

use super::launch::{Address, Buffer, Grid, Launcher, OPTIMIZER, int};
use crate::Result;
use crate::engine::abi::{LossTerms, OptimizerStep, SETTINGS, STATES, Status, Variable};
use crate::optim::apply::Move;
use crate::optim::rule::{Rule, Visit};

/// Blocks of each variable that sum the squares of its gradient.
const SUM_BLOCKS: usize = 32;

/// The kernels' description of an update: addresses of variables, gradients and state, and the rule for each weight.
#[derive(Debug)]
pub(crate) struct ToKernels<'a>(pub Vec<Move<'a>>);

impl Visit for ToKernels<'_> {
    type Output = Result<(Vec<Variable>, OptimizerStep)>;

    fn visit<const STATE: usize, const COUNT: usize>(
        self,
        rule: &impl Rule<STATE, COUNT>,
    ) -> Self::Output {
        let variable = |step: &Move| {
            let mut state = [Address::NONE; STATES];
            for (to, tensor) in state.iter_mut().zip(step.state.iter()) {
                *to = Address::of(tensor)?;
            }
            Ok(Variable {
                value: Address::of(step.var)?,
                gradient: Address::of(&step.gradient)?,
                state,
                len: step.var.elem_count() as i64,
            })
        };
        let mut settings = [0.0; SETTINGS];
        for (to, setting) in settings.iter_mut().zip(rule.settings()) {
            *to = setting as f32;
        }
        let rule = rule.kind() as i32;
        let variables = self.0.iter().map(variable).collect::<Result<_>>()?;
        Ok((variables, OptimizerStep { rule, settings }))
    }
}

/// Updates variables on the device while the steps are sound.
#[derive(Debug)]
pub(crate) struct Steps {
    card: Launcher,
    status: Buffer<Status>,
    table: Buffer<Variable>,
    /// The contents of the table.
    variables: Vec<Variable>,
    /// Sums of the squares of the gradients, by blocks.
    sums: Buffer<f64>,
}

impl Steps {
    /// # Errors
    /// If the driver refuses the kernels.
    pub fn new(device: &CudaDevice) -> Result<Self> {
        let card = Launcher::new(device, &[OPTIMIZER])?;
        Ok(Self {
            status: card.zeros(1)?,
            table: card.memory(0)?,
            variables: Vec::new(),
            sums: card.memory(0)?,
            card,
        })
    }

    /// Starts a series from the sums of earlier steps.
    pub fn begin(&mut self, loss_sum: f64, kl_sum: f64) -> Result<()> {
        let status = Status {
            loss_sum,
            kl_sum,
            ..Status::default()
        };
        self.card.write(&mut self.status, &[status])
    }

    /// Launches the end of a step, after a batch that writes its sums to `totals`.
    pub fn start(
        &mut self,
        variables: Vec<Variable>,
        totals: Address,
        terms: LossTerms,
        step: OptimizerStep,
    ) -> Result<()> {
        if variables != self.variables {
            self.card.write(&mut self.table, &variables)?;
            self.sums = self.card.memory(variables.len() * SUM_BLOCKS)?;
            self.variables = variables;
        }
        let count = self.variables.len() as u32;
        let table = self.table.address();
        let (status, sums) = (self.status.address(), self.sums.address());
        let grid = Grid((SUM_BLOCKS as u32, count, 1));
        self.card.launch("gradient_squares", grid, &(table, sums))?;
        let blocks = int(self.variables.len() * SUM_BLOCKS)?;
        let arguments = (status, totals, sums, blocks, terms);
        self.card
            .launch("check_finite", Grid::blocks(1), &arguments)?;
        let longest = self.variables.iter().map(|variable| variable.len).max();
        let Grid((across, ..)) = Grid::over(longest.unwrap_or(0) as usize);
        let arguments = (table, status, step);
        let grid = Grid((across, count, 1));
        self.card.launch("optimizer_step", grid, &arguments)
    }

    /// Waits for all steps that were started.
    pub fn status(&self) -> Result<Status> {
        let status = self.card.read(&self.status)?;
        Ok(status.first().copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::backprop::GradStore;
    use candle_core::{Device, Tensor, Var};

    use super::*;
    use crate::device::cuda::device_under_test;
    use crate::engine::abi::Failure;
    use crate::optim::Optimizer;
    use crate::random::{Purpose, Stream};
    use crate::recipe;

    /// One optimiser of each rule.
    const KINDS: [&str; 11] = [
        "kind='sgd'\nlr=0.1\nclip_norm=0.5",
        "kind='sgd'\nlr=0.1\nmomentum=0.9",
        "kind='sgd'\nlr=0.1\nmomentum=0.9\nnesterov=true",
        "kind='rmsprop'\nlr=0.01\nclip_norm=1e-3",
        "kind='rmsprop'\nlr=0.01\nepsilon_inside=true",
        "kind='rmsprop'\nlr=0.01\nmomentum=0.5",
        "kind='rmsprop'\nlr=0.01\nmomentum=0.5\nepsilon_inside=true",
        "kind='adadelta'\nlr=1.0",
        "kind='adam'\nlr=0.01",
        "kind='adam'\nlr=0.01\nepsilon_hat=true",
        "kind='adamw'\nlr=0.01\nweight_decay=0.1\nclip_norm=2.0",
    ];

    /// Lengths of a variable with more values than a grid has threads, and of a short one.
    const LENS: [usize; 2] = [(1 << 21) + 7, 5];

    fn drawn(stream: &mut Stream, len: usize, device: &Device) -> Tensor {
        let values: Vec<f32> = (0..len).map(|_| stream.uniform() as f32 - 0.5).collect();
        Tensor::from_vec(values, len, device).unwrap()
    }

    fn vars(device: &Device) -> Vec<(String, Var)> {
        let mut stream = Stream::new(1, Purpose::Init, 0, 0);
        let vars = LENS.iter().map(|&len| {
            let tensor = drawn(&mut stream, len, device);
            (len.to_string(), Var::from_tensor(&tensor).unwrap())
        });
        vars.collect()
    }

    fn gradients(vars: &[(String, Var)], step: u64) -> GradStore {
        let mut stream = Stream::new(2, Purpose::Init, step, 0);
        let mut gradients = GradStore::default();
        for (_, var) in vars {
            gradients.insert(var, drawn(&mut stream, var.elem_count(), var.device()));
        }
        gradients
    }

    /// Values of the variables, then of the state.
    fn values(vars: &[(String, Var)], optimizer: &Optimizer) -> Vec<Vec<f32>> {
        let variables = vars.iter().map(|(_, var)| var.as_tensor().clone());
        let state = optimizer.state().unwrap().into_values();
        variables
            .chain(state)
            .map(|tensor| tensor.to_vec1().unwrap())
            .collect()
    }

    /// Does a step with the loss `loss`.
    fn step(
        optimizer: &mut Optimizer,
        steps: &mut Steps,
        (gradients, device): (&GradStore, &Device),
        loss: f64,
    ) -> Status {
        let totals = Tensor::new(&[0f32; 6], device).unwrap();
        let terms = LossTerms {
            constant: loss,
            limit: optimizer.clip_norm().unwrap_or(0.0),
            ..LossTerms::default()
        };
        let (variables, change) = optimizer.advance(gradients, 0.05, ToKernels).unwrap();
        let totals = Address::of(&totals).unwrap();
        steps.start(variables, totals, terms, change).unwrap();
        steps.status().unwrap()
    }

    #[test]
    fn the_card_leads_where_the_cpu_leads() {
        let Some(device) = device_under_test() else {
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
                let card_gradients = gradients(&on_card, number);
                let status = step(&mut found, &mut steps, (&card_gradients, &device), 2.0);
                assert_eq!((status.steps, status.failure), (number as i64, 0), "{kind}");
                assert!((status.norm - norm).abs() <= 1e-12 * norm, "{kind}");
                assert_eq!(status.loss_sum, 2.0 * number as f64, "{kind}");
            }
            let (found, expected) = (values(&on_card, &found), values(&on_cpu, &expected));
            for (found, expected) in found.iter().zip(&expected) {
                for (found, expected) in found.iter().zip(expected) {
                    let tolerance = 1e-6 * expected.abs().max(1.0);
                    let is_near = (found - expected).abs() <= tolerance;
                    assert!(is_near, "{kind}: {found} and {expected}");
                }
            }
        }
    }

    #[test]
    fn behind_a_step_that_is_not_sound_nothing_changes() {
        let Some(device) = device_under_test() else {
            return;
        };
        let Device::Cuda(card) = &device else { return };
        let failures = [
            (f64::NAN, Failure::Loss),
            (f64::INFINITY, Failure::Loss),
            (1.0, Failure::Norm),
        ];
        for (loss, failure) in failures {
            let config = toml::from_str("kind='adam'\nlr=0.01").unwrap();
            let vars = vars(&device);
            let mut optimizer = Optimizer::new(&config, vars.clone()).unwrap();
            let mut steps = Steps::new(card).unwrap();
            steps.begin(10.0, 0.0).unwrap();
            let sound = gradients(&vars, 1);
            step(&mut optimizer, &mut steps, (&sound, &device), 1.0);
            let before = values(&vars, &optimizer);
            let mut spoilt = gradients(&vars, 2);
            if failure == Failure::Norm {
                let short = &vars[1].1;
                let values = [0.0, f32::INFINITY, 0.0, 0.0, 0.0];
                spoilt.insert(short, Tensor::new(&values, &device).unwrap());
            }
            let status = step(&mut optimizer, &mut steps, (&spoilt, &device), loss);
            let failure = failure as i64;
            assert_eq!((status.failure, status.steps), (failure, 1));
            let sound = gradients(&vars, 3);
            let status = step(&mut optimizer, &mut steps, (&sound, &device), 1.0);
            assert_eq!(
                (status.failure, status.steps, status.loss_sum),
                (failure, 1, 11.0)
            );
            assert!(values(&vars, &optimizer) == before);
        }
    }
}
