//! The digest of a checkpoint, stored in the checkpoint itself.

use std::ops::Range;

use sha2::{Digest, Sha256};

/// The placeholder for the digest's digits, 64 zeros.
pub(super) const BLANK: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The start of the digest inside the header: a JSON string within a JSON string. It is the first entry
/// of the header's first item, so no text of a recipe can come before it.
const MARK: &[u8] = br#"\"sha256\":\""#;

/// SHA-256 of the whole file with the digest's own digits replaced by zeros, in hexadecimal, and the
/// position of these digits; `None` for a file without them.
pub(super) fn digest(file: &[u8]) -> Option<(String, Range<usize>)> {
    let header = usize::try_from(u64::from_le_bytes(*file.first_chunk()?)).ok()?;
    let header = file.get(8..header.checked_add(8)?)?;
    let mark = header.windows(MARK.len()).position(|bytes| bytes == MARK)?;
    let start = 8 + mark + MARK.len();
    let digits = start..start + BLANK.len();
    let mut hasher = Sha256::new();
    hasher.update(file.get(..digits.start)?);
    hasher.update(BLANK.as_bytes());
    hasher.update(file.get(digits.end..)?);
    let digest = hasher.finalize();
    let hex = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Some((hex, digits))
}
