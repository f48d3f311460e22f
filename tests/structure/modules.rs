//! The modules of a crate: in which file they are, what they define, import and name.

use std::collections::{BTreeMap, BTreeSet};

use crate::tokens::{Token, tokens, without_tests};

/// A path from the root of the crate, without `crate`.
pub type Path = Vec<String>;

/// An import, or a path that stands in the code.
#[derive(Clone)]
pub struct Named {
    /// As it is written, groups taken apart.
    pub path: Path,
    pub line: usize,
}

pub struct Import {
    pub named: Named,
    /// What it is called here; `*` for all that is there.
    pub name: String,
}

#[derive(Default)]
pub struct Module {
    pub file: String,
    /// Modules inside of it, with their paths.
    pub children: BTreeMap<String, Path>,
    pub items: BTreeSet<String>,
    pub imports: Vec<Import>,
    pub paths: Vec<Named>,
}

/// The modules reached from `lib.rs`, and from `main.rs` as if it were a module of the library.
pub fn read(sources: &BTreeMap<String, String>) -> BTreeMap<Path, Module> {
    let mut modules = BTreeMap::new();
    let mut open: Vec<(Path, Path, String)> = ["lib.rs", "main.rs"]
        .into_iter()
        .filter(|file| sources.contains_key(*file))
        .map(|file| (root(file), Path::new(), file.to_string()))
        .collect();
    while let Some((path, parent, file)) = open.pop() {
        let mut reader = Reader {
            tokens: &without_tests(tokens(&sources[&file])),
            at: 0,
            file: &file,
            declared: Vec::new(),
        };
        reader.module(path, &parent, &mut modules);
        for child in reader.declared {
            let base = child.join("/");
            let files = [format!("{base}.rs"), format!("{base}/mod.rs")];
            let file = files.into_iter().find(|file| sources.contains_key(file));
            let file = file.unwrap_or_else(|| panic!("no file for module {}", child.join("::")));
            open.push((child.clone(), child, file));
        }
    }
    modules
}

/// Where the module of a root file is kept.
fn root(file: &str) -> Path {
    match file {
        "main.rs" => vec![file.to_string()],
        _ => Path::new(),
    }
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    file: &'a str,
    /// Modules in files of their own.
    declared: Vec<Path>,
}

impl<'a> Reader<'a> {
    fn text(&self, ahead: usize) -> &'a str {
        let token = self.tokens.get(self.at + ahead);
        token.map_or("", |token| token.text.as_str())
    }

    fn before(&self, back: usize) -> &str {
        let at = self.at.checked_sub(back);
        at.map_or("", |at| self.tokens[at].text.as_str())
    }

    /// Reads a module to its closing brace or the end of the file. Its modules are below `parent`.
    fn module(&mut self, path: Path, parent: &[String], modules: &mut BTreeMap<Path, Module>) {
        let mut module = Module {
            file: self.file.to_string(),
            ..Module::default()
        };
        let mut depth = 0;
        while self.at < self.tokens.len() {
            match self.text(0) {
                "}" if depth == 0 => break,
                "{" => depth += 1,
                "}" => depth -= 1,
                "mod" if is_name(self.text(1)) => {
                    let name = self.text(1).to_string();
                    let stand_in = self.file_attribute();
                    let mut child = parent.to_vec();
                    child.push(stand_in.clone().unwrap_or_else(|| name.clone()));
                    match stand_in {
                        Some(_) => drop(module.children.entry(name).or_insert(child.clone())),
                        None => drop(module.children.insert(name, child.clone())),
                    }
                    match self.text(2) {
                        "{" => {
                            self.at += 3;
                            self.module(child.clone(), &child, modules);
                        }
                        _ => self.declared.push(child),
                    }
                }
                "use" if self.text(1) != "<" => {
                    self.at += 1;
                    self.import(&[], &mut module.imports);
                }
                "fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static" => {
                    module.items.insert(self.text(1).to_string());
                }
                word if is_name(word) && self.text(1) == "::" && self.before(1) != "::" => {
                    let named = self.path();
                    module.paths.push(named);
                }
                _ => {}
            }
            self.at += 1;
        }
        modules.insert(path, module);
    }

    /// The file that the attribute `path` gives the module declared here, without its ending.
    fn file_attribute(&self) -> Option<String> {
        let mut back = 1;
        if self.before(back) == ")" {
            back += 3;
        }
        back += usize::from(self.before(back) == "pub");
        let attribute = [3, 2, 0].map(|place| self.before(back + place));
        let file = self.before(back + 1).trim_matches('"');
        let is_file = attribute == ["path", "=", "]"];
        is_file.then(|| file.trim_end_matches(".rs").to_string())
    }

    /// The names from here on that are joined by `::`; ends on the last of them.
    fn path(&mut self) -> Named {
        let mut named = Named {
            path: vec![self.text(0).to_string()],
            line: self.tokens[self.at].line,
        };
        while self.text(1) == "::" && is_name(self.text(2)) {
            self.at += 2;
            named.path.push(self.text(0).to_string());
        }
        named
    }

    /// Reads one tree of an import, behind `prefix`, up to the comma, brace or semicolon after it.
    fn import(&mut self, prefix: &[String], imports: &mut Vec<Import>) {
        let mut path = prefix.to_vec();
        let line = self.tokens.get(self.at).map_or(0, |token| token.line);
        loop {
            match self.text(0) {
                "::" => {}
                "{" => {
                    self.at += 1;
                    while self.text(0) != "}" && self.at < self.tokens.len() {
                        self.import(&path, imports);
                        if self.text(0) == "," {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                word if is_name(word) && word != "as" => path.push(word.to_string()),
                end => {
                    let mut name = path.last().cloned().unwrap_or_default();
                    if end == "*" || end == "as" {
                        self.at += 1;
                        name = match end {
                            "*" => end.to_string(),
                            _ => self.text(0).to_string(),
                        };
                        self.at += usize::from(end == "as");
                    }
                    if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
                        path.pop();
                        name = match name.as_str() {
                            "self" => path[path.len() - 1].clone(),
                            _ => name,
                        };
                    }
                    let named = Named { path, line };
                    imports.push(Import { named, name });
                    return;
                }
            }
            self.at += 1;
        }
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}
