//! A network prepared once and used many times.

use std::fmt;
use std::sync::OnceLock;

use candle_core::{DType, Tensor};

use super::cpu::CpuInference;
use super::cuda;
use super::lowering::{Prepared, Subnetwork};
use crate::Result;
use crate::activation::Activation;
use crate::network::{Autoencoder, Code, Posterior};
use crate::ops::has_kernels;

/// A network for use without gradients: the functions of [`Autoencoder`], computed the fastest available way.
///
/// On the CPU, and on CUDA devices in builds with the feature `cuda`, f32 networks are lowered into steps once and
/// their weights are packed once; all memory is kept between calls. Encoder, decoder and the whole network are each
/// prepared on first use. [`Autoencoder`] itself, the reference, runs everything else: other types and devices, layers
/// without a fast step, and calls that fail on a CUDA device. Results carry no gradient graph.
///
/// Several threads may use it at once. The weights must not change: after a change make a new one, which costs little
/// more than packing the weights.
///
/// ```
/// use autoencode::engine::Inference;
/// use autoencode::network::{Autoencoder, Parameters};
/// use autoencode::recipe::Recipe;
/// use candle_core::{DType, Device, Tensor};
///
/// let mut recipe = Recipe::load("conv-denoiser", &[])?;
/// recipe.network.resolve_input([1, 28, 28])?;
/// let parameters = Parameters::drawn(1).builder(DType::F32, &Device::Cpu);
/// let network = Inference::new(Autoencoder::new(&recipe.network, parameters)?);
/// let digits = Tensor::zeros((3, 1, 28, 28), DType::F32, &Device::Cpu)?;
/// assert_eq!(network.encode(&digits)?.dims(), [3, 128, 7, 7]);
/// assert_eq!(network.reconstruct(&digits)?.dims(), [3, 1, 28, 28]);
/// # Ok::<(), autoencode::Error>(())
/// ```
pub struct Inference {
    model: Autoencoder,
    /// Whether fast steps may be used. If not, the CPU stands in for another device and only the reference runs.
    is_fast: bool,
    prepared: [OnceLock<Option<Prepared>>; Route::COUNT],
    note: OnceLock<String>,
}

/// Which part of the network runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    Encoder,
    Decoder,
    /// The decoder without its final sigmoid.
    Logits,
    /// Encoder, code and decoder, without tensors in between.
    Whole,
}

impl Inference {
    /// Prepares nothing yet.
    pub fn new(model: Autoencoder) -> Self {
        Self {
            is_fast: has_kernels() && model.encoder().dtype() == DType::F32,
            model,
            prepared: Default::default(),
            note: OnceLock::new(),
        }
    }

    /// The network.
    pub fn model(&self) -> &Autoencoder {
        &self.model
    }

    /// Why the reference is used instead of a faster way, if one has failed.
    pub fn note(&self) -> Option<&str> {
        self.note.get().map(String::as_str)
    }

    /// Same as [`Autoencoder::encode`].
    ///
    /// # Errors
    /// If the samples are not shaped as the network was built for.
    pub fn encode(&self, samples: &Tensor) -> Result<Tensor> {
        match self.model.code() {
            Code::Plain => self.run(Route::Encoder, samples),
            Code::Gaussian { .. } => Ok(self.posterior(samples)?.mean),
        }
    }

    /// Same as [`Autoencoder::posterior`].
    ///
    /// # Errors
    /// If the network is not variational, or the samples are not shaped as it was built for.
    pub fn posterior(&self, samples: &Tensor) -> Result<Posterior> {
        let code = self.model.code();
        code.posterior(|| self.run(Route::Encoder, samples))
    }

    /// Same as [`Autoencoder::decode`].
    ///
    /// # Errors
    /// If the codes are not shaped as the network was built for.
    pub fn decode(&self, codes: &Tensor) -> Result<Tensor> {
        self.run(Route::Decoder, codes)
    }

    /// Same as [`Autoencoder::reconstruct`].
    ///
    /// # Errors
    /// If the samples are not shaped as the network was built for.
    pub fn reconstruct(&self, samples: &Tensor) -> Result<Tensor> {
        match self.run_prepared(Route::Whole, samples) {
            Some(reconstructions) => Ok(reconstructions),
            None => self.decode(&self.encode(samples)?),
        }
    }

