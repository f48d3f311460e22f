//! Keeping images of some classes only.

use std::collections::BTreeSet;

use super::Images;
use crate::{Error, Result};

/// The most labels that an error lists.
const LISTED: usize = 16;

/// The images of `part` ("training" or "test") with one of these labels, in their order.
pub fn keep(images: &Images, classes: &[u8], part: &str) -> Result<Images> {
    let present: BTreeSet<u8> = images.labels().iter().copied().collect();
    if let Some(absent) = classes.iter().find(|class| !present.contains(class)) {
        let labels: Vec<String> = present.iter().map(u8::to_string).collect();
        let more = if labels.len() > LISTED { ", ..." } else { "" };
        let labels = labels.get(..LISTED).unwrap_or(&labels).join(", ");
        return Err(Error::recipe(
            "data.classes",
            format!("labels of the data ({labels}{more})"),
            format!("{absent}, of which there are no {part} images"),
        ));
    }
    let labelled = (0u32..).zip(images.labels());
    let kept = labelled.filter(|(_, label)| classes.contains(label));
    images.subset(&kept.map(|(index, _)| index).collect::<Vec<_>>())
}
