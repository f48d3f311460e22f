//! The download from the hub, against small servers on this machine.
//!
//! The hub client takes its endpoint and cache folder from the environment, so each case runs in a
//! process of its own: this test program again, with the one test `child`.
#![cfg(feature = "hub")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use autoencode::data::{self, Source, hub};
use autoencode::recipe::NamedSet;
use tempfile::TempDir;

/// A parquet file of the layout of the hub's MNIST: one row, whose image is the text "no image".
const PARQUET: &str = "\
    504152311500152415242c15021500150615061c000000020000000202080000006e6f20696d6167651500150c150c2c15021500\
    150615061c0000000200000002011500151c151c2c15021500150615061c00000002000000020103000000000000001504195c35\
    001806736368656d6115040035021805696d616765150400150c25021805627974657300150c250218047061746825004c1c0000\
    001504250218056c6162656c001602191c193c26001c150c19250600192805696d61676505627974657315001602164a164a2608\
    491c150015001502003c16101906193600000200000026001c150c19250600192805696d61676504706174681500160216321632\
    2652491c150015001502003c16001906193600020000000026001c1504192506001918056c6162656c1500160216421642268401\
    491c150015001502003c29061926000200000016be011602260816be01002820706172717565742d6370702d6172726f77207665\
    7273696f6e2032362e302e31193c1c00001c00001c0000002101000050415231";
/// How long the children wait on a silent network.
const SILENCE: Duration = Duration::from_secs(2);

/// What a child says, its panic messages or other noise, and how long it took.
struct Told {
    stdout: String,
    stderr: String,
    time: Duration,
}

/// Runs the child named `case` with a cache folder and an endpoint.
fn tell(case: &str, cache: &Path, port: u16) -> Told {
    let start = Instant::now();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "child"])
        .env("CASE", case)
        .env("HF_HOME", cache)
        .env("HF_ENDPOINT", format!("http://127.0.0.1:{port}"))
        .env("NO_PROXY", "127.0.0.1")
        .env_remove("HF_HUB_CACHE")
        .env_remove("HUGGINGFACE_HUB_CACHE")
        .output()
        .unwrap();
    Told {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        time: start.elapsed(),
    }
}

#[test]
#[ignore = "started by the other tests"]
fn child() {
    match std::env::var("CASE").as_deref() {
        Ok("download") => println!("RESULT {:?}", hub::load(NamedSet::Mnist, SILENCE).map(drop)),
        Ok("fashion") => println!(
            "RESULT {:?}",
            hub::load(NamedSet::FashionMnist, SILENCE).map(drop)
        ),
        Ok("data set") => {
            let data = data::load(&Source::Mnist, false).unwrap();
            println!(
                "RESULT {} {:?}",
                data.origin.is_sample(),
                data.origin.notice()
            );
        }
        other => println!("RESULT no such case: {other:?}"),
    }
}

/// How a server treats the download of a file.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// Takes connections and never answers.
    Silent,
    /// Sends the file in pieces with pauses, for longer than the limit.
    Slow,
    /// Announces the file, sends half of it and then nothing more.
    Stalling,
}

fn serve(manner: Manner) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream, manner));
        }
    });
    port
}

/// Answers one request; a client that has gone away is no matter.
fn answer(mut stream: TcpStream, manner: Manner) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let request = lines.next().unwrap().unwrap();
    let _ = lines.map_while(Result::ok).find(|line| line.is_empty());
    if manner == Manner::Silent {
        thread::sleep(Duration::from_secs(60));
        return;
    }
    let file = parquet();
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nETag: \"{}\"\r\nX-Repo-Commit: {}\r\nConnection: close\r\n\r\n",
        file.len(),
        if request.contains("/train/") {
            "train"
        } else {
            "test"
        },
        "0123456789".repeat(4)
    );
    if request.starts_with("HEAD") {
        return;
    }
    for piece in file.chunks(file.len() / 8 + 1) {
        let _ = stream.write_all(piece);
        if manner == Manner::Stalling {
            thread::sleep(Duration::from_secs(60));
        }
        thread::sleep(SILENCE / 4);
    }
}

fn parquet() -> Vec<u8> {
    let digits: Vec<u8> = PARQUET.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn a_hub_that_refuses_gives_the_sample_with_a_notice() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let told = tell("data set", TempDir::new().unwrap().path(), port);
    assert!(told.time < Duration::from_secs(15), "{:?}", told.time);
    for part in [
        "RESULT true",
        "built-in sample",
        &port.to_string(),
        "--data DIR",
    ] {
        assert!(told.stdout.contains(part), "{} lacks {part}", told.stdout);
    }
}

#[test]
fn a_silent_hub_is_given_up() {
    let told = tell(
        "download",
        TempDir::new().unwrap().path(),
        serve(Manner::Silent),
    );
    assert!(
        told.stdout.contains("nothing received for 2 seconds"),
        "{}",
        told.stdout
    );
    assert!(told.time >= SILENCE, "{:?}", told.time);
    assert!(told.time < SILENCE * 5, "{:?}", told.time);
}

#[test]
fn a_hub_that_falls_silent_is_given_up() {
    let told = tell(
        "download",
        TempDir::new().unwrap().path(),
        serve(Manner::Stalling),
    );
    assert!(
        told.stdout.contains("nothing received for 2 seconds"),
        "{}",
        told.stdout
    );
    // Where other programs keep the network busy the silence is noticed later.
    assert!(told.time < SILENCE * 15, "{:?}", told.time);
}

/// Fashion-MNIST is watched in its own folder of the cache, whatever that of MNIST holds.
#[test]
fn fashion_mnist_is_downloaded_and_kept_beside_mnist() {
    let cache = TempDir::new().unwrap();
    for (case, title, folder) in [
        ("download", "MNIST", "datasets--ylecun--mnist"),
        (
            "fashion",
            "Fashion-MNIST",
            "datasets--zalando-datasets--fashion_mnist",
        ),
    ] {
        let told = tell(case, cache.path(), serve(Manner::Slow));
        assert!(told.time > SILENCE * 3, "{:?}", told.time);
        let said = format!("{title} from the Hugging Face hub cannot be decoded");
        let path = cache.path().join("hub").join(folder);
        assert!(path.is_dir(), "{}", path.display());
        for part in [said.as_str(), path.to_str().unwrap()] {
            assert!(told.stdout.contains(part), "{} lacks {part}", told.stdout);
        }
        let silent = tell(case, cache.path(), 1);
        assert!(silent.time < SILENCE, "{:?}", silent.time);
    }
}

/// A slow download is waited for and kept: the second time no server is needed. That its image cannot
/// be decoded, on which candle-datasets panics, is a reason without a panic message.
#[test]
fn a_slow_download_is_waited_for_and_its_images_are_checked() {
    let cache = TempDir::new().unwrap();
    let first = tell("download", cache.path(), serve(Manner::Slow));
    assert!(first.time > SILENCE * 3, "{:?}", first.time);
    let again = tell("download", cache.path(), 1);
    assert!(again.time < SILENCE, "{:?}", again.time);
    for told in [first, again] {
        assert!(
            told.stdout
                .contains("cannot be decoded (to download it again, delete "),
            "{}",
            told.stdout
        );
        assert!(!told.stderr.contains("panicked"), "{}", told.stderr);
    }
}
