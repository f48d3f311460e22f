//! The hub client's cache of a data set.

use std::path::{Path, PathBuf};
use std::{env, fs};

use candle_datasets::vision;

use crate::recipe::NamedSet;

/// The branch that holds a data set as parquet.
pub const REVISION: &str = "refs/convert/parquet";

/// A data set of the hub.
#[derive(Debug, Clone, Copy)]
pub struct Repository {
    pub owner: &'static str,
    pub name: &'static str,
    /// Reads the files from the cache.
    pub load: fn() -> candle_core::Result<vision::Dataset>,
}

impl Repository {
    /// The repository from which candle-datasets reads a set; `None` for the built-in sample.
    pub fn of(set: NamedSet) -> Option<Self> {
        match set {
            NamedSet::Sample => None,
            NamedSet::Mnist => Some(Self {
                owner: "ylecun",
                name: "mnist",
                load: vision::mnist::load,
            }),
            NamedSet::FashionMnist => Some(Self {
                owner: "zalando-datasets",
                name: "fashion_mnist",
                load: vision::fashion_mnist::load,
            }),
        }
    }

    /// The files of the training and the test images, as candle-datasets reads them.
    pub fn files(&self) -> [String; 2] {
        ["train", "test"].map(|part| format!("{}/{part}/0000.parquet", self.name))
    }

    /// The name of the set's folder in the cache.
    pub fn folder(&self) -> String {
        format!("datasets--{}--{}", self.owner, self.name)
    }

    /// The set's files in the cache if both are there, so that no download is needed.
    pub fn paths(&self, cache: &Path) -> Option<[PathBuf; 2]> {
        let folder = cache.join(self.folder());
        let commit = fs::read_to_string(folder.join("refs").join(REVISION)).ok()?;
        let snapshot = folder.join("snapshots").join(commit.trim());
        let paths = self.files().map(|file| snapshot.join(file));
        paths.iter().all(|path| path.exists()).then_some(paths)
    }

    /// Whether both files are in the cache.
    pub fn is_complete(&self, cache: &Path) -> bool {
        self.paths(cache).is_some()
    }

    /// Removes files from the cache: the links that name them and the files that the links point to.
    pub fn discard(&self, cache: &Path, paths: &[PathBuf]) {
        let blobs = cache.join(self.folder()).join("blobs").canonicalize();
        for path in paths {
            let blob = path.canonicalize();
            // A file that cannot be removed stays, and the next check rejects it again.
            let _ = fs::remove_file(path);
            if let (Ok(blobs), Ok(blob)) = (&blobs, blob)
                && blob.starts_with(blobs)
            {
                let _ = fs::remove_file(blob);
            }
        }
    }
}

/// The folder of all downloads of the hub client (the rules of `huggingface_hub`).
pub fn folder() -> PathBuf {
    let variable = |name| env::var(name).ok().map(PathBuf::from);
    variable("HF_HUB_CACHE")
        .or_else(|| variable("HUGGINGFACE_HUB_CACHE"))
        .or_else(|| Some(variable("HF_HOME")?.join("hub")))
        .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("huggingface/hub")))
        .unwrap_or_else(|| {
            let home = variable("HOME").unwrap_or_else(|| "/tmp".into());
            home.join(".cache/huggingface/hub")
        })
}
