//! Numbers for people.

/// A number as people write it: 60,000.
pub fn grouped(number: impl ToString) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join(",")
}

/// A number and its noun, which ends in s unless it is 1: `1 epoch`, `60,000 images`.
pub fn counted(count: impl ToString, plural: &str) -> String {
    match grouped(count).as_str() {
        "1" => format!("1 {}", plural.strip_suffix('s').unwrap_or(plural)),
        count => format!("{count} {plural}"),
    }
}
