//! The recipes that ship in models/ and are built into the binary.

/// A recipe that can be named instead of a file.
#[derive(Debug, Clone, Copy)]
pub struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// Its TOML.
    pub text: &'static str,
    /// Whether it repeats a published tutorial with its settings.
    pub tutorial: bool,
}

/// A file in models/, or in models/tutorials/.
macro_rules! file {
    ($name:literal) => {
        file!("", $name, false)
    };
    (tutorial $name:literal) => {
        file!("tutorials/", $name, true)
    };
    ($folder:literal, $name:literal, $tutorial:literal) => {
        Builtin {
            name: $name,
            text: include_str!(concat!("../../models/", $folder, $name, ".toml")),
            tutorial: $tutorial,
        }
    };
}

/// All shipped recipes.
pub fn builtin() -> &'static [Builtin] {
    &[
        file!("conv-denoiser"),
        file!("dense-32"),
        file!("vae"),
        file!("conv-vae"),
        file!("vae-2d"),
        file!("photo-denoiser"),
        file!("photo-denoiser-color"),
        file!(tutorial "conv-denoiser-tutorial"),
        file!(tutorial "dense-32-adadelta"),
        file!(tutorial "deep-denoise"),
        file!(tutorial "deep-denoise-custom"),
        file!(tutorial "linear-32"),
        file!(tutorial "sparse"),
        file!(tutorial "linear-dependent"),
        file!(tutorial "linear-independent"),
        file!(tutorial "one-hot"),
        file!(tutorial "ellipse-sigmoid"),
        file!(tutorial "ellipse-leaky"),
        file!(tutorial "ellipse-shifted"),
        file!(tutorial "ellipse-noisy"),
        file!(tutorial "sphere"),
    ]
}
