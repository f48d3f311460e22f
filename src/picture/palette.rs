//! Colours of drawings.

use std::fmt;

/// Red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Color(pub u8, pub u8, pub u8);

pub(super) const WHITE: Color = Color(255, 255, 255);
pub(super) const INK: Color = Color(25, 25, 25);
pub(super) const SOFT_INK: Color = Color(85, 85, 85);
pub(super) const AXIS: Color = Color(120, 120, 120);
pub(super) const GRID: Color = Color(226, 226, 226);
pub(super) const BLUE: Color = Color(0, 114, 178);
pub(super) const VERMILLION: Color = Color(213, 94, 0);
pub(super) const GREEN: Color = Color(0, 128, 94);

/// Colours that people with any kind of colour vision can tell apart (Okabe and Ito, Color universal
/// design, 2008), without its yellow, which is too faint on white.
const SEVEN: [Color; 7] = [
    BLUE,
    VERMILLION,
    Color(0, 158, 115),
    Color(204, 121, 167),
    Color(86, 180, 233),
    Color(230, 159, 0),
    Color(0, 0, 0),
];

/// Ten colours kept as far apart as that many can be, also with a colour vision deficiency and in grey
/// (Petroff, Accessible color sequences for data visualization, 2021, arXiv:2107.02270).
const TEN: [Color; 10] = [
    Color(63, 144, 218),
    Color(255, 169, 14),
    Color(189, 31, 1),
    Color(148, 164, 162),
    Color(131, 45, 182),
    Color(169, 107, 89),
    Color(231, 99, 0),
    Color(185, 172, 112),
    Color(113, 117, 129),
    Color(146, 218, 221),
];

/// Dashes of lines: whole ones for as many series as there are colours, dashed ones for the next as many.
const DASHES: [&str; 4] = ["", "7 3", "2 3", "9 3 2 3"];

/// Colours for `count` series; they repeat from the eleventh on.
pub(super) fn palette(count: usize) -> impl Iterator<Item = Color> + Clone {
    let colors: &[Color] = if count <= SEVEN.len() { &SEVEN } else { &TEN };
    colors.iter().copied().cycle()
}

/// Colours and dashes for `count` lines; they repeat from the forty-first on.
pub(super) fn lines(count: usize) -> impl Iterator<Item = (Color, &'static str)> + Clone {
    let dashes = DASHES.iter().flat_map(|dash| [*dash; TEN.len()]);
    palette(count).zip(dashes.cycle())
}

impl Color {
    /// A fifth darker, for small text on white.
    pub fn darker(self) -> Self {
        let darker = |part: u8| (u16::from(part) * 4 / 5) as u8;
        Self(darker(self.0), darker(self.1), darker(self.2))
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}
