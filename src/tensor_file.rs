//! The header of a safetensors file, checked before its values are read.
//!
//! The format: 8 bytes with the header's length, little-endian; the header, a JSON object of the tensors'
//! types, shapes and offsets; their values without gaps.

use std::collections::HashSet;
use std::fmt;
use std::io::Read;
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::Metadata;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::data::python::excerpt;
use crate::error::listed;
use crate::number::counted;
use crate::{Error, Result};

/// The longest header that is accepted; that of a checkpoint with 256 layers has about 200,000 bytes.
const MAX_HEADER: u64 = 4 << 20;
/// The entry of a header that is no tensor.
const METADATA: &str = "__metadata__";
/// The most tensor names that an error lists.
const LISTED: usize = 8;

/// A header, and the offset of the first value.
pub(crate) struct Header {
    pub metadata: Metadata,
    pub start: u64,
}

/// Reads the header of a file of `length` bytes, which `origin` names in errors.
///
/// # Errors
/// If the header is invalid or, as [`Error::Damaged`], the file's length differs from the header's: tensors that overlap, gaps
/// between them, sizes beyond the file, and duplicate names are errors.
pub(crate) fn read_header(origin: &Path, input: &mut impl Read, length: u64) -> Result<Header> {
    let io = |source| Error::io("read", origin, source);
    let broken = |found: String| Error::file(origin, "a safetensors file", found);
    if length < 8 {
        return Err(broken(format!("one of {}", counted(length, "bytes"))));
    }
    let mut size = [0; 8];
    input.read_exact(&mut size).map_err(io)?;
    let size = u64::from_le_bytes(size);
    if size > MAX_HEADER || size > length - 8 {
        let found = format!("a header of {}", counted(size, "bytes"));
        return Err(broken(format!("{found} in {}", counted(length, "bytes"))));
    }
    let mut text = Vec::new();
    input.take(size).read_to_end(&mut text).map_err(io)?;
    let unreadable = |error| broken(problem(&text, &error));
    let names: Names = serde_json::from_slice(&text).map_err(unreadable)?;
    if let Some(twice) = names.twice {
        let name = excerpt(twice.as_bytes());
        return Err(broken(format!("a header in which `{name}` stands twice")));
    }
    // This checks that every tensor is as long as its shape says and directly follows the one before it.
    let metadata: Metadata = serde_json::from_slice(&text).map_err(unreadable)?;
    let start = size + 8;
    let promised = (metadata.data_len() as u64).saturating_add(start);
    if promised != length {
        return Err(Error::damaged(
            origin,
            format!("{}, as the header says", counted(promised, "bytes")),
            counted(length, "bytes"),
        ));
    }
    Ok(Header { metadata, start })
}

impl Header {
    /// The names of the tensors, shortened to one line.
    pub fn listing(&self) -> String {
        let names = self.metadata.offset_keys();
        if names.is_empty() {
            return "no tensors".to_string();
        }
        listed(
            names.iter().map(|name| excerpt(name.as_bytes())),
            LISTED,
            ", ",
        )
    }
}

/// What is wrong with a header, for which serde has words of Rust.
fn problem(text: &[u8], error: &serde_json::Error) -> String {
    let Ok(Value::Object(entries)) = serde_json::from_slice(text) else {
        return "a header that is no table in JSON".to_string();
    };
    for (name, entry) in &entries {
        if name == METADATA {
            let texts = entry.as_object().map(|entries| entries.values());
            if texts.is_none_or(|mut texts| !texts.all(Value::is_string)) {
                return format!("a header whose `{METADATA}` is no table of texts");
            }
            continue;
        }
        let name = excerpt(name.as_bytes());
        for key in ["dtype", "shape", "data_offsets"] {
            let is_sound = |value| match key {
                "dtype" => Dtype::deserialize(value).is_ok(),
                "shape" => Vec::<usize>::deserialize(value).is_ok(),
                _ => <(usize, usize)>::deserialize(value).is_ok(),
            };
            match entry.get(key) {
                None => return format!("a header that gives no `{key}` of `{name}`"),
                Some(value) if !is_sound(value) => {
                    // JSON escapes what could steer a terminal.
                    let value: String = value.to_string().chars().take(60).collect();
                    return format!("a header that gives {value} as `{key}` of `{name}`");
                }
                Some(_) => {}
            }
        }
    }
    // What safetensors says of entries that are sound in themselves.
    let reason = excerpt(error.to_string().as_bytes());
    format!("a header whose sizes do not fit together ({reason})")
}

/// The names in a JSON object, and in its object of metadata. A map would silently keep the last of duplicate
/// names, while other readers might keep the first.
struct Names {
    /// A name that stands twice.
    twice: Option<String>,
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Seen)
    }
}

struct Seen;

impl<'de> Visitor<'de> for Seen {
    type Value = Names;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
        let mut seen = HashSet::new();
        let mut twice = None;
        while let Some(name) = map.next_key::<String>()? {
            if name == METADATA {
                twice = twice.or(map.next_value::<Names>()?.twice);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            twice = twice.or(seen.replace(name));
        }
        Ok(Names { twice })
    }
}
