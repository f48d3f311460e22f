//! Making or opening the run folder, and loading the data.

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use autoencode::Error;
use autoencode::data::{Dataset, load_with};
use autoencode::device::Chosen;
use autoencode::recipe::{DataConfig, Recipe};
use autoencode::train::{Interrupt, Resumable, RunFolder, Trainer};

use super::super::shared::Shared;
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
        let mut recipe = Recipe::load(&self.recipe, &self.settings())?;
        // Kept in the recipe, so that the resumed run finds its data.
        recipe.data.set = self.data.set().unwrap_or(recipe.data.set);
        // Create the folder before loading the data, which may take a while, so that an unwritable
        // folder is reported at once.
        let folder = match &self.output {
            Some(path) => RunFolder::create(path)?,
            None => RunFolder::create_in(Path::new("runs"), &recipe.name)?,
        };
        let dataset = self.load(&recipe.data, shared, interrupt);
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
        let Some(dataset) = self.load(&run.checkpoint.recipe.data, shared, interrupt)? else {
            return Ok(None);
        };
        let device = chosen.device.clone();
        let mut trainer = Trainer::resume(run.checkpoint, &run.file, dataset, device)?;
        trainer.change(&self.settings())?;
        Ok(Some((trainer, run.folder)))
    }

    /// Loads the data on a separate thread, as a download does not react to signals.
    fn load(
        &self,
        config: &DataConfig,
        shared: &Shared,
        interrupt: &Interrupt,
    ) -> Result<Option<Dataset>> {
        let source = self.data.source(config, shared)?;
        let (config, offline) = (config.clone(), self.data.offline);
        let (sender, receiver) = mpsc::channel();
        thread::Builder::new()
            .name("data".to_string())
            // Sending fails only if the receiver has gone, and then nobody needs the data.
            .spawn(move || drop(sender.send(load_with(&source, &config, offline))))
            .context("cannot start a thread")?;
        loop {
            match receiver.recv_timeout(LOOK_EVERY) {
                Ok(dataset) => return Ok(Some(dataset?)),
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
}
