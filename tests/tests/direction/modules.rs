//! Tests that the modules within a crate do not depend on each other in a cycle.
//!
//! Here, a module is a top-level module with all of its submodules. It uses another module if its code refers to
//! `crate::other`, or to `super::other` from its own top level. Comments, strings and `#[cfg(test)]` code do not count. The
//! crate root is not a module either, because it re-exports and connects the others. A path through a name that the root
//! re-exports counts as a path to the module that defines the name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bespoke_tests::{root, source};

/// The modules that each module uses.
type Graph = BTreeMap<String, BTreeSet<String>>;

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Splits code into identifiers and single characters, with `::` as one token.
fn tokens(code: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut characters = code.chars().peekable();
    while let Some(c) = characters.next() {
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        if !word.is_empty() {
            tokens.push(std::mem::take(&mut word));
        }
        if c == ':' && characters.peek() == Some(&':') {
            characters.next();
            tokens.push("::".to_owned());
        } else if !c.is_whitespace() {
            tokens.push(c.to_string());
        }
    }
    if !word.is_empty() {
        tokens.push(word);
    }
    tokens
}

/// Returns the names that follow `start::`, including those in braces. For `crate::{a::B, c}`, these are `a` and `c`.
fn names_after(tokens: &[String], start: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for at in 0..tokens.len() {
        let follows_path = at > 0 && tokens[at - 1] == "::";
        if tokens[at] != start || follows_path || tokens.get(at + 1).is_none_or(|next| next != "::") {
            continue;
        }
        match tokens.get(at + 2).map(String::as_str) {
            Some("{") => names.extend(names_in_braces(&tokens[at + 3..])),
            Some(name) if is_identifier(name) => {
                names.insert(name.to_owned());
            }
            _ => {}
        }
    }
    names
}

/// Returns the first name of each path in a `use` group, up to its closing brace.
fn names_in_braces(tokens: &[String]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut depth = 0_usize;
    let mut at_start = true;
    for token in tokens {
        match token.as_str() {
            "{" => depth += 1,
            "}" if depth == 0 => break,
            "}" => depth -= 1,
            "," if depth == 0 => at_start = true,
            name if at_start && depth == 0 && is_identifier(name) => {
                names.insert(name.to_owned());
                at_start = false;
            }
            _ => {}
        }
    }
    names
}

/// Maps each name that the crate root re-exports to the module that it comes from. For `pub use a::{B, c::D}`, this maps `B`
/// and `D` to `a`.
fn re_exports(root: &str, modules: &BTreeSet<String>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for statement in root.split(';') {
        let tokens = tokens(statement);
        let Some(at) = tokens.iter().position(|token| token == "use") else { continue };
        let path: Vec<&String> =
            tokens[at + 1..].iter().skip_while(|token| ["crate", "self", "::"].contains(&token.as_str())).collect();
        let Some(module) = path.first().filter(|module| modules.contains(**module)) else { continue };
        for name in path.iter().skip(1).filter(|name| is_identifier(name)) {
            found.insert((*name).clone(), (*module).clone());
        }
    }
    found
}

/// The files of one crate: its root, and each top-level module with its submodules.
struct Crate {
    root: String,
    /// The code of each module's files. The flag says whether a file is the module's own top level.
    modules: BTreeMap<String, Vec<(String, bool)>>,
}

impl Crate {
    /// Reads a crate from its source folder. Returns `None` if it has no library.
    fn read(folder: &Path) -> Option<Self> {
        let root = source::code(&std::fs::read_to_string(folder.join("lib.rs")).ok()?);
        let mut modules = BTreeMap::new();
        for name in declared_modules(&root) {
            let mut files = Vec::new();
            let nested = folder.join(&name);
            for top in [folder.join(format!("{name}.rs")), nested.join("mod.rs")] {
                if let Ok(source) = std::fs::read_to_string(&top) {
                    let code = source::code(&source);
                    read_submodules(&code, &nested, &mut files);
                    files.push((code, true));
                }
            }
            modules.insert(name, files);
        }
        Some(Self { root, modules })
    }

    fn graph(&self) -> Graph {
        let names: BTreeSet<String> = self.modules.keys().cloned().collect();
        let re_exports = re_exports(&self.root, &names);
        let mut graph = Graph::new();
        for (module, files) in &self.modules {
            let used = graph.entry(module.clone()).or_default();
            for (code, is_top) in files {
                let tokens = tokens(code);
                let mut paths = names_after(&tokens, "crate");
                if *is_top {
                    paths.extend(names_after(&tokens, "super"));
                }
                let targets = paths.into_iter().filter_map(|name| {
                    let module = if names.contains(&name) { Some(&name) } else { re_exports.get(&name) };
                    module.cloned()
                });
                used.extend(targets.filter(|target| target != module));
            }
        }
        graph
    }
}

/// Returns the names that the code declares with `mod name;`.
fn declared_modules(code: &str) -> BTreeSet<String> {
    let tokens = tokens(code);
    let declared = tokens.windows(3).filter(|found| found[0] == "mod" && found[2] == ";");
    declared.map(|found| found[1].clone()).collect()
}

