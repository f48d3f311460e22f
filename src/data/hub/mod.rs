//! Data sets from the Hugging Face hub: hf-hub downloads them, candle-datasets reads them.

#[cfg(feature = "hub")]
mod cache;
#[cfg(feature = "hub")]
mod download;
#[cfg(feature = "hub")]
mod read;
#[cfg(feature = "hub")]
mod silence;

use std::time::Duration;

use super::Images;
use crate::recipe::NamedSet;

/// How long the network may say nothing before it is given up.
pub const SILENCE: Duration = Duration::from_secs(10);

/// Whether [`load`] would ask the network for the set.
#[cfg(feature = "hub")]
pub fn downloads(set: NamedSet, offline: bool) -> bool {
    download::forbidden(offline).is_none()
        && cache::Repository::of(set).is_some_and(|set| !set.is_complete(&cache::folder()))
}

/// Whether [`load`] would ask the network for the set.
#[cfg(not(feature = "hub"))]
pub fn downloads(_set: NamedSet, _offline: bool) -> bool {
    false
}

/// The training and test images of a set, from the hub client's cache or else downloaded into it; with
/// `offline`, or where `HF_HUB_OFFLINE` is set, from the cache alone.
///
/// `HF_HOME`, `HF_HUB_CACHE`, `HF_ENDPOINT` and `HF_TOKEN` are honoured. A network that says nothing
/// for `silence` is given up; one that is slow is not. A download that stops in its middle is noticed
/// after 12 times as long where the system does not tell what arrives at the machine (it does on Linux).
///
/// # Errors
/// Why the set cannot be had, as a phrase.
#[cfg(feature = "hub")]
pub fn load(set: NamedSet, offline: bool, silence: Duration) -> Result<(Images, Images), String> {
    // Paths and what a server or a file says may hold what would steer a terminal.
    let printable = |reason: String| reason.replace(char::is_control, "\u{fffd}");
    download::load(set, offline, silence).map_err(printable)
}

/// Without the cargo feature `hub` there is no download.
///
/// # Errors
/// Always, with the reason as a phrase.
#[cfg(not(feature = "hub"))]
pub fn load(
    _set: NamedSet,
    _offline: bool,
    _silence: Duration,
) -> Result<(Images, Images), String> {
    Err("this build has no download (cargo feature `hub`)".into())
}
