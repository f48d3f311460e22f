//! Which device the work runs on.

use candle_core::Device;
use candle_core::utils::{cuda_is_available, metal_is_available};

use crate::{Error, Result};

/// What was asked for on the command line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeviceChoice {
    /// CUDA if this build has it and a card answers, else Metal likewise, else the CPU.
    #[default]
    Auto,
    Cpu,
    /// The card of that number.
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

/// The device that was chosen, and why.
#[derive(Debug, Clone)]
pub struct Chosen {
    pub device: Device,
    /// As in `--device`: `cpu`, `cuda:0`, `metal`.
    pub name: String,
    /// A phrase for the first line of a run.
    pub reason: String,
}

impl DeviceChoice {
    /// Opens the device.
    ///
    /// # Errors
    /// If a device was asked for by name and this build has no support for it, or it does not answer.
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
                open_cuda(number, "asked for")
            }
            Self::Metal => {
                if !metal_is_available() {
                    return Err(lacking("metal", "metal"));
                }
                open_metal("asked for")
            }
            Self::Auto => {
                if cuda_is_available() {
                    Ok(open_cuda(0, "found").unwrap_or_else(|_| cpu("no CUDA card answers")))
                } else if metal_is_available() {
                    Ok(open_metal("found").unwrap_or_else(|_| cpu("Metal does not answer")))
                } else {
                    Ok(cpu("this build has neither CUDA nor Metal"))
                }
            }
        }
    }
}

fn cpu(reason: &str) -> Chosen {
    Chosen {
        device: Device::Cpu,
        name: "cpu".to_string(),
        reason: reason.to_string(),
    }
}

fn open_cuda(number: usize, reason: &str) -> Result<Chosen> {
    let device = Device::new_cuda(number).map_err(|error| {
        Error::argument(
            format!("--device cuda:{number}"),
            "a CUDA card of that number with a working driver",
            first_line(&error.to_string()),
        )
    })?;
    Ok(Chosen {
        device,
        name: format!("cuda:{number}"),
        reason: reason.to_string(),
    })
}

fn open_metal(reason: &str) -> Result<Chosen> {
    let device = Device::new_metal(0).map_err(|error| {
        Error::argument(
            "--device metal",
            "a Metal device",
            first_line(&error.to_string()),
        )
    })?;
    Ok(Chosen {
        device,
        name: "metal".to_string(),
        reason: reason.to_string(),
    })
}

fn lacking(device: &str, feature: &str) -> Error {
    Error::argument(
        format!("--device {device}"),
        format!("a build with `cargo build --release --features {feature}`"),
        format!("a build without {feature}; use --device cpu or auto"),
    )
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_string()
}