/// Reads the files of the submodules that `code` declares.
fn read_submodules(code: &str, folder: &Path, files: &mut Vec<(String, bool)>) {
    for name in declared_modules(code) {
        let nested = folder.join(&name);
        for file in [folder.join(format!("{name}.rs")), nested.join("mod.rs")] {
            if let Ok(source) = std::fs::read_to_string(&file) {
                let code = source::code(&source);
                read_submodules(&code, &nested, files);
                files.push((code, false));
            }
        }
    }
}

/// Returns the modules that `start` uses directly or indirectly.
fn reachable<'g>(graph: &'g Graph, start: &str) -> BTreeSet<&'g String> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&String> = graph.get(start).into_iter().flatten().collect();
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(graph.get(next).into_iter().flatten());
        }
    }
    reached
}

/// Returns every cycle, as the set of modules that all reach each other.
fn circles(graph: &Graph) -> BTreeSet<BTreeSet<String>> {
    let mut circles = BTreeSet::new();
    for module in graph.keys() {
        let from = reachable(graph, module);
        if from.contains(module) {
            let mutual = from.iter().filter(|other| reachable(graph, other).contains(module));
            circles.insert(mutual.map(|other| (*other).clone()).collect());
        }
    }
    circles
}

/// Describes a cycle by its dependencies: `a -> b, b -> a`.
fn describe(graph: &Graph, circle: &BTreeSet<String>) -> String {
    let uses = circle
        .iter()
        .flat_map(|module| graph[module].intersection(circle).map(move |used| format!("{module} -> {used}")));
    uses.collect::<Vec<_>>().join(", ")
}

fn source_folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for group in ["crates", "functions"] {
        for entry in std::fs::read_dir(root().join(group)).expect("the folder exists") {
            folders.push(entry.expect("a readable entry").path().join("src"));
        }
    }
    folders.push(root().join("tests/src"));
    folders.sort();
    folders
}

#[test]
fn modules_of_a_crate_have_no_cycles() {
    let mut crates = 0;
    let mut found = Vec::new();
    for folder in source_folders() {
        let Some(read) = Crate::read(&folder) else { continue };
        crates += 1;
        let graph = read.graph();
        let name = folder.strip_prefix(root()).expect("a folder of the checkout").display();
        found.extend(circles(&graph).iter().map(|circle| format!("{name}: {}", describe(&graph, circle))));
    }
    assert!(crates > 10, "only {crates} crates were found");
    assert!(found.is_empty(), "modules depend on each other in a cycle:\n{}", found.join("\n"));
}

/// Writes a crate into a folder, and returns its cycles.
fn circles_of(files: &[(&str, &str)]) -> BTreeSet<BTreeSet<String>> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, source) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a file in the folder")).expect("a writable folder");
        std::fs::write(path, source).expect("a writable file");
    }
    circles(&Crate::read(folder.path()).expect("a lib.rs").graph())
}

fn circle(names: &[&str]) -> BTreeSet<BTreeSet<String>> {
    BTreeSet::from([names.iter().map(|name| (*name).to_owned()).collect()])
}

#[test]
fn cycle_of_three_modules_is_found() {
    let found = circles_of(&[
        ("lib.rs", "pub mod a; mod b; mod c; mod d; pub use c::{Third, other::Fourth};"),
        ("a.rs", "use super::b::B; pub struct A(B);"),
        ("b.rs", "pub struct B(Option<crate::Fourth>);"),
        ("c.rs", "mod deep; pub struct Third;"),
        ("c/deep.rs", "use crate::{d::D, a};"),
        ("d.rs", "pub struct D;"),
    ]);
    assert_eq!(found, circle(&["a", "b", "c"]));
}

#[test]
fn comments_strings_and_tests_do_not_form_cycles() {
    let found = circles_of(&[
        ("lib.rs", "mod a; mod b; #[cfg(test)] mod tests; use a::A;"),
        ("a.rs", "use crate::b::B; fn a<'a>(x: &'a str) { let quote = '\"'; }"),
        (
            "b.rs",
            "//! See [`crate::a`].\n/* crate::a /* nested */ crate::a */\n\
             const S: &str = \"\\\"crate::a\"; const R: &str = r#\"\"crate::a\"#; const C: char = '\\'';\n\
             #[cfg(test)]\nuse crate::a::A;\n#[cfg(test)]\nmod tests { use crate::a::A; fn t() { let x = [1; 2]; } }\n\
             pub struct B;",
        ),
        ("tests.rs", "use crate::a; use crate::b;"),
    ]);
    assert_eq!(found, BTreeSet::new());
}

#[test]
fn code_after_a_test_module_is_checked() {
    let found = circles_of(&[
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b::B;"),
        ("b.rs", "#[cfg(test)]\nmod tests { fn t() {} }\nfn f() { crate::a::f(); }"),
    ]);
    assert_eq!(found, circle(&["a", "b"]));
}
