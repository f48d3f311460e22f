//! Colours that tell things apart.

use plotters::style::RGBColor;

/// Colours that people with any kind of colour vision can tell apart (Okabe and Ito, Color universal
/// design, 2008), without its yellow, which is too faint on white.
const SEVEN: [RGBColor; 7] = [
    BLUE,
    VERMILLION,
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(230, 159, 0),
    RGBColor(0, 0, 0),
];
pub(super) const BLUE: RGBColor = RGBColor(0, 114, 178);
pub(super) const VERMILLION: RGBColor = RGBColor(213, 94, 0);

/// Ten colours kept as far apart as that many can be, also with a colour vision deficiency and in grey
/// (Petroff, Accessible color sequences for data visualization, 2021, arXiv:2107.02270).
const TEN: [RGBColor; 10] = [
    RGBColor(63, 144, 218),
    RGBColor(255, 169, 14),
    RGBColor(189, 31, 1),
    RGBColor(148, 164, 162),
    RGBColor(131, 45, 182),
    RGBColor(169, 107, 89),
    RGBColor(231, 99, 0),
    RGBColor(185, 172, 112),
    RGBColor(113, 117, 129),
    RGBColor(146, 218, 221),
];

/// How many things have a colour of their own.
pub const COLORS: usize = TEN.len();

/// Colours for `count` things; from the eleventh on they begin again.
pub(super) fn palette(count: usize) -> impl Iterator<Item = &'static RGBColor> + Clone {
    let colors: &[RGBColor] = if count <= SEVEN.len() { &SEVEN } else { &TEN };
    colors.iter().cycle()
}
