//! `bespoke config`: shows the settings in effect and where each came from.

use std::fmt::Write;

use runner::config::Config;
use serde::Serialize;

use super::context::Context;

/// One setting, as the report shows it.
#[derive(Serialize)]
struct Setting<'a> {
    field: &'a str,
    value: &'a toml::Value,
    from: &'a str,
}

pub(super) fn execute(config: &Config, context: Context) -> u8 {
    let settings: Vec<Setting<'_>> =
        config.origins().iter().map(|(field, value, from)| Setting { field, value, from }).collect();
    context.print(&settings, || {
        let mut text = String::new();
        for Setting { field, value, from } in &settings {
            let _infallible = writeln!(text, "{field:<32} {:<44} {from}", value.to_string());
        }
        let _infallible = writeln!(text, "\ndigest {}", config.settings.digest());
        text
    });
    0
}
