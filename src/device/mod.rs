//! Choosing the device, and copying numbers back from it.

#[cfg(feature = "cuda")]
pub(crate) mod cuda;
#[cfg(not(feature = "cuda"))]
#[path = "without_cuda.rs"]
mod cuda;
mod host;
mod memory;

use candle_core::utils::{cuda_is_available, metal_is_available};
use candle_core::{Device, Tensor};

pub use host::keep_freed_memory;
pub(crate) use host::{reals, scalar, scalars, to_host, widest_float};
pub(crate) use memory::free_memory;

use crate::error::first_line;
use crate::recipe::Precision;
use crate::{Error, Result};

/// The device asked for on the command line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// CUDA if this build has it and a GPU responds, else Metal likewise, else the CPU.
    #[default]
    Auto,
    /// The host's processor.
    Cpu,
    /// The CUDA device with this number.
    Cuda(usize),
    /// Apple's GPU.
    Metal,
}

impl std::str::FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let choice = match text {
            "auto" => Some(Self::Auto),
            "cpu" => Some(Self::Cpu),
            "cuda" => Some(Self::Cuda(0)),
            "metal" => Some(Self::Metal),
            _ => (text.strip_prefix("cuda:"))
                .and_then(|number| number.parse().ok())
                .map(Self::Cuda),
        };
        let expected = "auto, cpu, cuda, cuda:N or metal";
        choice.ok_or_else(|| Error::argument("--device", expected, format!("`{text}`")))
    }
}

/// As it is asked for.
impl std::fmt::Display for DeviceChoice {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => formatter.write_str("auto"),
            Self::Cpu => formatter.write_str("cpu"),
            Self::Cuda(number) => write!(formatter, "cuda:{number}"),
            Self::Metal => formatter.write_str("metal"),
        }
    }
}

/// The chosen device, and the reason for it.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// The device, open.
    pub device: Device,
    /// As in `--device`: `cpu`, `cuda:0`, `metal`.
    pub name: String,
    /// A phrase for the first line of a run.
    pub reason: String,
    /// Whether this is the CPU because no other device of this build responded.
    pub is_fallback: bool,
}

impl Chosen {
    fn new(device: Device, name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            device,
            name: name.into(),
            reason: reason.into(),
            is_fallback: false,
        }
    }
}

impl DeviceChoice {
    /// Opens the device and runs a small computation on it, so that a GPU which cannot run this build's
    /// kernels is detected at once. From then on, f32 matrix products on CUDA use f32, not TF32
    /// ([`candle_core::cuda::set_gemm_reduced_precision_f32`] sets this for the whole process).
    ///
    /// # Errors
    /// If a device was asked for by name and this build does not support it, or it does not respond.
    pub fn open(self) -> Result<Chosen> {
        match self {
            Self::Auto => Ok(automatic()),
            Self::Cpu => Ok(Chosen::new(Device::Cpu, "cpu", "asked for")),
            Self::Cuda(number) if cuda_is_available() => {
                cuda(number, "asked for").map_err(|reason| {
                    Error::argument(
                        format!("--device cuda:{number}"),
                        "a CUDA card of that number with a working driver (nvidia-smi lists them), \
                         or --device cpu",
                        reason,
                    )
                })
            }
            Self::Cuda(0) => Err(lacking("cuda", "cuda")),
            Self::Cuda(number) => Err(lacking(&format!("cuda:{number}"), "cuda")),
            Self::Metal if metal_is_available() => metal("asked for").map_err(|reason| {
                Error::argument("--device metal", "a Metal device, or --device cpu", reason)
            }),
            Self::Metal => Err(lacking("metal", "metal")),
        }
    }
}

/// The first device of this build that responds; the CPU always does.
fn automatic() -> Chosen {
    let mut failures = Vec::new();
    if cuda_is_available() {
        match cuda(0, "found") {
            Ok(chosen) => return chosen,
            Err(reason) => failures.push(format!("no CUDA card: {reason}")),
        }
    }
    if metal_is_available() {
        match metal("found") {
            Ok(chosen) => return chosen,
            Err(reason) => failures.push(format!("no Metal: {reason}")),
        }
    }
    if failures.is_empty() {
        return Chosen::new(Device::Cpu, "cpu", "this build has neither CUDA nor Metal");
    }
    Chosen {
        is_fallback: true,
        ..Chosen::new(Device::Cpu, "cpu", failures.join("; "))
    }
}

/// A CUDA device, or why there is none.
fn cuda(number: usize, reason: &str) -> Result<Chosen, String> {
    let (device, model) = cuda::open(number)?;
    try_out(&device)?;
    let reason = match model {
        Some(model) => format!("{model}, {reason}"),
        None => reason.to_string(),
    };
    Ok(Chosen::new(device, format!("cuda:{number}"), reason))
}

/// The Metal device, or why there is none.
fn metal(reason: &str) -> Result<Chosen, String> {
    let device = Device::new_metal(0).map_err(first_line)?;
    try_out(&device)?;
    Ok(Chosen::new(device, "metal", reason))
}

/// Computes 2 x 3 + 1, which loads a kernel: a driver may refuse kernels of a newer toolkit, and a GPU
/// those of another generation.
fn try_out(device: &Device) -> Result<(), String> {
    let seven = Tensor::new(2f32, device)
        .and_then(|two| two.affine(3.0, 1.0)?.to_scalar::<f32>())
        .map_err(first_line)?;
    match seven == 7.0 {
        true => Ok(()),
        false => Err(format!("2 x 3 + 1 gave {seven}")),
    }
}

fn lacking(device: &str, feature: &str) -> Error {
    Error::argument(
        format!("--device {device}"),
        format!("a build with `cargo build --release --features {feature}`"),
        format!("a build without {feature}; use --device cpu or auto"),
    )
}

/// Refuses a precision that the device does not support.
///
/// # Errors
/// [`Error::Recipe`] for f64 on Metal.
pub(crate) fn check_precision(device: &Device, precision: Precision) -> Result<()> {
    if device.is_metal() && precision == Precision::F64 {
        return Err(Error::recipe(
            "training.precision",
            "f32 on Metal, which has no f64 (--device cpu has)",
            "f64",
        ));
    }
    Ok(())
}

/// The peak memory of all tensors on a device in this process so far, in MiB; `None` for the CPU and for
/// devices that do not report it.
pub fn peak_memory_mb(device: &Device) -> Option<f64> {
    match device {
        Device::Cuda(device) => cuda::peak_memory_mb(device),
        // Metal reports the current use, not the peak.
        Device::Metal(_) | Device::Cpu => None,
    }
}
