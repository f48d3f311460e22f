//! Downloads through hf-hub, on a separate thread that is abandoned when the network goes silent.

use std::env;
use std::error::Error;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use hf_hub::{HFClientSync, HFError, HFResult};

use super::super::Images;
use super::cache::{self, REVISION, Repository};
use super::read::{self, THREAD};
use super::silence::Watch;
use crate::error::first_line;
use crate::recipe::NamedSet;

/// The setting that forbids network access, if there is one.
pub fn forbidden(offline: bool) -> Option<&'static str> {
    const VARIABLE: &str = "HF_HUB_OFFLINE";
    if offline {
        return Some("--offline");
    }
    let value = env::var(VARIABLE).ok()?.to_ascii_lowercase();
    let set = ["1", "on", "yes", "true"].contains(&value.as_str());
    set.then_some(VARIABLE)
}

pub fn load(set: NamedSet, offline: bool, silence: Duration) -> Result<(Images, Images), String> {
    let cache = cache::folder();
    let title = set.title();
    let repository =
        Repository::of(set).ok_or_else(|| format!("{title} does not come from the hub"))?;
    if let Some(what) = forbidden(offline)
        && !repository.is_complete(&cache)
    {
        return Err(format!(
            "the hub's cache {} holds no {title}, and {what} forbids a download",
            cache.display()
        ));
    }
    read::hush_panics();
    let mut watch = Watch::new(repository, cache.clone(), silence);
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new()
        .name(THREAD.into())
        // The receiver is gone if the download was given up; the images are dropped then.
        .spawn(move || drop(sender.send(images(title, &repository, &cache))))
        .map_err(|error| format!("the download could not be started ({error})"))?;
    let interval = (silence / 20).clamp(Duration::from_millis(10), Duration::from_millis(100));
    loop {
        match receiver.recv_timeout(interval) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Timeout) if watch.is_silent() => {
                let seconds = match silence.as_secs_f64() {
                    1.0 => "1 second".to_string(),
                    seconds => format!("{seconds} seconds"),
                };
                return Err(format!(
                    "the Hugging Face hub is silent (nothing received for {seconds})"
                ));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(format!("the download of {title} broke off"));
            }
        }
    }
}

/// The images from the cache, downloaded first if they are missing.
fn images(title: &str, repository: &Repository, cache: &Path) -> Result<(Images, Images), String> {
    let (fresh, paths) = match repository.paths(cache) {
        Some(paths) => (false, paths),
        None => {
            let failed = |error| {
                let cause = cause(&error, cache);
                format!("{title} could not be had from the Hugging Face hub: {cause}")
            };
            download(repository).map_err(failed)?;
            // The set may be updated between the two downloads; then the first file is missing.
            if !repository.is_complete(cache) {
                download(repository).map_err(failed)?;
            }
            let paths = repository.paths(cache).ok_or_else(|| {
                format!("{title} changed on the Hugging Face hub while it was downloaded")
            })?;
            (true, paths)
        }
    };
    read::images(repository, &paths).map_err(|found| {
        // The hub client never downloads a cached file again, even a damaged one.
        let remedy = if fresh {
            repository.discard(cache, &paths);
            "the download was not kept".to_string()
        } else {
            let folder = cache.join(repository.folder());
            format!("to download it again, delete {}", folder.display())
        };
        format!("the hub's {title} is not what it should be: {found} ({remedy})")
    })
}

/// Downloads the files that are not in the cache.
fn download(repository: &Repository) -> HFResult<()> {
    let client = HFClientSync::new()?;
    let dataset = client.dataset(repository.owner, repository.name);
    for file in repository.files() {
        let request = dataset.download_file().filename(file).revision(REVISION);
        // The client remembers which files were missing and does not request them again, so we do.
        if request.clone().local_files_only(true).send().is_err() {
            request.send()?;
        }
    }
    Ok(())
}

/// Why a download failed, in one line.
fn cause(error: &HFError, cache: &Path) -> String {
    let text = match error {
        // The innermost cause says most, such as a refused connection.
        HFError::Request { source, .. } => {
            let mut text = source.to_string();
            let causes = std::iter::successors(source.source(), |&cause| cause.source());
            if let Some(innermost) = causes.last() {
                text.push_str(&format!(": {innermost}"));
            }
            text
        }
        HFError::Io(error) => format!("{} ({error})", cache.display()),
        HFError::MalformedResponse { what, .. } => format!("it does not answer as a hub ({what})"),
        HFError::Url(error) => format!("HF_ENDPOINT is no address ({error})"),
        error => error.to_string(),
    };
    first_line(text)
}
