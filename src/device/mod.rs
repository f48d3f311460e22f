//! Choosing the device, and copying numbers back from it.

#[cfg(feature = "cuda")]
pub(crate) mod cuda;
#[cfg(not(feature = "cuda"))]
#[path = "without_cuda.rs"]
mod cuda;
mod host;

use candle_core::utils::{cuda_is_available, metal_is_available};
use candle_core::{Device, Tensor};

pub(crate) use host::{reals, scalar, scalars, to_host, widest_float};

use crate::recipe::Precision;
use crate::{Error, Result};

/// The device asked for on the command line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// CUDA if this build has it and a GPU responds, else Metal likewise, else the CPU.
    #[default]
    Auto,
    Cpu,
    /// The CUDA device with this number.
    Cuda(usize),
    Metal,
}

impl std::str::FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let unknown = || {
            Error::argument(
                "--device",
                "auto, cpu, cuda, cuda:N or metal",
                format!("`{text}`"),
            )
        };
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            "metal" => Ok(Self::Metal),
            _ => {
                let number = text.strip_prefix("cuda:").ok_or_else(unknown)?;
                number.parse().map(Self::Cuda).map_err(|_| unknown())
            }
        }
    }
}

/// The chosen device, and the reason for it.
#[derive(Debug, Clone)]
pub struct Chosen {
    pub device: Device,
    /// As in `--device`: `cpu`, `cuda:0`, `metal`.
    pub name: String,
    /// A phrase for the first line of a run.
    pub reason: String,
    /// Whether this is the CPU because no other device of this build responded.
    pub is_fallback: bool,
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
            Self::Cpu => Ok(cpu("asked for")),
            Self::Cuda(number) => {
                if !cuda_is_available() {
                    let asked = match number {
                        0 => "cuda".to_string(),
                        number => format!("cuda:{number}"),
                    };
                    return Err(lacking(&asked, "cuda"));
                }
                cuda(number, "asked for").map_err(|reason| {
                    Error::argument(
                        format!("--device cuda:{number}"),
                        "a CUDA card of that number with a working driver (nvidia-smi lists them), \
                         or --device cpu",
                        reason,
                    )
                })
            }
            Self::Metal => {
                if !metal_is_available() {
                    return Err(lacking("metal", "metal"));
                }
                metal("asked for").map_err(|reason| {
                    Error::argument("--device metal", "a Metal device, or --device cpu", reason)
                })
            }
            Self::Auto => Ok(automatic()),
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
    match failures.is_empty() {
        true => cpu("this build has neither CUDA nor Metal"),
        false => Chosen {
            is_fallback: true,
            ..cpu(&failures.join("; "))
        },
    }
}

fn cpu(reason: &str) -> Chosen {
    Chosen {
        device: Device::Cpu,
        name: "cpu".to_string(),
        reason: reason.to_string(),
        is_fallback: false,
    }
}

/// A CUDA device, or why there is none.
fn cuda(number: usize, reason: &str) -> Result<Chosen, String> {
    let device = cuda::open(number)?;
    try_out(&device)?;
    let model = cuda::model(&device).map_or(String::new(), |model| format!("{model}, "));
    Ok(Chosen {
        device,
        name: format!("cuda:{number}"),
        reason: format!("{model}{reason}"),
        is_fallback: false,
    })
}

/// The Metal device, or why there is none.
fn metal(reason: &str) -> Result<Chosen, String> {
    let device = Device::new_metal(0).map_err(in_one_line)?;
    try_out(&device)?;
    Ok(Chosen {
        device,
        name: "metal".to_string(),
        reason: reason.to_string(),
        is_fallback: false,
    })
}

/// Computes 2 x 3 + 1, which loads a kernel: a driver may refuse kernels of a newer toolkit, and a GPU
/// those of another generation.
fn try_out(device: &Device) -> Result<(), String> {
    let seven = Tensor::new(2f32, device)
        .and_then(|two| two.affine(3.0, 1.0)?.to_scalar::<f32>())
        .map_err(in_one_line)?;
    match seven == 7.0 {
        true => Ok(()),
        false => Err(format!("2 x 3 + 1 gave {seven}")),
    }
}

/// The message of an error without its backtrace.
fn in_one_line(error: candle_core::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().to_string()
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
