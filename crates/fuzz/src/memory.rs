//! How much memory this process has resident. Linux tells; elsewhere nobody is asked.

use std::fs;

/// How much more a target may have resident at the end than after its first inputs.
pub const GROWTH_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Bytes of a page. `/proc/self/statm` counts in these, and all systems that we test on have them.
const PAGE_BYTES: u64 = 4096;

pub(crate) fn resident_bytes() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * PAGE_BYTES)
}
