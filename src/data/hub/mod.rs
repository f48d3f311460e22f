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

/// How long the network may be silent before the download is given up.
pub const SILENCE: Duration = Duration::from_secs(10);

/// Whether [`load`] would use the network for the set.
#[cfg(feature = "hub")]
pub fn downloads(set: NamedSet, offline: bool) -> bool {
    download::forbidden(offline).is_none()
        && cache::Repository::of(set).is_some_and(|set| !set.is_complete(&cache::folder()))
}

/// Whether [`load`] would use the network for the set.
#[cfg(not(feature = "hub"))]
pub fn downloads(_: NamedSet, _: bool) -> bool {
    false
}

/// The training and test images of a set, from the hub client's cache or downloaded into it; with
/// `offline`, or if `HF_HUB_OFFLINE` is set, from the cache only.
///
/// `HF_HOME`, `HF_HUB_CACHE`, `HF_ENDPOINT` and `HF_TOKEN` are honoured. The download is given up if the
/// network is silent for `silence`, but not if it is merely slow. Where the system does not report the
/// bytes that the machine received (Linux does), a download that stalls midway is noticed only after 12
/// times as long.
///
/// # Errors
/// The reason why the set is unavailable, as a phrase.
#[cfg(feature = "hub")]
pub fn load(set: NamedSet, offline: bool, silence: Duration) -> Result<(Images, Images), String> {
    // Paths and messages from servers or files may contain terminal control characters.
    download::load(set, offline, silence).map_err(|reason| crate::error::line(&reason))
}

/// Without the cargo feature `hub` there is no download.
///
/// # Errors
/// Always, with the reason as a phrase.
#[cfg(not(feature = "hub"))]
pub fn load(_: NamedSet, _: bool, _: Duration) -> Result<(Images, Images), String> {
    Err("this build has no download (cargo feature `hub`)".into())
}
