//! The memory that this process can still get.

use std::fs;

/// Bytes that are free: for the machine, for the control group that the process runs in, and under the limit on
/// its address space, whichever has least. None where the system does not say.
pub(crate) fn free_memory() -> Option<u64> {
    let machine = in_kib("/proc/meminfo", "MemAvailable:");
    // A container sees its own group as the root.
    let group = number("/sys/fs/cgroup/memory.max");
    let group = group.or_else(|| number("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
    let limit = after("/proc/self/limits", "Max address space").and_then(|text| first(&text));
    let used = in_kib("/proc/self/status", "VmSize:").unwrap_or(0);
    let address_space = limit.map(|limit| limit.saturating_sub(used));
    [machine, group, address_space].into_iter().flatten().min()
}

fn number(path: &str) -> Option<u64> {
    first(&fs::read_to_string(path).ok()?)
}

fn in_kib(path: &str, key: &str) -> Option<u64> {
    first(&after(path, key)?)?.checked_mul(1024)
}

/// The rest of the line that begins with a key.
fn after(path: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines()
        .find_map(|line| line.strip_prefix(key))
        .map(str::to_string)
}

/// The first word, if it is a number.
fn first(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}
