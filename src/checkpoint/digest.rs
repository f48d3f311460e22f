//! The digest of a checkpoint, stored in the checkpoint itself.

use sha2::{Digest, Sha256};

/// The placeholder for the digest's digits, 64 zeros.
pub(super) const BLANK: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The start of the digest inside the header: a JSON string within a JSON string. It is the first entry
/// of the header's first item, so no text of a recipe can come before it.
const MARK: &[u8] = br#"\"sha256\":\""#;

/// SHA-256 of the whole file with the digest's own digits replaced by zeros, in hexadecimal.
pub(super) fn digest(file: &[u8], digits: &std::ops::Range<usize>) -> String {
    let before = file.get(..digits.start).unwrap_or_default();
    let after = file.get(digits.end..).unwrap_or_default();
    let mut hasher = Sha256::new();
    hasher.update(before);
    hasher.update(BLANK.as_bytes());
    hasher.update(after);
    hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The position of the digits in the file.
pub(super) fn locate(file: &[u8]) -> Option<std::ops::Range<usize>> {
    let header = usize::try_from(u64::from_le_bytes(*file.first_chunk()?)).ok()?;
    let header = file.get(8..header.checked_add(8)?)?;
    let mark = header.windows(MARK.len()).position(|bytes| bytes == MARK)?;
    let start = 8 + mark + MARK.len();
    let digits = start..start + BLANK.len();
    file.get(digits.clone())?;
    Some(digits)
}
