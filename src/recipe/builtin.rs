//! The recipes that ship in models/ and are built into the binary.

/// A recipe that can be named instead of a file.
#[derive(Debug, Clone, Copy)]
pub struct Builtin {
    pub name: &'static str,
    /// Its TOML.
    pub text: &'static str,
}

/// Every shipped recipe.
pub fn builtin() -> &'static [Builtin] {
    &[
        Builtin {
            name: "conv-denoiser",
            text: include_str!("../../models/conv-denoiser.toml"),
        },
        Builtin {
            name: "dense-32",
            text: include_str!("../../models/dense-32.toml"),
        },
        Builtin {
            name: "vae",
            text: include_str!("../../models/vae.toml"),
        },
        Builtin {
            name: "conv-vae",
            text: include_str!("../../models/conv-vae.toml"),
        },
    ]
}
