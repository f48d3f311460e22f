//! Hubs that are slow, or fall silent.

use std::sync::Arc;
use std::time::Duration;

use autoencode::recipe::NamedSet;

use super::common::contains;
use super::program::{FILES, Place, SILENCE, nobody};
use super::server::{Answer, Server};

#[test]
fn a_silent_hub_is_given_up() {
    let server = Server::start(|_| None);
    let (text, time) = Place::new(server.port).ask("mnist");
    contains(&text, &["nothing received for 1 second)"]);
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
    let (text, time) = place.ask("mnist");
    contains(&text, &["nothing received for 1 second)"]);
    assert!(time < Duration::from_secs(30), "{time:?}");
    // What came is not taken for the file.
    let (text, _) = place.with(nobody()).ask("mnist offline");
    contains(&text, &["holds no MNIST", "--offline"]);
}

/// Both sets come slowly, for longer than the limit, and are kept beside each other: afterwards no
/// server is needed.
#[test]
fn slow_downloads_are_waited_for_and_kept() {
    let slow = || {
        let server = Server::start(|request| {
            let body = if request.train {
                &FILES.train
            } else {
                &FILES.test
            };
            let mut answer = Answer::file(body, request, 'a');
            answer.pause = SILENCE / 4;
            Some(answer)
        });
        server.port
    };
    let mut place = Place::new(slow());
    for (case, set) in [
        ("mnist", NamedSet::Mnist),
        ("fashion-mnist", NamedSet::FashionMnist),
    ] {
        place = place.with(slow());
        let (text, time) = place.ask(case);
        contains(
            &text,
            &["downloads: true", "as served: true", "downloads: false"],
        );
        assert!(time > SILENCE * 3, "{time:?}");
        assert!(place.cached(set).is_dir());
        place = place.with(nobody());
        contains(&place.ask(case).0, &["as served: true"]);
    }
}
