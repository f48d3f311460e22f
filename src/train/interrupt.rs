//! Ctrl-C and SIGTERM: the first requests a stop, the second stops at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::{Error, Result};

/// Remembers a signal until the current step is finished.
#[derive(Debug, Clone)]
pub struct Interrupt {
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// Handles both signals for the rest of the process.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn install() -> Result<Self> {
        let signal = Arc::new(AtomicUsize::new(0));
        let armed = Arc::new(AtomicBool::new(false));
        for number in [SIGINT, SIGTERM] {
            // The order matters: a second signal must find the shutdown that the first one armed.
            flag::register_conditional_shutdown(number, 128 + number, Arc::clone(&armed))
                .and_then(|_| flag::register(number, Arc::clone(&armed)))
                .and_then(|_| {
                    flag::register_usize(
                        number,
                        Arc::clone(&signal),
                        number.unsigned_abs() as usize,
                    )
                })
                .map_err(|source| Error::io("handle signals of", "this process", source))?;
        }
        Ok(Self { signal })
    }

    /// Whether a stop was requested.
    pub fn requested(&self) -> bool {
        self.signal.load(Ordering::Relaxed) != 0
    }

    /// The exit code of a process that a signal stopped: 130 for SIGINT, 143 for SIGTERM.
    pub fn exit_code(&self) -> u8 {
        u8::try_from(128 + self.signal.load(Ordering::Relaxed)).unwrap_or(1)
    }
}
