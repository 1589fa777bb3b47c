//! What the commands about campaigns are asked.

use std::path::PathBuf;

use clap::Args;

use super::Making;
use crate::project::Folders;

/// `bespoke campaign`
#[derive(Debug, Args)]
pub struct Campaign {
    /// The folder of the three workbooks
    #[arg(value_name = "DIR", default_value = "data", env = "BESPOKE_DATA")]
    pub data: PathBuf,
    /// Say who would be told something, who not and why, and what it would take; make nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The first N who have something to be told; the same command without it goes on with the others
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// How many customers are narrated and rendered at once [default: local.concurrency]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub max_concurrency: Option<u16>,
    /// Begin with nobody for whom these US dollars for models and outside voices may not suffice
    #[arg(long, value_name = "USD", value_parser = dollars)]
    pub budget: Option<f64>,
    /// What is to be made
    #[command(flatten)]
    pub making: Making,
    /// The folder for all that is made
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
    /// The folder of brand.toml, backgrounds, music, logo and fonts
    #[arg(long, value_name = "DIR", default_value = "assets", env = "BESPOKE_ASSETS")]
    pub assets: PathBuf,
    /// The product catalogue [default: catalogue.json beside the workbooks, or else data/catalogue.json]
    #[arg(long, value_name = "FILE", env = "BESPOKE_CATALOGUE")]
    pub catalogue: Option<PathBuf>,
    /// The words of categories and topics [default: lexicon.toml beside the workbooks, or else data/lexicon.toml]
    #[arg(long, value_name = "FILE", env = "BESPOKE_LEXICON")]
    pub lexicon: Option<PathBuf>,
}

impl Campaign {
    /// Where things are.
    #[must_use]
    pub fn folders(&self) -> Folders {
        Folders {
            data: self.data.clone(),
            artifacts: self.artifacts.clone(),
            assets: self.assets.clone(),
            catalogue: self.catalogue.clone(),
            lexicon: self.lexicon.clone(),
        }
    }
}

/// `bespoke verify`
#[derive(Debug, Args)]
pub struct Verify {
    /// The run, as its report and artifacts/runs name it
    #[arg(value_name = "RUN")]
    pub run: String,
    /// The folder of all that was made
    #[arg(long, value_name = "DIR", default_value = "artifacts", env = "BESPOKE_ARTIFACTS")]
    pub artifacts: PathBuf,
}

fn dollars(text: &str) -> Result<f64, String> {
    match text.trim_start_matches('$').parse::<f64>() {
        Ok(usd) if usd.is_finite() && usd >= 0.0 => Ok(usd),
        _ => Err("an amount of US dollars such as 12.50".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_an_amount_of_dollars() {
        assert_eq!((dollars("12.50"), dollars("$3"), dollars("0")), (Ok(12.5), Ok(3.0), Ok(0.0)));
        for wrong in ["-1", "NaN", "inf", "ten", ""] {
            assert!(dollars(wrong).is_err(), "{wrong}");
        }
    }
}
