//! The threads that share the work.

use std::io;
use std::sync::mpsc::{self, Sender};
use std::thread;

use anyhow::{Context, Result};
use rayon::{ThreadBuilder, ThreadPoolBuilder};

use super::shared::Shared;

/// Threads that commands start besides: to load data, and to download it.
const OTHERS: usize = 2;

/// Starts the program's thread pool. If the system refuses some of the threads, half of the others do the work, which
/// leaves threads and memory for everything else.
///
/// # Errors
/// If it refuses the first.
pub fn start(shared: &Shared) -> Result<()> {
    let wanted = shared.threads();
    let mut waiting = Vec::new();
    while waiting.len() < wanted + OTHERS {
        match waiting_thread() {
            Ok(thread) => waiting.push(thread),
            Err(error) if waiting.is_empty() => {
                let remedy = "raise the limit on processes (ulimit -u) or memory (ulimit -v)";
                return Err(error).context(format!("no thread can start: {remedy}"));
            }
            Err(error) => {
                let started = waiting.len();
                waiting.truncate(started.div_ceil(2).min(wanted));
                let count = waiting.len();
                shared.note(format_args!(
                    "{count} of {wanted} threads do the work: only {started} can start, and some must be left ({error})"
                ));
                break;
            }
        }
    }
    waiting.truncate(wanted);
    let count = waiting.len();
    // SAFETY: the other threads only wait. candle takes the number from here; without it, it reads /proc/cpuinfo
    // again for every matrix product.
    unsafe { std::env::set_var("CANDLE_NUM_THREADS", count.to_string()) };
    ThreadPoolBuilder::new()
        .num_threads(count)
        .spawn_handler(|worker| {
            let thread = waiting.pop();
            let sent = thread.and_then(|thread| thread.send(worker).ok());
            sent.ok_or(io::ErrorKind::BrokenPipe.into())
        })
        .build_global()
        .context("the threads cannot start")
}

/// A running thread that waits for its part in the pool: rayon has no second try after one that started too few.
fn waiting_thread() -> io::Result<Sender<ThreadBuilder>> {
    let (sender, receiver) = mpsc::channel::<ThreadBuilder>();
    let (starting, started) = mpsc::channel::<()>();
    thread::Builder::new().spawn(move || {
        drop(starting);
        if let Ok(worker) = receiver.recv() {
            worker.run();
        }
    })?;
    // Until the thread runs, it may lack the memory to begin.
    let _ = started.recv();
    Ok(sender)
}
