//! Images in the axes of an array.

use super::grouped;
use super::idx::MAX_SIDE;
use crate::recipe::DataConfig;

/// Where an array of images has what.
#[derive(Debug, PartialEq, Eq)]
pub struct Layout {
    /// The count, channels, height and width.
    pub sizes: [u64; 4],
    /// Whether the channels come last.
    pub interleaved: bool,
    /// What was taken for granted.
    pub taken: Option<String>,
}

impl Layout {
    /// The layout of an array of this shape: `(N, H, W)`, `(N, C, H, W)` or `(N, H, W, C)` with C 1 or 3; if both
    /// of the last two fit, channels come first. The rows of `(N, values)` are images of the recipe's size, or
    /// else squares. Returns the accepted shapes if it is none of them.
    pub fn of(shape: &[u64], config: &DataConfig) -> Result<Self, String> {
        let (sizes, interleaved, taken) = match *shape {
            [count, values] => {
                let [channels, height, width] = flat(values, config)?;
                let (channel, order) = match channels {
                    1 => ("", ""),
                    _ => ("3x", ", one channel after the other"),
                };
                let taken = format!(
                    "rows of {} values taken for images of {channel}{height}x{width}{order} \
                     (data.size sets another size)",
                    grouped(values)
                );
                let taken = config.size.is_none().then_some(taken);
                ([count, channels, height, width], false, taken)
            }
            [count, height, width] => ([count, 1, height, width], false, None),
            [count, channels @ (1 | 3), height, width] => {
                ([count, channels, height, width], false, None)
            }
            [count, height, width, channels @ (1 | 3)] => {
                ([count, channels, height, width], true, None)
            }
            _ => {
                let expected = "images of shape (N, values), (N, H, W), (N, C, H, W) or (N, H, W, C) with C 1 or 3";
                return Err(expected.to_string());
            }
        };
        let [count, _, height, width] = sizes;
        let sides = 1..=u64::from(MAX_SIDE);
        match (1..=u64::from(u32::MAX)).contains(&count)
            && sides.contains(&height)
            && sides.contains(&width)
        {
            true => Ok(Self {
                sizes,
                interleaved,
                taken,
            }),
            false => Err(format!(
                "1 to 4,294,967,295 images of 1x1 to {MAX_SIDE}x{MAX_SIDE} pixels"
            )),
        }
    }
}

/// The channels, height and width of an image whose values stand in a row.
fn flat(values: u64, config: &DataConfig) -> Result<[u64; 3], String> {
    let channels: &[u64] = match config.channels {
        Some(1) => &[1],
        Some(_) => &[3],
        None => &[1, 3],
    };
    let size = config.size.map(|size| size.height_width());
    let mut shapes = channels.iter().map(|&channels| {
        let (height, width) = match size {
            // Both are at most 4096.
            Some((height, width)) => (height as u64, width as u64),
            None => ((values / channels).isqrt(), (values / channels).isqrt()),
        };
        [channels, height, width]
    });
    let found = shapes.find(|shape| shape.iter().product::<u64>() == values);
    found.ok_or_else(|| match size {
        Some((height, width)) => {
            let counts: Vec<String> = channels
                .iter()
                .map(|channels| grouped(channels * (height * width) as u64))
                .collect();
            format!(
                "rows of {} values for images of {height}x{width} (data.size)",
                counts.join(" or ")
            )
        }
        None => {
            "rows that are squares, or their size, as in --set data.size=[HEIGHT,WIDTH]".to_string()
        }
    })
}
