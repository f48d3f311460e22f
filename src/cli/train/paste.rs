//! The commands that follow a run, to be pasted as they are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use autoencode::data::Pictures;
use autoencode::network::{Code, filters};
use autoencode::train::{RunFolder, Trainer};

use super::Train;
use crate::cli::shared::Shared;
use crate::cli::shell::{argument, line};

/// Pictures to try where the program lies in its repository.
const DIGITS: &str = "assets/digits";

/// The command that resumes the run.
pub fn to_go_on(train: &Train, folder: &RunFolder, shared: &Shared) -> String {
    let mut words = words("train", "--resume", folder.path());
    words.extend(train.data.flags());
    if let Some(steps) = train.checkpoint_every {
        words.extend(["--checkpoint-every".into(), steps.to_string().into()]);
    }
    words.extend(shared.flags());
    line(&words)
}

/// A command to try with the network.
pub fn next(trainer: &Trainer, run: &Path, shared: &Shared) -> String {
    let of = |command: &str| words(command, "--checkpoint", run);
    let mut words = if trainer.dataset().test.are_points() {
        of("summary")
    } else if draws(trainer) {
        let sheet = format!("{}.png", free("samples", &[".png"]));
        with(of("sample"), ["--sheet", &sheet])
    } else if let Some(picture) = picture(trainer) {
        let name = match trainer.recipe().corruption.evaluated().is_none() {
            true => "reconstructed",
            false => "denoised",
        };
        let name = free(name, &["", ".png"]);
        let results = ["--output", &name, "--sheet", &format!("{name}.png")];
        with(with(of("infer"), [argument(&picture)]), results)
    } else if filters(trainer.model(), None, 0).is_ok() {
        let output = format!("{}.png", free("filters", &[".png"]));
        with(of("filters"), ["--output", &output])
    } else {
        of("summary")
    };
    words.extend(shared.flags());
    line(&words)
}

fn words(command: &str, flag: &str, run: &Path) -> Vec<OsString> {
    let start = ["autoencode", command, flag].map(OsString::from);
    with(start.into(), [argument(run)])
}

fn with(mut words: Vec<OsString>, more: impl IntoIterator<Item: Into<OsString>>) -> Vec<OsString> {
    words.extend(more.into_iter().map(Into::into));
    words
}

/// Whether the network has a density to draw codes from.
fn draws(trainer: &Trainer) -> bool {
    let has_prior = matches!(trainer.model().code(), Code::Gaussian { .. });
    has_prior || trainer.recipe().sampling.is_some()
}

/// Pictures for the network: the repository's, or one of those it was trained on.
fn picture(trainer: &Trainer) -> Option<PathBuf> {
    let digits = PathBuf::from(DIGITS);
    if digits.is_dir() {
        return Some(digits);
    }
    // Else it is the name of a set.
    let data = trainer
        .dataset()
        .origin
        .argument()
        .filter(|data| data.is_absolute())?;
    Pictures::below(data, None).ok()?.files.into_iter().next()
}

/// The first of `name`, `name-2`, `name-3`, ... that nothing has yet, with none of the endings.
fn free(name: &str, endings: &[&str]) -> String {
    let is_free = |name: &String| {
        let paths = endings.iter().map(|ending| format!("{name}{ending}"));
        paths
            .map(PathBuf::from)
            .all(|path| path.symlink_metadata().is_err())
    };
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.to_string()).chain(numbered);
    names.find(is_free).unwrap_or_default()
}
