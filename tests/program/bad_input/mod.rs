//! What is wrong with an input, and the one line that the program answers: exit code 2, the file, flag or key
//! by name, and neither the memory nor the time that a hostile file asks for.

mod data;
mod flags;
mod outputs;
mod pictures;
mod png;
mod recipes;
mod special;
mod tensors;

use crate::common;
use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use assert_cmd::Command;
use tempfile::TempDir;

/// Kilobytes of address space that the program may take; it starts with a third of them.
const MEMORY: u32 = 1_500_000;
/// Far above what any case takes: only a case that waits without end comes near.
const SECONDS: u64 = 30;
/// The longest message that is worth reading.
const LONGEST: usize = 1500;

/// Words of serde, clap and Rust that messages do without, except on the JSON in a damaged checkpoint, which nobody
/// types.
const JARGON: [&str; 12] = [
    "invalid type",
    "invalid value",
    "invalid length",
    "tagged enum",
    "struct ",
    "sequence",
    "expected f64",
    "expected u",
    "unknown field",
    "unknown variant",
    "non-zero type",
    "digit found in",
];

/// A folder with inputs, in which the program runs.
struct Place {
    folder: TempDir,
}

impl Place {
    /// With two small networks: `conv.safetensors`, and `vae.safetensors` with codes of two values; `a.png`,
    /// a digit; `codes.csv`, two codes.
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let place = Self { folder };
        let conv = common::recipe("conv-denoiser", &common::SMALL, [1, 28, 28]);
        let vae = common::recipe("vae-2d", &["network.encoder=[4]"], [1, 28, 28]);
        for (name, recipe) in [("conv", conv), ("vae", vae)] {
            let bytes = common::checkpoint(recipe).to_bytes().unwrap();
            place.put(&format!("{name}.safetensors"), &bytes);
        }
        let digits = common::repository("assets/digits");
        let mut digits: Vec<_> = fs::read_dir(digits)
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        digits.sort();
        place.put("a.png", &fs::read(&digits[0]).unwrap());
        place.put("codes.csv", b"code_0,code_1\n0,0\n1,1\n");
        place
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, in a new folder if need be; returns its name.
    fn put(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        name.to_string()
    }

    /// Runs the program within [`MEMORY`] and [`SECONDS`]; words of `command` are its arguments.
    fn run(&self, command: &str) -> Output {
        self.run_with(&command.split(' ').collect::<Vec<_>>())
    }

    fn run_with(&self, arguments: &[&str]) -> Output {
        let program = env!("CARGO_BIN_EXE_autoencode");
        let mut command = match cfg!(target_os = "linux") {
            true => {
                let mut command = Command::new("sh");
                let limited = format!("ulimit -v {MEMORY} && exec \"$0\" \"$@\"");
                command.args(["-c", &limited, program]);
                command
            }
            false => Command::new(program),
        };
        command
            .current_dir(self.path())
            .args(arguments)
            // Each thread takes address space of its own.
            .args(["--threads", "2"])
            .env_remove("RUST_BACKTRACE")
            .env("HF_HUB_OFFLINE", "1")
            .timeout(Duration::from_secs(SECONDS));
        command.output().unwrap()
    }

    /// The program refuses the command with exit code 2 and one line that holds all of `named`.
    fn refuses(&self, command: &str, named: &[&str]) {
        self.refuses_with(&command.split(' ').collect::<Vec<_>>(), named);
    }

    fn refuses_with(&self, arguments: &[&str], named: &[&str]) {
        let message = self.fails(arguments, 2);
        let about = format!("{:.200}: {message:.2000}", arguments.join(" "));
        assert_eq!(message.lines().count(), 1, "{about}");
        assert!(message.len() < LONGEST, "{about}");
        for part in named {
            assert!(message.contains(part), "`{part}` is not in: {about}");
        }
    }

    /// The program ends with an error and this exit code; returns the message.
    fn fails(&self, arguments: &[&str], code: i32) -> String {
        let output = self.run_with(arguments);
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        let message = without_notes(&message);
        let about = format!("{:.200}: {message:.2000}", arguments.join(" "));
        assert_eq!(output.status.code(), Some(code), "{about}");
        assert!(output.stdout.is_empty(), "{about}");
        assert!(message.starts_with("error: "), "{about}");
        assert!(!message.contains("panicked"), "{about}");
        let jargon = JARGON.iter().find(|words| message.contains(**words));
        assert!(
            jargon.is_none() || message.contains(".safetensors"),
            "{about}"
        );
        let steers = |c: char| c.is_control() && c != '\n';
        assert!(!message.contains(steers), "{about:?}");
        message
    }

    /// The program does what it is told.
    fn accepts(&self, command: &str) {
        let output = self.run(command);
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}: {message}");
    }
}

/// The lines but for those on the data set that was taken.
fn without_notes(message: &str) -> String {
    let lines = message.lines().filter(|line| !line.starts_with("note: "));
    lines.collect::<Vec<_>>().join("\n")
}
