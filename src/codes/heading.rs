//! The columns of a table of codes, told by their names.

use crate::data::python::excerpt;

/// Where a table holds what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// The columns of a code's values, in the order of the code.
    pub values: Vec<usize>,
    /// The column with the picture of each code.
    pub file: Option<usize>,
    /// The columns with the class of each code: its name, its label.
    pub classes: Vec<usize>,
}

/// The names of the columns beside the values.
pub const LABEL: &str = "label";
pub const CLASS: &str = "class";
pub const FILE: &str = "file";
/// The names of values: `code_0`, `code_1`, ...
const CODE: &str = "code_";
/// pandas gives such names, with a number, to columns without one, such as an index.
const UNNAMED: &str = "Unnamed: ";
/// Names in an error.
const LISTED: usize = 4;

impl Heading {
    /// Tells columns apart by their names, for codes of `size` values (any number for `None`). Values are in
    /// `code_0`, `code_1`, ..., wherever those are; else in all columns but `file`, `label`, `class` and those
    /// without a name. Returns what was found instead if they are not `size`.
    pub fn read(names: &[String], size: Option<usize>) -> Result<Self, String> {
        let find = |wanted: &str| {
            let mut names = names.iter();
            names.position(|name| name.eq_ignore_ascii_case(wanted))
        };
        let [file, label, class] = [FILE, LABEL, CLASS].map(find);
        let is_value = |&(column, name): &(usize, &String)| {
            let other = [file, label, class].contains(&Some(column));
            !other && !name.is_empty() && !name.starts_with(UNNAMED)
        };
        let others: Vec<(usize, &String)> = names.iter().enumerate().filter(is_value).collect();
        let mut coded: Vec<(usize, usize)> = (others.iter())
            .filter_map(|(column, name)| Some((name.strip_prefix(CODE)?.parse().ok()?, *column)))
            .collect();
        coded.sort_unstable();
        if coded.is_empty() && others.iter().all(|(_, name)| name.parse::<f64>().is_ok()) {
            // pandas names columns by their numbers, unless it is told names.
            let counted = (0..).zip(&others);
            let mut counted = counted.map(|(place, (_, name))| name.parse() == Ok(place));
            if !counted.all(|is_counted| is_counted) {
                return Err("numbers in line 1, where the names of the columns belong".to_string());
            }
        }
        let values: Vec<usize> = match coded.is_empty() {
            true => others.iter().map(|(column, _)| *column).collect(),
            false => coded.iter().map(|(_, column)| *column).collect(),
        };
        if values.is_empty() || size.is_some_and(|size| size != values.len()) {
            return Err(listed(names, &values));
        }
        // Programs that count from 1 number the values so.
        let first = coded
            .first()
            .map_or(0, |(number, _)| usize::from(*number > 0));
        let mut numbered = (first..).zip(&coded);
        if let Some((place, (number, _))) = numbered.find(|(place, coded)| *place != coded.0) {
            return Err(match *number < place {
                true => format!("two columns `{CODE}{number}`"),
                false => format!("no column `{CODE}{place}`"),
            });
        }
        Ok(Self {
            values,
            file,
            classes: class.into_iter().chain(label).collect(),
        })
    }
}

/// The columns of values, for errors.
fn listed(names: &[String], values: &[usize]) -> String {
    let plural = if values.len() == 1 { "" } else { "s" };
    let shown = values.iter().filter_map(|column| names.get(*column));
    let shown = shown
        .take(LISTED)
        .map(|name| format!("`{}`", excerpt(name.as_bytes())));
    let mut shown: Vec<String> = shown.collect();
    if values.len() > LISTED {
        shown.push("...".to_string());
    }
    let colon = if shown.is_empty() { "" } else { ": " };
    let shown = shown.join(", ");
    format!("{} column{plural} of values{colon}{shown}", values.len())
}

/// The columns of a table of codes of `size` values.
pub fn expected(size: Option<usize>) -> String {
    let beside = "beside file, label or class if any";
    match size {
        Some(1) => format!("one column of values, {beside}"),
        Some(size) => {
            let last = size.saturating_sub(1);
            format!("columns {CODE}0 to {CODE}{last} as the network's codes, {beside}")
        }
        None => format!("columns of values such as {CODE}0, {CODE}1, {beside}"),
    }
}
