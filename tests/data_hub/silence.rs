//! Hubs that are slow, or fall silent.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use autoencode::recipe::NamedSet;

use super::common::contains;
use super::program::{FILES, Place, nobody};
use super::server::{Answer, Server};

/// How long these hubs may say nothing.
const SILENCE: Duration = Duration::from_secs(2);

/// What the library says, and how long it took.
fn ask(place: &Place, case: &str) -> (String, Duration) {
    let start = Instant::now();
    (place.ask_within(case, SILENCE), start.elapsed())
}

#[test]
fn a_silent_hub_is_given_up() {
    let server = Server::start(|_| None);
    let (text, time) = ask(&Place::new(server.port), "mnist");
    contains(&text, &["nothing received for 2 seconds)"]);
    assert!(time >= SILENCE, "{time:?}");
    // Well before the server ends the connection.
    assert!(time < Duration::from_secs(30), "{time:?}");
}

/// Half of the file comes and then nothing more, on a connection that stays open. Where other programs
/// keep the network busy this is noticed later.
#[test]
fn a_hub_that_falls_silent_is_given_up() {
    let half = Arc::new(FILES.train[..FILES.train.len() / 2].to_vec());
    let server = Server::start(move |request| {
        let mut answer = Answer::file(&half, request, 'a');
        answer.announced = Some(FILES.train.len());
        answer.pause = SILENCE / 10;
        answer.stalls = true;
        Some(answer)
    });
    let place = Place::new(server.port);
    let (text, time) = ask(&place, "mnist");
    contains(&text, &["nothing received for 2 seconds)"]);
    assert!(time < Duration::from_secs(30), "{time:?}");
    // What came is not taken for the file.
    let text = place.with(nobody()).ask("mnist offline");
    contains(&text, &["holds no MNIST", "--offline"]);
}

/// The training files of both sets come slowly, for longer than the limit, and are kept beside each other:
/// afterwards no server is needed.
#[test]
fn slow_downloads_are_waited_for_and_kept() {
    let files = &*FILES;
    let server = Server::start(|request| {
        let mut answer = Answer::file(files.asked(request), request, 'a');
        if request.train {
            answer.pause = SILENCE / 5;
        }
        Some(answer)
    });
    let place = Place::new(server.port);
    for (case, set) in [
        ("mnist", NamedSet::Mnist),
        ("fashion-mnist", NamedSet::FashionMnist),
    ] {
        let (text, time) = ask(&place, case);
        contains(
            &text,
            &["downloads: true", "as served: true", "downloads: false"],
        );
        assert!(time > SILENCE, "{time:?}");
        assert!(place.cached(set).is_dir());
    }
    contains(&place.with(nobody()).ask("mnist"), &["as served: true"]);
}

/// Nobody has to wait for a hub that says nothing, and no empty run is left.
#[cfg(unix)]
#[test]
fn a_signal_ends_a_download() {
    let server = Server::start(|_| None);
    let place = Place::new(server.port);
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let asked = server.requests().len();
        let mut command = place.command();
        let child = command.stderr(Stdio::piped()).spawn().unwrap();
        let start = Instant::now();
        while server.requests().len() == asked {
            assert!(start.elapsed() < Duration::from_secs(60), "asks nobody");
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(place.runs(), 1);
        let id = child.id().to_string();
        let kill = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(kill.unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        contains(&said, &["stopped before the data was loaded"]);
        assert_eq!(place.runs(), 0);
    }
}
