//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

pub mod campaign;
pub mod control;
pub mod effect;
pub mod folders;
pub mod offers;
pub mod phrases;
pub mod run;
pub mod tools;
mod values;
pub mod voice;

/// Turns a bank's encrypted customer workbooks into a narrated, captioned video for each customer who agreed to it.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    /// The command
    #[command(subcommand)]
    pub command: Command,
    /// Print the report as JSON on standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// Print more on standard error; repeat the option to print everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// The settings file [default: bespoke.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE", env = "BESPOKE_CONFIG")]
    pub config: Option<PathBuf>,
}

pub(crate) const EXAMPLES: &str = "\
Examples:
  bespoke doctor                                   check this machine, and show how to install missing programs
  bespoke demo                                     the sample customers, two of them with a video
  bespoke check data                               list every problem in three workbooks
  bespoke run --customer 0001                      one customer
  bespoke run --customer 0001 --category \"Consumer Lending\" --rate 150
  bespoke campaign --dry-run data                  forecast a campaign
  bespoke campaign --limit 50 --budget 10 data     the first fifty; without --limit it continues with the others
  bespoke serve --open                             the same on a web page
  bespoke guard letter.txt --products auto-loan    check a letter with the guard
  bespoke evidence --customer 0001                 why the bank said this to a customer
  bespoke explain --customer 0001                  which offers a customer would get, and why
  bespoke suppress --customer 0001                 never contact this customer
  bespoke review                                   list the results in review
  bespoke forget --customer 0001                   destroy all data about a customer

Exit codes: 0 done, 1 refused by the guard or not verified, 2 usage or settings, 3 bad input, 4 nothing to do \
(no consent), 5 a service or program failed, 6 partly done or in review. Passwords and keys come from the \
environment or from .env.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make recommendations for the sample customers, and videos for two of them
    Demo(run::DemoArgs),
    /// Make one customer's recommendation
    Run(run::RunArgs),
    /// Make a recommendation for every customer who consented, or forecast it
    Campaign(campaign::CampaignArgs),
    /// Verify that a run's evidence and media are unchanged
    Verify(campaign::VerifyArgs),
    /// Copy the public key and the log's newest signed head, to verify runs with them later
    Pin(campaign::PinArgs),
    /// Serve the page and the API on this machine
    Serve(tools::ServeArgs),
    /// List every problem that a run would find in the three workbooks
    Check(tools::CheckArgs),
    /// Check any text with the guard
    Guard(tools::GuardArgs),
    /// Write sample workbooks of any size
    Sample(tools::SampleArgs),
    /// Show the settings in effect and where each came from
    Config,
    /// Check this machine, and show how to install missing programs
    Doctor(tools::DoctorArgs),
    /// List the engines and voices, or install them
    Voices(voice::VoicesArgs),
    /// Narrate text into an audio file
    Narrate(voice::NarrateArgs),
    /// Show a run's result, or read it aloud
    Play(voice::PlayArgs),
    /// Report why the bank said something to one customer: consent, facts, scores and checks
    Evidence(tools::EvidenceArgs),
    /// Measure a video and its captions, and report values out of range
    Inspect(tools::InspectArgs),
    /// Show which offers one customer would get and why, without making results
    Explain(offers::ExplainArgs),
    /// Print the scores, sentiment and topics of each post in a file, as one line of JSON per post
    Sentiment(offers::SentimentArgs),
    /// Never contact a customer, or list the suppressed customers
    Suppress(offers::SuppressArgs),
    /// Record a customer's newer answers to the consent questions; they can only restrict what the workbooks permit
    Consent(offers::ConsentArgs),
    /// List the results in review, approve one or reject it
    Review(control::ReviewArgs),
    /// Withdraw the published results of a run
    Recall(control::RecallArgs),
    /// Destroy all data about a customer, and never contact them again
    Forget(control::ForgetArgs),
    /// Check that no suppression, consent, choice, legal hold or erasure record was deleted
    Control(control::ControlArgs),
    /// Place a legal hold: keep a customer's data for a case or an audit, so that forget and expire do not delete it
    #[command(alias = "hold")]
    LegalHold(control::LegalHoldArgs),
    /// Write the table of a run's results and links for the bank's mail or CRM system
    Export(control::ExportArgs),
    /// List customers' answers on their pages: asked for a call, declined a product, opted out
    Answers(control::AnswersArgs),
    /// Send a run's undelivered notifications, including dead letters
    Notify(control::NotifyArgs),
    /// Write the table and an e-mail for each customer, send notifications, or both
    Deliver(control::DeliverArgs),
    /// Delete data whose retention period has ended
    Expire(control::ExpireArgs),
    /// Measure whether a campaign helped: compare a run with its control group, or import customers' adoptions
    Effect(effect::EffectArgs),
    /// Compare offer rates between the protected groups in a profile workbook
    Disparity(offers::DisparityArgs),
    /// Commands for the product catalog
    #[command(subcommand)]
    Catalogue(tools::CatalogueCommand),
    /// Check and preview the scenes of the brand
    #[command(subcommand)]
    Scene(tools::SceneCommand),
    /// Check, list and approve the lines of the phrasebook
    #[command(subcommand)]
    Phrases(phrases::PhrasesCommand),
    /// Rotate the data key, which wraps the customers' keys
    #[command(subcommand)]
    Keys(tools::KeysCommand),
    /// Write the generated reference pages
    #[command(hide = true)]
    Reference(tools::ReferenceArgs),
    /// Run another program in this process; it ends when the caller ends
    #[command(hide = true)]
    EndWithParent {
        /// The program with its arguments
        #[arg(value_name = "PROGRAM", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        program: Vec<std::ffi::OsString>,
    },
    /// Read the workbooks on standard input, with limits on memory and time, as a child of another command
    #[command(hide = true)]
    ReadWorkbooks,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn former_command_names_still_parse() {
        for line in [
            "bespoke hold --list",
            "bespoke deliver run-1 --notify",
            "bespoke deliver run-1 --out out --notify",
            "bespoke deliver run-1 --out out",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_ok(), "{line}");
        }
    }
}
