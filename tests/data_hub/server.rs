//! A hub of a few lines on this machine.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    pub head: bool,
    /// Whether it is the training file, not the test file.
    pub train: bool,
    /// The token, if one is sent.
    pub token: Option<String>,
    /// The address that the client knows the server by.
    pub host: String,
    /// How many requests came before.
    pub number: usize,
}

/// An answer. HEAD gets it without the body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Such as `404 Not Found`.
    pub status: &'static str,
    pub headers: Vec<(&'static str, String)>,
    pub body: Arc<Vec<u8>>,
    /// The length that is announced, where that is not the body's.
    pub announced: Option<usize>,
    /// A pause after each eighth of the body.
    pub pause: Duration,
    /// Whether the connection stays open after the body.
    pub stalls: bool,
}

impl Answer {
    /// A file as the hub gives it. The file's ETag is its name, in a version of the repository.
    pub fn file(body: &Arc<Vec<u8>>, request: &Request, version: char) -> Self {
        let name = if request.train { "train" } else { "test" };
        Self {
            status: "200 OK",
            headers: vec![
                ("ETag", format!("\"{name}\"")),
                ("X-Repo-Commit", version.to_string().repeat(40)),
            ],
            body: body.clone(),
            announced: None,
            pause: Duration::ZERO,
            stalls: false,
        }
    }

    /// A refusal.
    pub fn status(status: &'static str) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", "text/html".to_string())],
            body: Arc::new(b"<html><body>no</body></html>".to_vec()),
            announced: None,
            pause: Duration::ZERO,
            stalls: false,
        }
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

/// A server that runs until the test program ends, and what it was asked.
pub struct Server {
    pub port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers requests; `None` is an answer that never comes.
    pub fn start(answer: impl Fn(&Request) -> Option<Answer> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (answer, seen) = (Arc::new(answer), requests.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, seen) = (answer.clone(), seen.clone());
                thread::spawn(move || serve(stream, &*answer, &seen));
            }
        });
        Self { port, requests }
    }

    /// A hub with two files.
    pub fn of(train: &Arc<Vec<u8>>, test: &Arc<Vec<u8>>) -> Self {
        let (train, test) = (train.clone(), test.clone());
        Self::start(move |request| {
            let body = if request.train { &train } else { &test };
            Some(Answer::file(body, request, 'a'))
        })
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

/// Answers one request; a client that has gone away is no matter.
fn serve(
    mut stream: TcpStream,
    answer: &dyn Fn(&Request) -> Option<Answer>,
    seen: &Mutex<Vec<Request>>,
) {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let lines: Vec<String> = lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .collect();
    let Some(first) = lines.first() else { return };
    let header = |name: &str| {
        let mut fields = lines.iter().filter_map(|line| line.split_once(": "));
        Some(fields.find(|field| field.0.eq_ignore_ascii_case(name))?.1)
    };
    let token = header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let request = {
        let mut seen = seen.lock().unwrap();
        let request = Request {
            head: first.starts_with("HEAD"),
            train: first.contains("/train/"),
            token: token.map(str::to_string),
            host: header("host").unwrap_or_default().to_string(),
            number: seen.len(),
        };
        seen.push(request.clone());
        request
    };
    let Some(answer) = answer(&request) else {
        thread::sleep(Duration::from_secs(60));
        return;
    };
    let length = answer.announced.unwrap_or(answer.body.len());
    let mut head = format!(
        "HTTP/1.1 {}\r\nContent-Length: {length}\r\nConnection: close\r\n",
        answer.status
    );
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let _ = write!(stream, "{head}\r\n");
    if request.head {
        return;
    }
    for piece in answer.body.chunks(answer.body.len() / 8 + 1) {
        let _ = stream.write_all(piece);
        thread::sleep(answer.pause);
    }
    if answer.stalls {
        thread::sleep(Duration::from_secs(60));
    }
}
