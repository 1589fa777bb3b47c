//! `bespoke doctor`: checks this machine.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use runner::config::Config;
use runner::doctor::{State, examine};
use runner::failure::Failure;
use runner::secrets::LocalSecrets;

use super::context::Context;
use crate::cli::tools::DoctorArgs;

pub(super) async fn execute(args: DoctorArgs, config: &Config, context: Context) -> Result<u8, Failure> {
    let secrets = LocalSecrets::new(LocalSecrets::default_key_file());
    let findings = examine(&args.folders.into(), &config.settings, &secrets).await;
    context.print(&findings, || {
        let mut text = String::new();
        for finding in &findings {
            let (mark, color) = match finding.state {
                State::Good => ("✓", AnsiColor::Green),
                State::Note => ("·", AnsiColor::Yellow),
                State::Bad => ("✗", AnsiColor::Red),
            };
            let style = Style::new().fg_color(Some(color.into()));
            let _infallible = writeln!(text, "{style}{mark}{style:#} {:<18} {}", finding.what, finding.found);
            if let Some(help) = &finding.help {
                let _infallible = writeln!(text, "  {:<18} → {help}", "");
            }
        }
        text
    });
    Ok(findings.iter().find(|finding| finding.state == State::Bad).map_or(0, |bad| bad.name.exit_code()))
}
