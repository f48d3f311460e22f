//! Keeping images of some classes only.

use super::Images;
use crate::{Error, Result};

/// The most labels that an error lists.
const LISTED: usize = 16;

/// The images of `part` ("training" or "test") with one of these labels, in their order.
pub fn keep(images: &Images, classes: &[u8], part: &str) -> Result<Images> {
    let mut present = [false; 256];
    for &label in images.labels() {
        if let Some(slot) = present.get_mut(usize::from(label)) {
            *slot = true;
        }
    }
    let is_present = |class: &u8| present.get(usize::from(*class)) == Some(&true);
    if let Some(absent) = classes.iter().find(|class| !is_present(class)) {
        let labels: Vec<String> = (0..=u8::MAX)
            .filter(is_present)
            .map(|label| label.to_string())
            .collect();
        let more = if labels.len() > LISTED { ", ..." } else { "" };
        let labels = labels.get(..LISTED).unwrap_or(&labels).join(", ");
        return Err(Error::recipe(
            "data.classes",
            format!("labels of the data ({labels}{more})"),
            format!("{absent}, of which there are no {part} images"),
        ));
    }
    let kept: Vec<u32> = (0u32..)
        .zip(images.labels())
        .filter(|(_, label)| classes.contains(label))
        .map(|(index, _)| index)
        .collect();
    images.subset(&kept)
}
