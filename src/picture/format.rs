//! The formats of picture files.

use std::path::Path;

/// A format of picture files that is read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "lower")]
pub enum PictureFormat {
    /// Portable Network Graphics, 8 or 16 bits.
    Png,
    /// Written with quality 95, 8 bits, without transparency.
    Jpeg,
    /// 8 or 16 bits.
    Tiff,
    /// Written without loss, 8 bits.
    WebP,
    /// 8 bits.
    Bmp,
}

impl PictureFormat {
    /// All formats.
    pub const ALL: [Self; 5] = [Self::Png, Self::Jpeg, Self::Tiff, Self::WebP, Self::Bmp];

    /// The format of a file that begins with these bytes.
    pub fn of(start: &[u8]) -> Option<Self> {
        let starts = |with: &[u8]| start.starts_with(with);
        match start {
            _ if starts(&[137, b'P', b'N', b'G', 13, 10, 26, 10]) => Some(Self::Png),
            _ if starts(&[0xff, 0xd8, 0xff]) => Some(Self::Jpeg),
            _ if starts(b"II*\0") || starts(b"MM\0*") => Some(Self::Tiff),
            _ if starts(b"RIFF") && start.get(8..12) == Some(b"WEBP") => Some(Self::WebP),
            _ if starts(b"BM") => Some(Self::Bmp),
            _ => None,
        }
    }

    /// The format that a file's name ends in.
    pub fn named(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        let mut all = Self::ALL.into_iter();
        all.find(|format| format.endings().contains(&ending.as_str()))
    }

    /// The endings of names, the usual one first.
    pub fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Png => &["png"],
            Self::Jpeg => &["jpg", "jpeg"],
            Self::Tiff => &["tif", "tiff"],
            Self::WebP => &["webp"],
            Self::Bmp => &["bmp"],
        }
    }

    /// Its name in sentences.
    pub fn title(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Tiff => "TIFF",
            Self::WebP => "WebP",
            Self::Bmp => "BMP",
        }
    }

    /// Whether it can hold 16 bits a value.
    pub fn holds_sixteen_bits(self) -> bool {
        matches!(self, Self::Png | Self::Tiff)
    }

    /// Whether it can hold transparency.
    pub fn holds_alpha(self) -> bool {
        matches!(self, Self::Png | Self::Tiff | Self::WebP)
    }
}

/// Size and kind of a picture, from the start of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureHeader {
    /// The format of the file.
    pub format: PictureFormat,
    /// Rows of pixels, the right way up.
    pub height: usize,
    /// Pixels in a row, the right way up.
    pub width: usize,
    /// Whether its pixels have colours, if only from a palette.
    pub colour: bool,
    /// Bits of a sample: 1, 2, 4, 8, 16 or 32.
    pub bits: u8,
}

/// The kind of a file that is no picture, by its first bytes.
pub(super) fn sniff(start: &[u8]) -> &'static str {
    match start {
        [] => "an empty file",
        _ if start.starts_with(b"GIF8") => "a GIF (convert it to PNG)",
        _ => "another kind of file",
    }
}
