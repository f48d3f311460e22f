//! Writing and reading checkpoint files.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Seek};
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use toml::Table;

use super::digest::{BLANK, digest};
use super::{Checkpoint, FORMAT, Progress};
use crate::data::python::excerpt;
use crate::device::{scalar, to_host};
use crate::file;
use crate::open::open;
use crate::recipe::{Recipe, from_table};
use crate::tensor_file::read_header;
use crate::{Error, Result};

/// The only metadata entry; several entries would be written in random order.
const ENTRY: &str = "autoencode";
/// The prefix of the optimiser's state, which resuming needs, beside the weights.
const OPTIMIZER: &str = "optimizer.";
/// The prefix of the density of the codes.
const SAMPLING: &str = "sampling.";

#[derive(Serialize, Deserialize)]
struct Metadata {
    /// First, so that it can be found without parsing.
    sha256: String,
    format: u32,
    recipe: Recipe,
    data: String,
    progress: Progress,
}

impl Checkpoint {
    /// The bytes of the file, equal for equal checkpoints on every machine.
    ///
    /// # Errors
    /// If a tensor cannot be read from its device.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let metadata = Metadata {
            sha256: BLANK.to_string(),
            format: FORMAT,
            recipe: self.recipe.clone(),
            data: self.data.clone(),
            progress: self.progress.clone(),
        };
        let metadata = serde_json::to_string(&metadata).map_err(|e| {
            Error::argument("checkpoint", "finite numbers, and registered functions", e)
        })?;
        let tensors = self.trained().chain(under(SAMPLING, &self.sampling));
        let metadata = HashMap::from([(ENTRY.to_string(), metadata)]);
        let mut bytes =
            safetensors::serialize(tensors, Some(metadata)).map_err(candle_core::Error::from)?;
        if let Some((hex, digits)) = digest(&bytes)
            && let Some(place) = bytes.get_mut(digits)
        {
            place.copy_from_slice(hex.as_bytes());
        }
        Ok(bytes)
    }

    /// Writes the file so that `path` always holds either the whole old file or the whole new one: a
    /// temporary file in the same folder is written, synchronised, read back and renamed over the old one,
    /// and then the folder is synchronised.
    ///
    /// # Errors
    /// If the folder cannot be written to, or the bytes read back differ from those written.
    pub fn write(&self, path: &Path) -> Result<()> {
        file::replace_durably(path, &self.to_bytes()?, None)
    }

    /// Like [`Checkpoint::write`], but keeps the old file as `previous`, in case the new one is damaged
    /// later. A kill between the two renamings leaves only `previous`, whole.
    ///
    /// # Errors
    /// As [`Checkpoint::write`].
    pub fn write_keeping(&self, path: &Path, previous: &Path) -> Result<()> {
        file::replace_durably(path, &self.to_bytes()?, Some(previous))
    }

    /// The first tensor with a value that is not finite, and the sum of its values, which is not finite
    /// either.
    ///
    /// # Errors
    /// If a tensor cannot be read from its device.
    pub fn not_finite(&self) -> Result<Option<(String, f64)>> {
        for (name, tensor) in self.trained() {
            // f64 holds the sum of any number of finite f32; a value that is not finite makes every sum
            // so.
            let sum = scalar(&to_host(tensor)?.to_dtype(DType::F64)?.sum_all()?)?;
            if !sum.is_finite() {
                return Ok(Some((name, sum)));
            }
        }
        Ok(None)
    }

    /// The weights and the optimiser's state, named as in the file.
    fn trained(&self) -> impl Iterator<Item = (String, &Tensor)> {
        under("", &self.weights).chain(under(OPTIMIZER, &self.optimizer))
    }

    /// Reads and verifies a file.
    ///
    /// # Errors
    /// If it cannot be read, is no checkpoint of this program, is of a newer format, or was changed
    /// after it was written.
    pub fn read(path: &Path) -> Result<Self> {
        let io = |source| Error::io("read", path, source);
        let (mut file, length) = open(path)?;
        // Check the header before reading the rest: a file may be far longer than any checkpoint.
        read_header(path, &mut file, length).map_err(not_a_checkpoint)?;
        file.rewind().map_err(io)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        Self::from_bytes(&bytes, path)
    }

    /// Like [`Checkpoint::read`], from memory; `origin` names the checkpoint in errors.
    ///
    /// # Errors
    /// As [`Checkpoint::read`].
    pub fn from_bytes(bytes: &[u8], origin: &Path) -> Result<Self> {
        let broken = |found: String| Error::damaged(origin, "a safetensors checkpoint", found);
        let mut input = bytes;
        let header =
            read_header(origin, &mut input, bytes.len() as u64).map_err(not_a_checkpoint)?;
        let entries = header.metadata.metadata().as_ref();
        let entry = entries
            .and_then(|entries| entries.get(ENTRY))
            .ok_or_else(|| {
                let found = format!("a safetensors file without its `{ENTRY}` metadata");
                not_a_checkpoint(Error::file(
                    origin,
                    "a checkpoint written by autoencode",
                    found,
                ))
            })?;
        // The entries that every format has, to tell a newer format from a damaged file.
        let json: Value = serde_json::from_str(entry)
            .map_err(|_| broken("metadata that is no JSON, or is nested too deeply".to_string()))?;
        let format = json.get("format").and_then(Value::as_u64);
        let format = format.and_then(|format| u32::try_from(format).ok());
        let found =
            format.ok_or_else(|| broken("metadata without the number of a format".to_string()))?;
        if found > FORMAT {
            return Err(Error::NewerFormat {
                path: origin.to_path_buf(),
                known: FORMAT,
                found,
            });
        }
        let (digest, _) = digest(bytes).ok_or_else(|| broken("no digest".to_string()))?;
        let expected = json.get("sha256").and_then(Value::as_str);
        let expected = expected.unwrap_or_default();
        if digest != expected {
            return Err(Error::damaged(
                origin,
                format!("content with SHA-256 {expected}, as it was written"),
                format!("{digest}: the file was damaged or changed"),
            ));
        }
        let metadata: Metadata =
            serde_json::from_str(entry).map_err(|_| unknown(json).inside(origin))?;
        let validity = metadata.recipe.validate();
        validity.map_err(|error| error.inside(origin))?;
        let tensors = SafeTensors::deserialize(bytes).map_err(|error| broken(error.to_string()))?;
        let mut weights = BTreeMap::new();
        let mut optimizer = BTreeMap::new();
        let mut sampling = BTreeMap::new();
        for (name, view) in tensors.iter() {
            let tensor = tensor(&view)
                .map_err(|found| broken(format!("`{}` {found}", excerpt(name.as_bytes()))))?;
            if let Some(name) = name.strip_prefix(OPTIMIZER) {
                optimizer.insert(name.to_string(), tensor);
            } else if let Some(name) = name.strip_prefix(SAMPLING) {
                sampling.insert(name.to_string(), tensor);
            } else {
                weights.insert(name.to_string(), tensor);
            }
        }
        Ok(Self {
            recipe: metadata.recipe,
            data: metadata.data,
            progress: metadata.progress,
            weights,
            optimizer,
            sampling,
        })
    }
}

