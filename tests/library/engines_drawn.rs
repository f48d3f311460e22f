//! The fast engine against the reference on networks drawn from the space of all lists of layers.

use autoencode::activation::Activation;
use autoencode::engine::{Autograd, CpuEngine};
use autoencode::network::Parameters;
use autoencode::random::{Purpose, Stream};
use autoencode::recipe::Reconstruction;

use super::engines::{
    TOLERANCE, apart, batch, compare_inference, elbo, lists, network, objective, values,
};

/// Networks of a run, and the seed of the usual one. AUTOENCODE_SWEEP_SEED sets another.
const NETWORKS: u64 = 40;
const SEED: u64 = 1;
/// Pixels of an image that differ between batches and networks only by what is drawn: the reference must be quick.
const MOST_PIXELS: usize = 8000;
/// Batches of a network that are tried, and how many of them must agree. The derivatives of ReLU, max-pooling and their
/// like jump: a value within rounding of the jump may fall on either side of it, and then one gradient is far off. A
/// defect shows in every batch.
const BATCHES: u64 = 3;

struct Drawn {
    encoder: String,
    decoder: String,
    latent: Option<usize>,
    input: [usize; 3],
    samples: usize,
    reconstruction: Reconstruction,
}

struct Chance(Stream);

impl Chance {
    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.0.below(choices.len() as u32) as usize].clone()
    }

    fn from(&mut self, least: usize, most: usize) -> usize {
        least + self.0.below((most - least + 1) as u32) as usize
    }

    fn percent(&mut self, share: u32) -> bool {
        self.0.below(100) < share
    }

    fn activation(&mut self) -> String {
        match self.percent(50) {
            true => "relu".to_string(),
            false => self.of(&Activation::all()).name().to_string(),
        }
    }

    fn bias(&mut self) -> &'static str {
        self.of(&["", "", "", ", no bias"])
    }

    /// A convolution that keeps the size.
    fn conv(&mut self, channels: usize) -> String {
        let kernel = self.of(&[1, 3, 3, 3, 5, 7, 9]);
        format!("'conv {kernel}x{kernel}, {channels}{}'", self.bias())
    }

    /// A layer with the activation behind it, if there is one, and maybe a residual block.
    fn block(&mut self, layer: String, channels: usize) -> Vec<String> {
        let mut layers = vec![layer];
        let activation = self.activation();
        if self.percent(85) {
            layers.push(format!("'{activation}'"));
        }
        if self.percent(35) {
            let mut body = vec![self.conv(channels)];
            if self.percent(70) {
                let inner = self.from(2, 24);
                body = vec![
                    self.conv(inner),
                    format!("'{activation}'"),
                    self.conv(channels),
                ];
            }
            layers.push(format!("{{ residual = [{}] }}", body.join(", ")));
            if self.percent(50) {
                layers.push(format!("'{activation}'"));
            }
        }
        layers
    }

    fn smaller(&mut self, channels: usize, scale: usize) -> Vec<String> {
        let conv = match self.from(0, 2) {
            0 => {
                let conv = self.conv(channels);
                let mut layers = vec![format!("'max-pool {scale}'")];
                layers.extend(self.block(conv, channels));
                return layers;
            }
            1 => {
                let kernel = self.of(&[1, 3, 5, 7, 9]);
                format!(
                    "'conv {kernel}x{kernel}, {channels}, stride {scale}{}'",
                    self.bias()
                )
            }
            _ => format!(
                "'conv {scale}x{scale}, {channels}, stride {scale}{}'",
                self.bias()
            ),
        };
        self.block(conv, channels)
    }

    fn larger(&mut self, channels: usize, scale: usize) -> Vec<String> {
        if self.percent(50) {
            let conv = format!(
                "'conv-transpose {scale}x{scale}, {channels}{}'",
                self.bias()
            );
            return self.block(conv, channels);
        }
        let conv = self.conv(channels);
        let mut layers = vec![format!("'upsample {scale}'")];
        layers.extend(self.block(conv, channels));
        layers
    }
}

