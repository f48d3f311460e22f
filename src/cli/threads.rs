//! The threads that share the work.

use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
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
    let mut last: Option<Receiver<()>> = None;
    while waiting.len() < wanted + OTHERS {
        let next = waiting_thread();
        // Until a thread runs, it may lack the memory to begin. While one begins, the next is made.
        if let Some(started) = last.take() {
            let _ = started.recv();
        }
        match next {
            Ok((thread, started)) => {
                waiting.push(thread);
                last = Some(started);
            }
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

/// A thread that waits for its part in the pool, and what ends when it runs. rayon has no second try after one that
/// started too few.
fn waiting_thread() -> io::Result<(Sender<ThreadBuilder>, Receiver<()>)> {
    let (sender, receiver) = mpsc::channel::<ThreadBuilder>();
    let (starting, started) = mpsc::channel::<()>();
    thread::Builder::new().spawn(move || {
        drop(starting);
        if let Ok(worker) = receiver.recv() {
            worker.run();
        }
    })?;
    Ok((sender, started))
}