    /// Same as [`Autoencoder::logits`].
    ///
    /// # Errors
    /// If the network does not end in a sigmoid, or as [`Inference::reconstruct`].
    pub fn logits(&self, samples: &Tensor) -> Result<Tensor> {
        self.decode_logits(&self.encode(samples)?)
    }

    /// Same as [`Autoencoder::decode_logits`].
    ///
    /// # Errors
    /// Those of [`Inference::logits`].
    pub fn decode_logits(&self, codes: &Tensor) -> Result<Tensor> {
        self.run(Route::Logits, codes)
    }

    fn run(&self, route: Route, samples: &Tensor) -> Result<Tensor> {
        match self.run_prepared(route, samples) {
            Some(results) => Ok(results),
            None => Ok(route.reference(&self.model, samples)?.detach()),
        }
    }

    /// Results of fast steps; none if there are no such steps or the reference would reject the samples.
    fn run_prepared(&self, route: Route, samples: &Tensor) -> Option<Tensor> {
        let fits = self.is_fast
            && samples.dtype().is_float()
            && samples.dims().get(1..) == Some(route.input_shape(&self.model))
            && samples.device().same_device(self.model.device());
        if !fits {
            return None;
        }
        let results = || {
            let samples = samples.to_dtype(DType::F32)?.contiguous()?;
            let prepared = self.prepared(route, &samples);
            prepared.map(|run| run(&samples)).transpose()
        };
        results().unwrap_or_else(|error| self.take_note(&error))
    }

    /// The layers of a route, prepared on first use.
    fn prepared(&self, route: Route, samples: &Tensor) -> Option<&Prepared> {
        let place = self.prepared.get(route as usize)?;
        if let Some(prepared) = place.get() {
            return prepared.as_ref();
        }
        // Outside of the cell: a pool thread that waits for another thread's result may pick up work that waits for its
        // own.
        let prepared = match route.part(&self.model) {
            Some(part) => self.prepare(route, part, samples),
            None => Ok(None),
        };
        let prepared = prepared.unwrap_or_else(|error| self.take_note(&error));
        place.get_or_init(|| prepared).as_ref()
    }

    fn prepare(
        &self,
        route: Route,
        part: Subnetwork,
        samples: &Tensor,
    ) -> Result<Option<Prepared>> {
        let device = self.model.device();
        if device.is_cpu() {
            let cpu = CpuInference::new(part)?;
            return Ok(cpu.map(|cpu| -> Prepared { Box::new(move |samples| cpu.run(samples)) }));
        }
        if route == Route::Whole {
            return Ok(None);
        }
        let reference = |samples: &Tensor| route.reference(&self.model, samples);
        cuda::inference(device, part, samples, reference)
    }

    /// Records why the reference is used.
    fn take_note<T>(&self, error: &crate::Error) -> Option<T> {
        self.note.get_or_init(|| {
            format!("the fast steps for this device failed, and the network is slower: {error}")
        });
        None
    }
}

impl fmt::Debug for Inference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inference")
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

impl Route {
    const COUNT: usize = 4;

    /// Shape of a sample, without the batch.
    fn input_shape(self, model: &Autoencoder) -> &[usize] {
        match self {
            Self::Encoder | Self::Whole => model.input_shape(),
            Self::Decoder | Self::Logits => model.code_shape(),
        }
    }

    /// The layers; none if the network has no such route.
    fn part(self, model: &Autoencoder) -> Option<Subnetwork<'_>> {
        let decoder = model.decoder();
        let layers = match self {
            Self::Whole => return Some(Subnetwork::whole(model, false)),
            Self::Encoder => model.encoder().layers(),
            Self::Decoder => decoder.layers(),
            Self::Logits => decoder.until(&Activation::Sigmoid).ok()?,
        };
        Some(Subnetwork::list(self.input_shape(model), layers))
    }

    /// The results of the reference network.
    fn reference(self, model: &Autoencoder, samples: &Tensor) -> Result<Tensor> {
        match self {
            Self::Encoder => model.encoder().run(samples),
            Self::Decoder => model.decode(samples),
            Self::Logits => model.decode_logits(samples),
            Self::Whole => model.reconstruct(samples),
        }
    }
}
