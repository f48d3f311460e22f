//! The digest that a checkpoint carries of itself.

use sha2::{Digest, Sha256};

/// The digits that stand where the digest will, 64 zeros.
pub(super) const BLANK: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// How the digest begins inside the header: a JSON string within a JSON string. It is the first
/// entry of the first item of the header, so nothing that a recipe says can stand before it.
const MARK: &[u8] = br#"\"sha256\":\""#;

/// SHA-256 over the whole file, its own digits read as zeros, in hexadecimal.
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

/// Where the digits stand in the file.
pub(super) fn locate(file: &[u8]) -> Option<std::ops::Range<usize>> {
    let header = usize::try_from(u64::from_le_bytes(*file.first_chunk()?)).ok()?;
    let header = file.get(8..header.checked_add(8)?)?;
    let mark = header.windows(MARK.len()).position(|bytes| bytes == MARK)?;
    let start = 8 + mark + MARK.len();
    let digits = start..start + BLANK.len();
    file.get(digits.clone())?;
    Some(digits)
}
