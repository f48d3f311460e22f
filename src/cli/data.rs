//! `--data`: the images that a command uses.

use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal};
use std::path::Path;

use autoencode::Error;
use autoencode::data::{Source, hub};
use autoencode::recipe::{DataConfig, NamedSet};
use clap::Args;
use clap::builder::{PathBufValueParser, TypedValueParser};

use super::shared::Shared;
use super::wording::OFFLINE;

/// Which images to use.
#[derive(Debug, Args)]
pub struct Data {
    /// Images: the name of a set, or a path. The names are mnist and fashion-mnist, from the Hugging Face hub,
    /// and sample, 12,000 MNIST digits built into the program. A path is a folder of MNIST-style IDX files, a
    /// folder of pictures (its subfolders are classes), a NumPy .npz or .npy file, or, where nothing is
    /// trained, one picture. A name always means the set: for a folder called mnist, write ./mnist. Run folders in
    /// a folder of pictures are left out [default: the data that the checkpoint was trained on; for a new run
    /// the recipe's data.set, and sample if MNIST cannot be downloaded].
    #[arg(long, value_name = "SET|PATH", value_parser = source())]
    data: Option<Source>,

    #[arg(long, help = OFFLINE)]
    pub offline: bool,
}

/// Parses `--data`.
pub fn source() -> impl TypedValueParser<Value = Source> {
    PathBufValueParser::new().map(Source::named)
}

impl Data {
    /// The set given by name.
    pub fn set(&self) -> Option<NamedSet> {
        match self.data {
            Some(Source::Set(set)) => Some(set),
            _ => None,
        }
    }

    /// The flags that resuming needs: a run remembers its data.
    pub fn flags(&self) -> Vec<OsString> {
        let offline = self.offline.then(|| "--offline".into());
        offline.into_iter().collect()
    }

    /// Tells whether the user typed `--data`.
    pub fn is_given(&self) -> bool {
        self.data.is_some()
    }

    /// The data to load, else the default; announces a download, which may take long.
    pub fn source_or(
        &self,
        default: Source,
        config: &DataConfig,
        shared: &Shared,
    ) -> autoencode::Result<Source> {
        choose(self.data.as_ref(), default, config, self.offline, shared)
    }
}

/// The data of `--data`, else the default; announces a download, which may take long.
pub fn choose(
    data: Option<&Source>,
    default: Source,
    config: &DataConfig,
    offline: bool,
    shared: &Shared,
) -> autoencode::Result<Source> {
    if let Some(source) = data {
        if config.points.is_some() {
            let expected = "no data, as the recipe makes its own points (data.points)";
            return Err(Error::argument("--data", expected, typed(source).display()));
        }
        check(source, shared)?;
    }
    let source = data.cloned().unwrap_or(default);
    if let Source::Set(set) = source
        && hub::downloads(set, offline)
        && std::io::stderr().is_terminal()
    {
        let title = set.title();
        shared.remark(&format!(
            "getting {title} from the Hugging Face hub (--offline skips this)"
        ));
    }
    Ok(source)
}

/// `--data` as it was typed.
fn typed(source: &Source) -> &Path {
    match source {
        Source::Path(path) => path,
        Source::Set(set) => Path::new(set.name()),
        // No argument parses to points.
        Source::Points(_) => Path::new(""),
    }
}

/// Notes that a name means the set even if a path has that name; refuses a path that does not exist.
pub fn check(source: &Source, shared: &Shared) -> autoencode::Result<()> {
    match source {
        Source::Set(set) if Path::new(set.name()).exists() => {
            let (name, title) = (set.name(), set.title());
            shared.note(format_args!(
                "--data {name} is {title}; the path is --data ./{name}"
            ));
        }
        Source::Path(path) => {
            if let Err(error) = path.symlink_metadata()
                && error.kind() == ErrorKind::NotFound
            {
                let names = NamedSet::ALL.map(NamedSet::name).join(", ");
                let expected = format!("a path, or one of the sets {names}");
                let found = format!("`{}` ({error})", path.display());
                return Err(Error::argument("--data", expected, found));
            }
        }
        Source::Set(_) | Source::Points(_) => {}
    }
    Ok(())
}
