//! `bespoke doctor`

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::Shared;
use crate::cli::Doctor;
use crate::config::Config;
use crate::doctor::{State, examine};
use crate::failure::Failure;
use crate::secrets::LocalSecrets;

pub(super) async fn execute(doctor: &Doctor, config: &Config, shared: Shared) -> Result<u8, Failure> {
    let secrets = LocalSecrets::new(LocalSecrets::default_key_file());
    let findings = examine(&doctor.folders, &config.settings, &secrets).await;
    shared.print(&findings, || {
        let mut text = String::new();
        for finding in &findings {
            let (sign, colour) = match finding.state {
                State::Good => ("✓", AnsiColor::Green),
                State::Note => ("·", AnsiColor::Yellow),
                State::Bad => ("✗", AnsiColor::Red),
            };
            let style = Style::new().fg_color(Some(colour.into()));
            let _infallible = writeln!(text, "{style}{sign}{style:#} {:<18} {}", finding.what, finding.found);
            if let Some(help) = &finding.help {
                let _infallible = writeln!(text, "  {:<18} → {help}", "");
            }
        }
        text
    });
    Ok(findings.iter().find(|finding| finding.state == State::Bad).map_or(0, |bad| bad.name.exit_code()))
}