/// What of the metadata cannot be read in a file that is as it was written: a part that this process does not know.
fn unknown(metadata: Value) -> Error {
    let known = "known to this program (a program's own parts, once registered)";
    let table = Table::try_from(without_nulls(metadata)).unwrap_or_default();
    match from_table::<Metadata>(&table) {
        Err(Error::Recipe {
            key,
            expected,
            found,
        }) => match key.strip_prefix("recipe.") {
            Some(key) => Error::recipe(key, format!("{expected}, {known}"), found),
            None => Error::argument(format!("metadata key `{key}`"), expected, found),
        },
        _ => Error::argument("metadata", format!("values {known}"), "others"),
    }
}

/// JSON as TOML can hold it, where a key without a value is left out.
fn without_nulls(json: Value) -> Value {
    match json {
        Value::Object(entries) => {
            let some = entries.into_iter().filter(|(_, value)| !value.is_null());
            some.map(|(key, value)| (key, without_nulls(value)))
                .collect()
        }
        other => other,
    }
}

/// A file of another kind than a checkpoint.
fn not_a_checkpoint(error: Error) -> Error {
    match error {
        Error::File {
            path,
            expected,
            found,
        } => Error::NotACheckpoint {
            path,
            expected,
            found,
        },
        other => other,
    }
}

/// The tensors with a prefix before their names.
fn under<'a>(
    prefix: &'a str,
    tensors: &'a BTreeMap<String, Tensor>,
) -> impl Iterator<Item = (String, &'a Tensor)> {
    tensors
        .iter()
        .map(move |(name, tensor)| (format!("{prefix}{name}"), tensor))
}

/// A tensor of a file. candle reads some other types that it cannot write again, and its size computation
/// may overflow for an empty tensor.
fn tensor(view: &TensorView<'_>) -> Result<Tensor, String> {
    use Dtype::{BF16, F16, F32, F64, I64, U8, U32};
    use candle_core::safetensors::Load;
    if !matches!(view.dtype(), U8 | U32 | I64 | BF16 | F16 | F32 | F64) {
        return Err(format!("of type {:?}", view.dtype()));
    }
    if view.shape().contains(&0) {
        return Err(format!("of shape {:?}, without values", view.shape()));
    }
    view.load(&Device::Cpu).map_err(|error| error.to_string())
}
