//! dense-32 with penalties on its code.

use super::dense::with_codes;
use super::statistics::{mean, seeds};
use super::{Figure, Lab, Outcome};
use crate::Result;
use crate::data::Images;
use crate::engine::Inference;
use crate::evaluate::Part;
use crate::picture::write_rgb;

/// The penalties compared: a name, and settings on top of dense-32.
const PENALTIES: [(&str, &[&str]); 3] = [
    ("no penalty", &[]),
    ("L1, 0.001", &["objective.code_penalty.l1=1e-3"]),
    ("L2, 0.001", &["objective.code_penalty.l2=1e-3"]),
];

pub fn run(lab: &mut Lab) -> Result<Outcome> {
    let mut figures = Vec::new();
    let mut pictures = Vec::new();
    let mut protocol = String::new();
    let mut activities = Vec::new();
    let mut judged = false;
    for (name, settings) in PENALTIES {
        let (mut losses, mut activity, mut silent) = (Vec::new(), Vec::new(), Vec::new());
        for seed in lab.seeds() {
            let recipe = lab.recipe("dense-32", seed, settings)?;
            let data = lab.data(&recipe)?;
            judged = lab.judged(&data);
            protocol = data.origin.to_string();
            let trained = lab.train(recipe, data)?;
            let network = trained.inference();
            let report = trained.trainer.evaluate(&network, Part::Test)?;
            losses.push(report.output.bce_per_pixel.unwrap_or(f64::NAN));
            let codes = codes(&network, &trained.trainer.dataset().test, lab)?;
            activity.push(mean(&codes));
            silent.push(mean(
                &codes
                    .iter()
                    .map(|&c| f64::from(u8::from(c == 0.0)))
                    .collect::<Vec<_>>(),
            ));
            if seed == 1 {
                let path = lab.file(&format!(
                    "{}.png",
                    name.replace([',', ' ', '.'], "-").replace("--", "-")
                ));
                let title = format!("dense-32, {name}: digits, codes, and what comes back");
                let sheet = with_codes(&title, &network, trained.trainer.dataset(), lab)?;
                write_rgb(&path, &sheet.render()?)?;
                pictures.push(path);
            }
        }
        figures.push(Figure::median(
            &format!("{name}: mean activity of the code"),
            &activity,
            "-",
        ));
        figures.push(Figure::median(
            &format!("{name}: share of values that are 0"),
            &silent,
            "-",
        ));
        figures.push(Figure::median(
            &format!("{name}: test BCE a pixel"),
            &losses,
            "-",
        ));
        activities.push(mean(&activity));
    }
    let lower = match activities.as_slice() {
        [without, penalised @ ..] => penalised.iter().all(|activity| activity < without),
        [] => false,
    };
    figures.push(
        Figure::text(
            "the penalties lower the activity",
            if lower { "yes" } else { "no" },
            "yes",
        )
        .tolerance("yes", lower, judged),
    );
    Ok(Outcome {
        protocol: format!("{protocol}; the recipe dense-32 with each penalty; {}", seeds(lab.seeds().count())),
        figures,
        notes: vec![
            "The tutorial does not give its weight; 0.001 for the sum of the absolute values, and for the sum of \
             the squares, is large enough to be seen. The recipe `sparse` has a tenth of it."
                .to_string(),
        ],
        pictures,
    })
}

/// All values of the codes of the test images.
fn codes(network: &Inference, images: &Images, lab: &Lab) -> Result<Vec<f64>> {
    let indices = images.indices();
    let mut values = Vec::new();
    for indices in indices.chunks(1000) {
        let codes = network.encode(&images.batch(indices, lab.device())?)?;
        let codes: Vec<f32> = codes.flatten_all()?.to_vec1()?;
        values.extend(codes.into_iter().map(f64::from));
    }
    Ok(values)
}
