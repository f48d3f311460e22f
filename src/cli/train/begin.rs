//! Making or opening the run folder, and loading the data.

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use autoencode::Error;
use autoencode::data::load_with;
use autoencode::device::Chosen;
use autoencode::train::{Interrupt, Resumable, RunFolder, Trainer};

use super::super::recipe;
use super::super::shared::Shared;
use super::super::trained_data::TrainedData;
use super::Train;

/// The interval between checks for a signal while the data is loaded.
const LOOK_EVERY: Duration = Duration::from_millis(20);

impl Train {
    /// Starts a new run; `None` if a signal came first, in which case no folder remains.
    pub fn start(
        &self,
        chosen: &Chosen,
        shared: &Shared,
        interrupt: &Interrupt,
    ) -> Result<Option<(Trainer, RunFolder)>> {
        let mut recipe = recipe::load(&self.recipe, &self.settings(), shared)?;
        // Kept in the recipe, so that the resumed run finds its data.
        recipe.data.set = self.data.set().unwrap_or(recipe.data.set);
        // Create the folder before loading the data, which may take a while, so that an unwritable
        // folder is reported at once.
        let runs = Path::new("runs");
        let folder = match (&self.output, self.force) {
            (Some(path), false) => RunFolder::create(path)?,
            (Some(path), true) => RunFolder::replace(path)?,
            (None, false) => RunFolder::create_in(runs, &recipe.name)?,
            (None, true) => RunFolder::replace(&runs.join(&recipe.name))?,
        };
        let config = recipe.data.clone();
        let default = recipe::data(&self.recipe, &config);
        let source = self.data.source_or(default, &config, shared);
        let offline = self.data.offline;
        let dataset = source.map_err(anyhow::Error::from).and_then(|source| {
            load(
                move || load_with(&source, &config, offline),
                shared,
                interrupt,
            )
        });
        let trainer = dataset.and_then(|dataset| {
            let trainer = |dataset| Trainer::new(recipe, dataset, chosen.device.clone());
            Ok(dataset.map(trainer).transpose()?)
        });
        match trainer {
            Ok(Some(trainer)) => Ok(Some((trainer, folder))),
            nothing => {
                folder.discard();
                nothing.map(|_| None)
            }
        }
    }

    /// Resumes a run; `None` if a signal came first.
    pub fn resume(
        &self,
        run: &Path,
        chosen: &Chosen,
        shared: &Shared,
        interrupt: &Interrupt,
    ) -> Result<Option<(Trainer, RunFolder)>> {
        let run = Resumable::open(run)?;
        for note in &run.notes {
            shared.note(note);
        }
        let data = TrainedData::find(&self.data, &run.checkpoint, &run.file, shared)?;
        let Some(found) = load(move || data.load_quietly(), shared, interrupt)? else {
            return Ok(None);
        };
        let device = chosen.device.clone();
        let mut trainer = Trainer::resume(run.checkpoint, &run.file, found.dataset, device)?;
        if let Some(recipe) = run.edited {
            let file = run.folder.recipe();
            shared.note(format_args!(
                "the run goes on with the edited {}",
                file.display()
            ));
            trainer
                .change_to(recipe)
                .map_err(|error| error.inside(file))?;
        }
        trainer.change(&self.settings())?;
        Ok(Some((trainer, run.folder)))
    }
}

/// Loads the data on a separate thread, as a download does not react to signals; `None` if a signal came first.
fn load<T: Send + 'static>(
    load: impl FnOnce() -> autoencode::Result<T> + Send + 'static,
    shared: &Shared,
    interrupt: &Interrupt,
) -> Result<Option<T>> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new()
        .name("data".to_string())
        // Sending fails only if the receiver has gone, and then nobody needs the data.
        .spawn(move || drop(sender.send(load())))
        .context("no thread can start for the data (ulimit -u and ulimit -v show the limits)")?;
    loop {
        match receiver.recv_timeout(LOOK_EVERY) {
            Ok(loaded) => return Ok(Some(loaded?)),
            Err(RecvTimeoutError::Timeout) if interrupt.requested() => {
                shared.remark("stopped before the data was loaded");
                return Ok(None);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                let found = "a thread that ended without it";
                return Err(Error::argument("data", "the loaded data", found).into());
            }
        }
    }
}
