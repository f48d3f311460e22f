//! The recipes that ship in models/ and are built into the binary.

/// A recipe that can be named instead of a file.
#[derive(Debug, Clone, Copy)]
pub struct Builtin {
    pub name: &'static str,
    /// Its TOML.
    pub text: &'static str,
    /// Whether it repeats a published tutorial with its settings.
    pub tutorial: bool,
}

/// A file in models/.
macro_rules! own {
    ($name:literal) => {
        Builtin {
            name: $name,
            text: include_str!(concat!("../../models/", $name, ".toml")),
            tutorial: false,
        }
    };
}

/// A file in models/tutorials/.
macro_rules! tutorial {
    ($name:literal) => {
        Builtin {
            name: $name,
            text: include_str!(concat!("../../models/tutorials/", $name, ".toml")),
            tutorial: true,
        }
    };
}

/// All shipped recipes.
pub fn builtin() -> &'static [Builtin] {
    &[
        own!("conv-denoiser"),
        own!("dense-32"),
        own!("vae"),
        own!("conv-vae"),
        own!("vae-2d"),
        tutorial!("conv-denoiser-tutorial"),
        tutorial!("dense-32-adadelta"),
        tutorial!("deep-denoise"),
        tutorial!("deep-denoise-custom"),
        tutorial!("linear-32"),
        tutorial!("sparse"),
        tutorial!("linear-dependent"),
        tutorial!("linear-independent"),
        tutorial!("one-hot"),
        tutorial!("ellipse-sigmoid"),
        tutorial!("ellipse-leaky"),
        tutorial!("ellipse-shifted"),
        tutorial!("ellipse-noisy"),
        tutorial!("sphere"),
    ]
}
