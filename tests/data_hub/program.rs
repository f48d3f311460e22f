//! Running the program, or a piece of the library, against a server.
//!
//! The hub client takes its endpoint and cache folder from the environment, so the library is asked in a
//! process of its own: this test program again, with the one test [`child`].

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use autoencode::data::{Images, hub};
use autoencode::recipe::NamedSet;
use tempfile::TempDir;

use super::common::{autoencode_command, sample};
use super::parquet_file::{Rows, source};
use super::server::Request;

/// A token that nobody may see but the server.
pub const TOKEN: &str = "hf_notForTheScreen";
pub const TRAIN: usize = 60_000;
pub const TEST: usize = 10_000;

/// The files of a hub whose MNIST is made of the built-in sample.
pub struct Files {
    pub rows: Rows,
    pub train: Arc<Vec<u8>>,
    pub test: Arc<Vec<u8>>,
}

impl Files {
    /// The one that is asked for.
    pub fn asked(&self, request: &Request) -> &Arc<Vec<u8>> {
        match request.train {
            true => &self.train,
            false => &self.test,
        }
    }
}

pub static FILES: LazyLock<Files> = LazyLock::new(|| {
    let sample = sample();
    let rows = Rows::of(&sample.train, TRAIN);
    Files {
        train: Arc::new(rows.file()),
        test: Arc::new(Rows::of(&sample.test, TEST).file()),
        rows,
    }
});

/// A folder for a run and the hub client's cache, and where the hub is.
pub struct Place {
    folder: TempDir,
    pub endpoint: String,
}

impl Place {
    pub fn new(port: u16) -> Self {
        Self {
            folder: TempDir::new().unwrap(),
            endpoint: endpoint(port),
        }
    }

    /// The same folder with another hub.
    pub fn with(mut self, port: u16) -> Self {
        self.endpoint = endpoint(port);
        self
    }

    /// What the client keeps of a set.
    pub fn cached(&self, set: NamedSet) -> PathBuf {
        self.cache().join(match set {
            NamedSet::Mnist => "datasets--ylecun--mnist",
            NamedSet::FashionMnist => "datasets--zalando-datasets--fashion_mnist",
            NamedSet::Sample => panic!("the sample is not of the hub"),
        })
    }

    pub fn cache(&self) -> PathBuf {
        self.folder.path().join("hf/hub")
    }

    /// The short training of a network on a set, anew.
    pub fn train(&self, set: NamedSet, more: &[&str]) -> Output {
        self.train_with(set, more, &[])
    }

    /// The same with more in the environment.
    pub fn train_with(&self, set: NamedSet, more: &[&str], variables: &[(&str, &str)]) -> Output {
        let run = self.folder.path().join("runs");
        if run.exists() {
            fs::remove_dir_all(run).unwrap();
        }
        let mut command = self.command();
        command.args(more).envs(variables.iter().copied());
        if set == NamedSet::FashionMnist {
            command.args(["--data", "fashion-mnist"]);
        }
        assert_cmd::Command::from_std(command)
            .timeout(Duration::from_secs(120))
            .output()
            .unwrap()
    }

    /// The short training of a network on MNIST.
    pub fn command(&self) -> Command {
        let mut command = autoencode_command();
        command
            .current_dir(self.folder.path())
            .args(["train", "dense-32", "--epochs=1", "--batch-size=2000"])
            .args(["--set", "data.classes=[4]"])
            .env("HF_HOME", self.folder.path().join("hf"))
            .env("HF_ENDPOINT", &self.endpoint)
            .env("HF_TOKEN", TOKEN)
            .env("NO_PROXY", "127.0.0.1")
            .env_remove("HF_HUB_OFFLINE");
        command
    }

    /// How many runs there are.
    pub fn runs(&self) -> usize {
        fs::read_dir(self.folder.path().join("runs")).map_or(0, Iterator::count)
    }

    /// What the library says in a process of its own, with as much time as a busy machine may need.
    pub fn ask(&self, case: &str) -> String {
        self.ask_within(case, Duration::from_secs(60))
    }

    /// The same with a network that may say nothing for `silence`.
    pub fn ask_within(&self, case: &str, silence: Duration) -> String {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "--nocapture", "program::child"])
            .env("CASE", case)
            .env("SILENCE", silence.as_secs().to_string())
            .env("HF_HOME", self.folder.path().join("hf"))
            .env("HF_ENDPOINT", &self.endpoint)
            .env("NO_PROXY", "127.0.0.1")
            .env_remove("HF_HUB_OFFLINE")
            .env_remove("HF_HUB_CACHE")
            .env_remove("HUGGINGFACE_HUB_CACHE")
            .output()
            .unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!text.contains("panicked"), "{text}");
        text
    }
}

fn endpoint(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// What the program says on standard error, without the progress of its epochs.
pub fn remarks(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let lines = text.split_inclusive('\n');
    lines.filter(|line| !line.starts_with("epoch ")).collect()
}

/// A port that refuses connections.
pub fn nobody() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Checks that a set of rows is what the hub of [`FILES`] has.
fn served(images: &Images, origin: &Images, count: usize) -> bool {
    images.len() == count
        && images.shape() == (1, 28, 28)
        && (0..count).all(|row| {
            let index = source(row, origin.len());
            images.image(row) == origin.image(index)
                && images.labels()[row] == origin.labels()[index]
        })
}

#[test]
#[ignore = "started by the other tests"]
fn child() {
    let case = std::env::var("CASE").unwrap_or_default();
    let (set, offline) = match case.as_str() {
        "mnist" => (NamedSet::Mnist, false),
        "fashion-mnist" => (NamedSet::FashionMnist, false),
        "mnist offline" => (NamedSet::Mnist, true),
        _ => return println!("no such case: {case}"),
    };
    let silence = std::env::var("SILENCE").unwrap().parse().unwrap();
    println!("downloads: {}", hub::downloads(set, offline));
    match hub::load(set, offline, Duration::from_secs(silence)) {
        Ok((train, test)) => {
            let sample = sample();
            let equal = served(&train, &sample.train, TRAIN) && served(&test, &sample.test, TEST);
            println!("as served: {equal}");
        }
        Err(reason) => println!("reason: {reason}"),
    }
    println!("downloads: {}", hub::downloads(set, offline));
}

/// The one path of those that stand at the end of a text, as the advice to delete it has it.
pub fn path_to_delete(text: &str) -> &Path {
    let (_, rest) = text.split_once("to download it again, delete ").unwrap();
    Path::new(rest.split_once(')').unwrap().0)
}
