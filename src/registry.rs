//! Names of a program's own functions, so that recipes and checkpoints can say them.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Error, Result};

type Named = BTreeMap<String, Arc<dyn Any + Send + Sync>>;

static NAMED: Mutex<Named> = Mutex::new(BTreeMap::new());

/// The longest name.
const MOST: usize = 60;

/// Gives a name to a value in this process; `is_taken` says whether something built in has it. Again with the same value
/// it changes nothing.
///
/// # Errors
/// If the name is no word, or something else has it.
pub(crate) fn register<T>(name: &str, value: &T, is_taken: bool) -> Result<()>
where
    T: Clone + PartialEq + Send + Sync + 'static,
{
    let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.len() <= MOST
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if !is_word {
        let expected = format!("a letter, then letters, digits, `-` or `_`, at most {MOST} in all");
        return Err(Error::argument("name", expected, format!("{name:?}")));
    }
    let mut named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    let known = named.get(name);
    let is_same = known.is_some_and(|known| known.downcast_ref() == Some(value));
    if is_taken || (known.is_some() && !is_same) {
        let expected = "a name that nothing else has";
        return Err(Error::argument("name", expected, format!("{name:?}")));
    }
    named.insert(name.to_string(), Arc::new(value.clone()));
    Ok(())
}

/// The value of that name and type.
pub(crate) fn registered<T: Clone + 'static>(name: &str) -> Option<T> {
    let named = NAMED.lock().unwrap_or_else(PoisonError::into_inner);
    named.get(name)?.downcast_ref().cloned()
}
