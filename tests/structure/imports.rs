//! From which file to which one imports go.

use std::collections::{BTreeMap, BTreeSet};

use crate::modules::{Import, Module, Named, Path, read};

/// Two files, the first of which imports the second.
pub type Edge = (String, String);

/// Which files import which, and the first line of each that does so, with the path that stands there.
///
/// An item counts as of the file that defines it, through whichever modules it is exported. The name of a
/// folder's module alone is no import, but the paths that begin with it are.
pub fn imports(sources: &BTreeMap<String, String>) -> BTreeMap<Edge, Named> {
    let house = House(read(sources));
    let mut edges: BTreeMap<Edge, Named> = BTreeMap::new();
    for (path, module) in &house.0 {
        let mut add = |named: &Named, target: Option<Target>| {
            let Some(target) = target.filter(|target| target.file != module.file) else {
                return;
            };
            let first = edges.entry((module.file.clone(), target.file));
            let first = first.or_insert_with(|| named.clone());
            if named.line < first.line {
                *first = named.clone();
            }
        };
        for import in &module.imports {
            let target = house.target(path, module, &import.named.path, Some(import), 0);
            add(
                &import.named,
                target.filter(|to| import.name == "*" || !to.is_folder),
            );
        }
        for named in &module.paths {
            let target = house.target(path, module, &named.path, None, 0);
            add(named, target.filter(|to| !to.is_folder));
        }
    }
    edges
}

/// Where a path leads to.
struct Target {
    file: String,
    /// Of the module there.
    module: Path,
    /// Whether it is a folder's module itself, no item in it.
    is_folder: bool,
}

struct House(BTreeMap<Path, Module>);

/// More steps than names are handed on over.
const MOST_STEPS: usize = 8;

impl House {
    /// Where a path leads that stands in a module; nowhere if it is of another crate.
    ///
    /// `except` is the import that it belongs to, by whose name it does not begin.
    fn target(
        &self,
        at: &[String],
        module: &Module,
        path: &[String],
        except: Option<&Import>,
        steps: usize,
    ) -> Option<Target> {
        if steps > MOST_STEPS {
            return None;
        }
        let (first, rest) = path.split_first()?;
        let below = |base: &[String]| self.find(&[base, rest].concat(), steps + 1);
        match first.as_str() {
            "crate" | "autoencode" => below(&[]),
            "self" => below(at),
            "super" => {
                let mut base = at.to_vec();
                let supers = path.iter().take_while(|part| *part == "super").count();
                base.truncate(at.len().checked_sub(supers)?);
                self.find(&[&base, &path[supers..]].concat(), steps + 1)
            }
            _ => {
                if let Some(child) = module.children.get(first) {
                    return below(child);
                }
                let mut imports = module.imports.iter();
                let import = imports.find(|import| {
                    import.name == *first && !except.is_some_and(|own| std::ptr::eq(own, *import))
                })?;
                let whole = [&import.named.path[..], rest].concat();
                self.target(at, module, &whole, Some(import), steps + 1)
            }
        }
    }

    /// Where a path from the root leads.
    fn find(&self, path: &[String], steps: usize) -> Option<Target> {
        let depth = (0..=path.len()).rev();
        let depth = depth
            .into_iter()
            .find(|depth| self.0.contains_key(&path[..*depth]))?;
        let (at, rest) = path.split_at(depth);
        let module = &self.0[at];
        let here = |is_folder| Target {
            file: module.file.clone(),
            module: at.to_vec(),
            is_folder,
        };
        let Some(item) = rest.first() else {
            return Some(here(module.file.ends_with("mod.rs") || at.is_empty()));
        };
        for import in &module.imports {
            if import.name == *item
                && let Some(target) =
                    self.target(at, module, &import.named.path, Some(import), steps + 1)
            {
                return Some(target);
            }
        }
        let everything = module.imports.iter().filter(|import| import.name == "*");
        for import in everything.filter(|_| !module.items.contains(item)) {
            let target = self.target(at, module, &import.named.path, Some(import), steps + 1);
            if let Some(target) = target
                && self.0[&target.module].items.contains(item)
            {
                return Some(target);
            }
        }
        Some(here(false))
    }
}

/// The groups of files that import each other in a circle.
///
/// A folder's module and the modules in it are one whole whose parts may know it: that it uses or exports
/// them closes no circle.
pub fn circles<'a>(edges: impl Iterator<Item = &'a Edge>) -> BTreeSet<BTreeSet<&'a str>> {
    let mut next: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (from, to) in edges {
        let folder = from.strip_suffix("mod.rs");
        if !folder.is_some_and(|folder| to.starts_with(folder)) {
            next.entry(from).or_default().insert(to);
        }
    }
    let files = next.keys().map(|file| (*file, reached(file, &next)));
    let reached: BTreeMap<&str, BTreeSet<&str>> = files.collect();
    let circles = reached.iter().map(|(file, reaches)| {
        let is_back = |other: &&&str| reached.get(**other).is_some_and(|r| r.contains(file));
        reaches.iter().filter(is_back).copied().collect()
    });
    let circles = circles.filter(|circle: &BTreeSet<&str>| !circle.is_empty());
    circles.collect()
}

/// All that a file imports, and what those files import, and so on.
fn reached<'a>(from: &'a str, next: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        let files = next.get(file).into_iter().flatten().copied();
        open.extend(files.filter(|file| seen.insert(*file)));
    }
    seen
}
