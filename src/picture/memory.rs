//! The memory of pictures that are being read. A photograph takes a thousand times the memory of a network's
//! input, and every thread may read one.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};

use super::format::PictureHeader;
use crate::device::free_memory;
use crate::{Error, Result};

/// Bytes for the pictures that are read at the same time, if no other number is set.
const USUAL: u64 = 1 << 30;
/// A picture of at most these bytes is read at once: to ask the system for its free memory takes longer than to read
/// a digit.
const SMALL: u64 = 1 << 20;
/// Bytes that are taken to be free where the system does not say.
const UNKNOWN: u64 = 4 << 30;

/// The number of [`set_picture_memory`]; 0 if none is set.
static SET: AtomicU64 = AtomicU64::new(0);
/// Bytes that the pictures read now have reserved.
static RESERVED: Mutex<u64> = Mutex::new(0);
static RETURNED: Condvar = Condvar::new();

/// Sets how many bytes the pictures that are read at the same time may take, and so also the most for one. Without
/// this, all of them take at most 1 GiB, or half of the memory that is free if that is less; a picture that needs
/// more is read alone if half of the free memory suffices.
pub fn set_picture_memory(bytes: u64) {
    SET.store(bytes.max(1), Ordering::Relaxed);
}

/// The memory of one picture that is being read; dropping it lets the next picture begin.
pub(super) struct Reserved(u64);

impl Reserved {
    /// Waits until there is room for reading a picture with `channels` planes from a file of `length` bytes, and for
    /// `more` bytes of work on it.
    ///
    /// Who waits may be a thread of a pool. So whoever holds a reservation must not wait for such a pool.
    ///
    /// # Errors
    /// If the picture needs more than there is for one.
    pub fn wait(
        path: &Path,
        header: &PictureHeader,
        channels: usize,
        length: u64,
        more: u64,
    ) -> Result<Self> {
        // Values are four bytes each. Beside them lie the file and its samples while it is decoded, of at most four
        // channels; after that, one more plane.
        let sample = u64::from(header.bits.div_ceil(8)).max(1);
        let samples = if header.colour { 4 } else { 2 } * sample;
        let pixels = (header.height as u64).saturating_mul(header.width as u64);
        let each = 4 * channels as u64 + samples.max(4);
        let bytes = pixels.saturating_mul(each);
        let bytes = bytes.saturating_add(length).saturating_add(more);

        let (all, one, why) = match SET.load(Ordering::Relaxed) {
            0 if bytes <= SMALL => (u64::MAX, u64::MAX, ""),
            0 => of_free_memory(),
            set => (set, set, "the limit that is set"),
        };
        if bytes > one {
            let expected = format!(
                "a picture that can be read in {} MiB, {why} (--picture-memory MIB raises this)",
                one >> 20
            );
            let found = format!(
                "{} x {} pixels, which need {} MiB",
                header.width,
                header.height,
                bytes.div_ceil(1 << 20)
            );
            return Err(Error::file(path, expected, found));
        }
        let reserved = RESERVED.lock().unwrap_or_else(PoisonError::into_inner);
        let has_no_room =
            |reserved: &mut u64| *reserved > 0 && reserved.saturating_add(bytes) > all;
        let mut reserved = RETURNED
            .wait_while(reserved, has_no_room)
            .unwrap_or_else(PoisonError::into_inner);
        *reserved += bytes;
        Ok(Self(bytes))
    }

    pub fn bytes(&self) -> u64 {
        self.0
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        *RESERVED.lock().unwrap_or_else(PoisonError::into_inner) -= self.0;
        RETURNED.notify_all();
    }
}

/// The most bytes for all pictures, and for one of them, and the reason for the latter.
fn of_free_memory() -> (u64, u64, &'static str) {
    static HALF: OnceLock<u64> = OnceLock::new();
    let half = *HALF.get_or_init(|| free_memory().unwrap_or(UNKNOWN) / 2);
    (half.min(USUAL), half, "half of the free memory")
}
