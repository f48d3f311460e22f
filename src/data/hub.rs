//! Data sets from the Hugging Face hub, through candle-datasets.

use std::time::Duration;

use super::Images;
use crate::recipe::NamedSet;

/// How long the network may say nothing before it is given up.
pub const SILENCE: Duration = Duration::from_secs(10);

/// Without the cargo feature `hub` there is no download.
///
/// # Errors
/// Always, with the reason as a phrase.
#[cfg(not(feature = "hub"))]
pub fn load(_set: NamedSet, _silence: Duration) -> Result<(Images, Images), String> {
    Err("this build has no download (cargo feature `hub`)".into())
}

/// The training and test images of a set, from the hub client's cache or else downloaded into it.
///
/// `HF_HOME`, `HF_HUB_CACHE`, `HF_ENDPOINT` and `HF_TOKEN` are honoured. A network that says nothing
/// for `silence` is given up; one that is slow is not. A download that stops in its middle is noticed
/// after 12 times as long where the system does not tell what arrives at the machine (it does on Linux).
///
/// # Errors
/// Why the set cannot be had, as a phrase.
#[cfg(feature = "hub")]
pub fn load(set: NamedSet, silence: Duration) -> Result<(Images, Images), String> {
    download::load(set, silence)
}

#[cfg(feature = "hub")]
mod download {
    use std::panic;
    use std::sync::Once;
    use std::sync::mpsc::{self, RecvTimeoutError};
    use std::thread;
    use std::time::Duration;

    use candle_core::Tensor;
    use candle_datasets::vision;

    use super::super::silence::{Repository, Watch, cache_folder};
    use super::{Images, NamedSet};

    const THREAD: &str = "hub-download";
    const SHAPE: (usize, usize, usize) = (1, 28, 28);
    const CLASSES: u8 = 10;

    /// Where candle-datasets finds a set on the hub.
    fn repository(set: NamedSet) -> Repository {
        match set {
            NamedSet::Mnist => Repository {
                folder: "datasets--ylecun--mnist",
                files: ["mnist/test/0000.parquet", "mnist/train/0000.parquet"],
            },
            NamedSet::FashionMnist => Repository {
                folder: "datasets--zalando-datasets--fashion_mnist",
                files: [
                    "fashion_mnist/test/0000.parquet",
                    "fashion_mnist/train/0000.parquet",
                ],
            },
        }
    }

    pub fn load(set: NamedSet, silence: Duration) -> Result<(Images, Images), String> {
        hush_panics();
        let cache = cache_folder();
        let repository = repository(set);
        let mut watch = Watch::new(repository, cache.clone(), silence);
        let (sender, receiver) = mpsc::channel();
        thread::Builder::new()
            .name(THREAD.into())
            // The other side is gone when the download was given up: then nobody wants the images.
            .spawn(move || drop(sender.send(images(set))))
            .map_err(|error| format!("the download could not be started ({error})"))?;
        // The hub client never downloads again what it has, not even if that is damaged.
        let advice = || match repository.is_complete(&cache) {
            true => format!(
                " (to download it again, delete {})",
                cache.join(repository.folder).display()
            ),
            false => String::new(),
        };
        let interval = (silence / 20).clamp(Duration::from_millis(10), Duration::from_millis(100));
        loop {
            match receiver.recv_timeout(interval) {
                Ok(Ok(images)) => return Ok(images),
                Ok(Err(reason)) => return Err(reason + &advice()),
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
                    return Err(format!(
                        "{} from the Hugging Face hub cannot be decoded{}",
                        set.title(),
                        advice()
                    ));
                }
            }
        }
    }

    fn images(set: NamedSet) -> Result<(Images, Images), String> {
        let loaded = match set {
            NamedSet::Mnist => vision::mnist::load(),
            NamedSet::FashionMnist => vision::fashion_mnist::load(),
        };
        let title = set.title();
        let all = loaded.map_err(|error| {
            let error = error.to_string();
            // candle adds a backtrace in further lines where the user asked for backtraces.
            let mut cause = error.lines().next().unwrap_or_default();
            // The hub client says the address of a failed request twice.
            if let Some((start, address)) = cause.rsplit_once(" (")
                && start.ends_with(address)
            {
                cause = start;
            }
            format!("{title} could not be had from the Hugging Face hub: {cause}")
        })?;
        let train = checked(title, &all.train_images, &all.train_labels, 60_000)?;
        let test = checked(title, &all.test_images, &all.test_labels, 10_000)?;
        Ok((train, test))
    }

    /// The images as bytes again, if they are what the set should be. candle-datasets drops rows that
    /// it cannot read and takes images of any size, so this is not to be taken for granted.
    fn checked(
        title: &str,
        images: &Tensor,
        labels: &Tensor,
        count: usize,
    ) -> Result<Images, String> {
        let wrong = |found: String| {
            format!(
                "the hub's {title} is not what it should be ({count} images were expected, {found})"
            )
        };
        let failed = |error: candle_core::Error| wrong(error.to_string());
        let (channels, height, width) = SHAPE;
        let values = channels * height * width;
        if images.dims() != [count, values] || labels.dims() != [count] {
            return Err(wrong(format!(
                "found images {:?} and labels {:?}",
                images.dims(),
                labels.dims()
            )));
        }
        let labels = labels.to_vec1::<u8>().map_err(failed)?;
        if let Some(label) = labels.iter().find(|&&label| label >= CLASSES) {
            return Err(wrong(format!("found a label {label}")));
        }
        let pixels = images
            .flatten_all()
            .and_then(|flat| flat.to_vec1::<f32>())
            .map_err(failed)?
            .into_iter()
            // The f32 nearest to byte / 255 times 255 lies well within 0.5 of the byte.
            .map(|value| (value * 255.0).round() as u8)
            .collect();
        Images::new(SHAPE, pixels, labels).map_err(|error| wrong(error.to_string()))
    }

    /// candle-datasets panics on an image that it cannot decode. That ends the download's own thread
    /// and becomes a reason not to have the set; the panic message is not for the user.
    fn hush_panics() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let previous = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                if thread::current().name() != Some(THREAD) {
                    previous(info);
                }
            }));
        });
    }
}
