//! The house as its imports show it: rooms import those below them, files do not import each other in circles.

mod imports;
mod modules;
mod reader;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use imports::{Edge, circles, imports};
use modules::Named;

/// The rooms, files and folders of `src`, from the ground up. Each imports those before it only.
const ROOMS: [&str; 32] = [
    "error",
    "memory",
    "number",
    "registry",
    "simd",
    "open",
    "file",
    "run_files",
    "random",
    "arithmetic",
    "activation",
    "loss",
    "ops",
    "layer",
    "recipe",
    "device",
    "corruption",
    "picture",
    "data",
    "network",
    "objective",
    "optim",
    "engine",
    "tensor_file",
    "checkpoint",
    "evaluate",
    "codes",
    "train",
    "experiments",
    "lib",
    "cli",
    "main",
];

/// The source of the library and the program, by the names of the files in `src`.
fn sources() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut sources = BTreeMap::new();
    let mut open = vec![root.clone()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
                sources.insert(name.replace('\\', "/"), fs::read_to_string(&path).unwrap());
            }
        }
    }
    sources
}

/// The room that a file is in.
fn room(file: &str) -> &str {
    let room = file.split('/').next().unwrap_or(file);
    room.strip_suffix(".rs").unwrap_or(room)
}

/// The place of a room in [`ROOMS`].
fn floor(room: &str) -> usize {
    let floor = ROOMS.iter().position(|name| *name == room);
    floor.unwrap_or_else(|| panic!("src/{room} is new: give it a place in ROOMS"))
}

fn told((from, to): &Edge, named: &Named) -> String {
    let (line, path) = (named.line, named.path.join("::"));
    format!("src/{from}:{line} imports {path} of src/{to}")
}

#[test]
fn rooms_import_only_what_lies_below_them() {
    let sources = sources();
    let rooms: BTreeSet<&str> = sources.keys().map(|file| room(file)).collect();
    for name in ROOMS {
        assert!(
            rooms.contains(name),
            "src/{name} is gone: strike it from ROOMS"
        );
    }
    let edges = imports(&sources);
    let upward = edges
        .iter()
        .filter(|((from, to), _)| floor(room(from)) < floor(room(to)));
    let upward = upward.map(|(edge, named)| {
        let (from, to) = (room(&edge.0), room(&edge.1));
        format!("{}, but {from} lies below {to}", told(edge, named))
    });
    let upward: Vec<String> = upward.collect();
    assert!(
        upward.is_empty(),
        "{}\nMove what is needed into a room below both, or pass it in as an argument.",
        upward.join("\n")
    );
}

#[test]
fn files_do_not_import_each_other_in_circles() {
    let edges = imports(&sources());
    let told_circles = circles(edges.keys()).into_iter().map(|circle| {
        let inside = |((from, to), _): &(&Edge, &Named)| {
            circle.contains(from.as_str()) && circle.contains(to.as_str())
        };
        let lines = edges.iter().filter(inside);
        let lines: Vec<String> = lines.map(|(edge, named)| told(edge, named)).collect();
        lines.join("\n")
    });
    let told_circles: Vec<String> = told_circles.collect();
    assert!(
        told_circles.is_empty(),
        "These files import each other in circles:\n{}\nMove what they share into a file that all of them import.",
        told_circles.join("\n\n")
    );
}

/// Lines that may tell builds with CUDA from those without it, outside of `engine/cuda`: where the engine and its device
/// are chosen, and the stand-ins for them.
const CUDA_LINES: usize = 6;

#[test]
fn few_lines_know_whether_the_build_has_cuda() {
    let sources = sources();
    let others = sources
        .iter()
        .filter(|(file, _)| !file.starts_with("engine/cuda/"));
    let lines = others.flat_map(|(file, text)| {
        let lines = (1..).zip(text.lines());
        let lines = lines.filter(|(_, line)| line.contains("feature = \"cuda\""));
        lines.map(move |(number, line)| format!("src/{file}:{number}: {}", line.trim()))
    });
    let lines: Vec<String> = lines.collect();
    assert!(
        lines.len() <= CUDA_LINES,
        "{} lines, {CUDA_LINES} may be:\n{}\nMove the code into engine/cuda, and what stands in for it into without_cuda.rs.",
        lines.len(),
        lines.join("\n")
    );
}
