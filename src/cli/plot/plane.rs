//! Codes as points of the plane.

use anyhow::Result;
use autoencode::Error;
use autoencode::evaluate::Pca;

/// Codes as points, with the labels of the axes.
pub struct PlacedCodes {
    pub points: Vec<(f64, f64)>,
    pub x_label: String,
    pub y_label: String,
    pub explained: Option<[f64; 2]>,
}

/// Two coordinates for each code.
pub fn plane(codes: &[f32], size: usize, labels: &[u32]) -> Result<PlacedCodes> {
    let values = codes.iter().map(|value| f64::from(*value));
    Ok(match size {
        1 => {
            let spread = |(place, &label): (usize, &u32)| {
                // Multiples of the golden ratio spread evenly for any number of points.
                const GOLDEN: f64 = 0.618_033_988_749_894_9;
                f64::from(label) + 0.7 * ((place as f64 * GOLDEN).fract() - 0.5)
            };
            PlacedCodes {
                points: values.zip(labels.iter().enumerate().map(spread)).collect(),
                x_label: "code".to_string(),
                y_label: "label (spread within its row)".to_string(),
                explained: None,
            }
        }
        2 => PlacedCodes {
            points: pairs(values),
            x_label: "code_0".to_string(),
            y_label: "code_1".to_string(),
            explained: None,
        },
        _ => {
            if codes.len() < 2 * size {
                let expected = "2 or more, whose principal components are the axes (more images after --data, or \
                                --part all; `encode` writes a single code)";
                let found = codes.len() / size;
                return Err(Error::argument("codes to draw", expected, found).into());
            }
            let pca = Pca::fit(codes, size, 2)?;
            let total = pca.total_variance().max(f64::MIN_POSITIVE);
            let variance = |component: usize| pca.explained_variance().get(component).copied();
            let explained = [0, 1].map(|component| variance(component).unwrap_or(0.0) / total);
            let label = |number: usize, share: f64| format!("PC {number} ({:.0}%)", 100.0 * share);
            let [first, second] = explained;
            PlacedCodes {
                points: pairs(pca.project_rows(codes)?.into_iter()),
                x_label: label(1, first),
                y_label: label(2, second),
                explained: Some(explained),
            }
        }
    })
}

/// Pairs of successive values as points.
fn pairs(mut values: impl Iterator<Item = f64>) -> Vec<(f64, f64)> {
    std::iter::from_fn(|| values.next().zip(values.next())).collect()
}
