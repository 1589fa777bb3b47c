//! The reference page for settings.
//!
//! The descriptions are the doc comments in the source code of the settings, so they exist only once. A test compares
//! the fields in the source code with those that serde writes.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use contracts::language::Language;
use contracts::settings::Settings;
use runner::config::VARIABLES;
use serde_json::{Value, json};

use super::{NOTICE, cell};

/// The source code of the settings.
const SOURCE: &str = concat!(
    include_str!("../../../contracts/src/settings.rs"),
    include_str!("../../../contracts/src/settings/effect.rs"),
    include_str!("../../../contracts/src/settings/intake.rs"),
);

/// A field of a settings struct in the source code.
#[derive(Clone, Debug)]
struct Field {
    name: String,
    kind: String,
    doc: String,
}

/// Returns the page.
pub(super) fn page() -> String {
    let structs = structs();
    let defaults = defaults();
    let mut text = format!(
        "{NOTICE}\n\n# Settings\n\n\
         On one machine, settings are in `bespoke.toml`, or in the file that `--config` names. On AWS, they are in \
         `config/bespoke.toml` in the bucket. Every field is optional. Unknown fields are errors. `bespoke config` shows \
         the values in effect and where each came from.\n"
    );
    for section in &structs["Settings"] {
        let _infallible = writeln!(text, "\n## `[{}]`\n\n{}\n", section.name, section.doc);
        text.push_str("| Field | Description | Default | Environment |\n|---|---|---|---|\n");
        for (path, field) in leaves(&structs, section) {
            let variable = VARIABLES.iter().find(|(_, setting)| *setting == path).map(|(name, _)| *name);
            let _infallible = writeln!(
                text,
                "| `{path}` | {} | {} | {} |",
                cell(&field.doc),
                cell(&default_of(&defaults, &path)),
                variable.map(|name| format!("`{name}`")).unwrap_or_default()
            );
        }
    }
    text
}

/// Reads the structs and their fields from the source code.
fn structs() -> BTreeMap<String, Vec<Field>> {
    let mut structs: BTreeMap<String, Vec<Field>> = BTreeMap::new();
    let mut current: Option<String> = None;
    let mut doc: Vec<String> = Vec::new();
    for line in SOURCE.lines() {
        let trimmed = line.trim();
        if let Some(name) = line.strip_prefix("pub struct ").and_then(|rest| rest.strip_suffix(" {")) {
            structs.insert(name.to_owned(), Vec::new());
            current = Some(name.to_owned());
            doc.clear();
        } else if line == "}" {
            current = None;
        } else if let Some(text) = trimmed.strip_prefix("///") {
            doc.push(text.trim().to_owned());
        } else if let (Some(of), Some(field)) = (&current, trimmed.strip_prefix("pub ")) {
            if let Some((name, kind)) = field.trim_end_matches(',').split_once(": ") {
                let doc = plain(&std::mem::take(&mut doc).join(" "));
                let fields = structs.get_mut(of).expect("the struct was inserted");
                fields.push(Field { name: name.to_owned(), kind: kind.to_owned(), doc });
            }
        } else if !trimmed.starts_with("#[") {
            doc.clear();
        }
    }
    structs
}

/// Turns links to Rust items into plain code.
fn plain(doc: &str) -> String {
    doc.replace("[`", "`").replace("`]", "`")
}

/// Returns the fields of a section by path, including those of nested structs.
fn leaves(structs: &BTreeMap<String, Vec<Field>>, section: &Field) -> Vec<(String, Field)> {
    let Some(fields) = structs.get(&section.kind) else { return vec![(section.name.clone(), section.clone())] };
    let below = fields.iter().flat_map(|field| leaves(structs, field));
    below.map(|(path, field)| (format!("{}.{path}", section.name), field)).collect()
}

/// Returns the default settings as JSON. Includes the section that serde omits when it has its default values.
fn defaults() -> Value {
    let mut defaults = serde_json::to_value(Settings::default()).expect("settings serialize to JSON");
    defaults["local"] = serde_json::to_value(Settings::default().local).expect("settings serialize to JSON");
    defaults["language"] = json!(Language::default());
    defaults["voice"]["names"] = json!({});
    // These defaults are omitted from the JSON, so they do not change the digest of the settings.
    defaults["intake"]["sheets"] = json!({});
    defaults["intake"]["header_row"] = json!({});
    defaults["intake"]["consent"] = json!({ "yes": [], "no": [] });
    defaults["intake"]["stops"] = json!({ "harmless": [], "declined": [] });
    defaults["intake"]["spending"] = Value::Null;
    defaults["intake"]["max_unknown_categories"] = json!(Settings::default().intake.max_unknown_categories);
    defaults
}

fn default_of(defaults: &Value, path: &str) -> String {
    match defaults.pointer(&format!("/{}", path.replace('.', "/"))) {
        None | Some(Value::Null) => String::new(),
        Some(Value::Object(map)) if map.is_empty() => String::new(),
        Some(value) => format!("`{value}`"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Returns the paths of all values that are not sections.
    fn paths(value: &Value, sections: &BTreeSet<String>, path: &str) -> BTreeSet<String> {
        match value {
            Value::Object(map) if path.is_empty() || sections.contains(path) => {
                let join = |name: &String| if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                map.iter().flat_map(|(name, value)| paths(value, sections, &join(name))).collect()
            }
            _ => BTreeSet::from([path.to_owned()]),
        }
    }

    #[test]
    fn source_and_serde_have_the_same_fields() {
        let structs = structs();
        let in_source: BTreeSet<String> =
            structs["Settings"].iter().flat_map(|section| leaves(&structs, section)).map(|(path, _)| path).collect();
        let sections: BTreeSet<String> = in_source
            .iter()
            .flat_map(|path| path.match_indices('.').map(|(end, _)| path[..end].to_owned()).collect::<Vec<_>>())
            .collect();
        assert_eq!(in_source, paths(&defaults(), &sections, ""));
        assert!(in_source.len() > 30, "{in_source:?}");
    }

    #[test]
    fn every_field_has_a_description_and_every_variable_has_a_field() {
        let structs = structs();
        let leaves: Vec<(String, Field)> =
            structs["Settings"].iter().flat_map(|section| leaves(&structs, section)).collect();
        for (path, field) in &leaves {
            assert!(!field.doc.is_empty(), "{path}");
        }
        for (name, setting) in VARIABLES {
            assert!(leaves.iter().any(|(path, _)| path == setting), "{name}");
        }
    }
}