fn drawn(seed: u64, number: u64) -> Drawn {
    let mut chance = Chance(Stream::new(seed, Purpose::Points, 0, number));
    let scale: usize = chance.of(&[2, 2, 3, 4]);
    let levels = chance.from(0, 2);
    let factor = scale.pow(levels as u32);
    let mut side = || factor * chance.from(1, (24 / factor).max(1));
    let (height, width) = (side(), side());
    let input = [chance.from(1, 3), height, width];
    let widths: Vec<usize> = (0..=levels).map(|_| chance.from(2, 40)).collect();

    let first = chance.conv(widths[0]);
    let mut encoder = chance.block(first, widths[0]);
    for &channels in &widths[1..] {
        encoder.extend(chance.smaller(channels, scale));
    }
    let mut decoder = Vec::new();
    let mut latent = None;
    if chance.percent(30) {
        let units = chance.from(2, 40);
        latent = chance.percent(50).then_some(units);
        let code = latent.map_or(units, |units| 2 * units);
        let small = [widths[levels], height / factor, width / factor];
        encoder.extend(["'flatten'".to_string(), format!("'dense {code}'")]);
        let values: usize = small.iter().product();
        decoder.extend([
            format!("'dense {values}'"),
            format!("'{}'", chance.activation()),
            format!("'reshape {small:?}'"),
        ]);
    }
    for &channels in widths[..levels].iter().rev() {
        decoder.extend(chance.larger(channels, scale));
    }
    decoder.extend([chance.conv(input[0]), "'sigmoid'".to_string()]);
    Drawn {
        encoder: format!("[{}]", encoder.join(", ")),
        decoder: format!("[{}]", decoder.join(", ")),
        latent,
        input,
        samples: chance
            .from(1, 40)
            .min(MOST_PIXELS / (height * width))
            .max(1),
        reconstruction: chance.of(&[Reconstruction::Bce, Reconstruction::Mse]),
    }
}

#[test]
fn networks_drawn_at_random_agree() {
    let seed = std::env::var("AUTOENCODE_SWEEP_SEED").map_or(SEED, |seed| seed.parse().unwrap());
    for number in 0..NETWORKS {
        let drawn = drawn(seed, number);
        let (encoder, decoder, samples) = (&drawn.encoder, &drawn.decoder, drawn.samples);
        let name = format!(
            "network {number} of seed {seed}: {:?}, {samples} samples, latent {:?}, {encoder}, {decoder}",
            drawn.input, drawn.latent
        );
        let config = lists(encoder, decoder, drawn.latent, drawn.input);
        let mut objective = objective(drawn.reconstruction);
        objective.elbo = drawn.latent.and_then(|_| elbo().elbo);

        let parameters = Parameters::drawn(seed);
        let model = network(&config)(&parameters);
        for (key, (_, var)) in (0..).zip(parameters.vars()) {
            // Biases are 0 at first, which would hide what is wrong with them.
            if var.rank() == 1 {
                var.set(&(values(key, var.dims()) * 0.3).unwrap()).unwrap();
            }
        }
        let mut fast = CpuEngine::new(&model, objective, samples)
            .unwrap()
            .expect(&name);
        let mut reference = Autograd::new(model.clone(), objective);
        let found: Vec<_> = (0..BATCHES)
            .map(|key| {
                let batch = batch(&model, key, samples);
                apart(&batch, &parameters, &mut fast, &mut reference)
            })
            .collect();
        for (loss, _) in &found {
            assert!(*loss < TOLERANCE, "{name}: losses {loss:.1e} apart");
        }
        let agreeing = found.iter().filter(|(_, (apart, _))| *apart < TOLERANCE);
        assert!(2 * agreeing.count() > found.len(), "{name}: {found:?}");
        compare_inference(&name, &model, &[1, samples]);
    }
}
