//! Activations and networks as pictures.

use super::{Figure, Lab, Outcome};
use crate::Result;
use crate::model::{curves, draw_curves};

/// Every activation with its derivative.
pub fn activations(lab: &mut Lab) -> Result<Outcome> {
    let curves = curves()?;
    let path = lab.file("activations.png");
    draw_curves(&curves)?.write_png(&path)?;
    Ok(Outcome {
        protocol: "400 points from -3 to 3".to_string(),
        figures: vec![Figure::text(
            "functions drawn, with derivatives",
            curves.len().to_string(),
            "15, without derivatives",
        )],
        notes: vec![
            "The printed forms of the inverse square root unit, of Elliot's and of the logarithmic function \
             hold for x >= 0 only; they are drawn there, beside the forms that networks can be trained with."
                .to_string(),
        ],
        pictures: vec![path],
    })
}
