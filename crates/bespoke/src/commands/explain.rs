//! `bespoke explain`: shows which offers a customer would get now and why, without producing any output files or calling
//! a model.

use std::fmt::Write;

use anstyle::Style;
use assess::{Rules, assess};
use contracts::catalogue::Catalogue;
use contracts::facts::{Assessment, Stance};
use contracts::text::counted;
use contracts::{CustomerId, CustomerRef, Digest, ErrorName};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use policy::control::{self, Control};
use runner::config::Config;
use runner::failure::Failure;
use runner::project::{Workbooks, catalogue, languages, lexicon};
use runner::secrets::LocalSecrets;
use serde::Serialize;
use storage::vault::Keys;

use super::context::{Context, open_artifacts};
use super::sections;
use crate::cli::offers::ExplainArgs;

/// The command's output.
#[derive(Serialize)]
struct Explanation {
    customer: String,
    reference: CustomerRef,
    catalogue: Digest,
    catalogue_version: String,
    #[serde(flatten)]
    assessment: Assessment,
}

pub(super) async fn execute(args: ExplainArgs, config: Config, context: Context) -> Result<u8, Failure> {
    let folders = args.folders;
    let catalogue = catalogue(&folders.data, folders.catalogue.as_ref())?;
    let lexicon = lexicon(&folders.data, folders.lexicon.as_ref())?;
    let secrets = LocalSecrets::of_folder(&folders.artifacts);
    let workbooks = Workbooks::read(&folders.data, &secrets).await?;
    workbooks.guard(&config.settings, &catalogue).await?;
    let keys = Keys::from_secrets(&secrets).await?;
    let customer = args.customer;
    let unknown = || {
        let message = "the workbooks have no customer with that id";
        Failure::new(ErrorName::InputUnknownCustomer, message, "ids are text: 0001 is not 1")
    };
    let reference = keys.reference(&CustomerId::parse(customer.clone()).map_err(|_| unknown())?);
    let control = if folders.artifacts.is_dir() {
        let (_, vault, _) = open_artifacts(&folders.artifacts).await?;
        control::read(&vault, &reference, Timestamp::now()).await?
    } else {
        Control::default()
    };
    let settings = config.settings;
    let languages = languages(&folders.clone().into(), &catalogue, settings.language);
    let categories = if args.categories.is_empty() { settings.offers.categories.clone() } else { args.categories };
    let explained = tokio::task::spawn_blocking(move || -> Result<_, merge::Error> {
        let Workbooks { files, password } = &workbooks;
        let now = Timestamp::now();
        let (records, _) = merge::join(files, password.as_ref(), &settings.intake, &catalogue, &keys, now)?;
        let rules = Rules {
            catalogue: &catalogue,
            lexicon: &lexicon,
            keys: &keys,
            categories: &categories,
            at_most: settings.offers.at_most,
            stop_days: settings.offers.stops_age_out_days.into(),
            today: now.to_zoned(TimeZone::UTC).date(),
            languages: &languages,
        };
        let record = records.into_iter().find(|record| *record.reference() == reference);
        let explanation = record.map(|record| Explanation {
            customer,
            reference,
            catalogue: catalogue.digest(),
            catalogue_version: catalogue.version().to_owned(),
            assessment: assess(record, &control, &rules),
        });
        Ok((explanation, catalogue))
    });
    let (explanation, catalogue) = explained.await.map_err(merge::Error::from)??;
    let explanation = explanation.ok_or_else(unknown)?;
    context.print(&explanation, || to_text(&explanation, &catalogue));
    Ok(0)
}

fn to_text(report: &Explanation, catalogue: &Catalogue) -> String {
    let mut text = String::new();
    let bold = Style::new().bold();
    let Explanation { customer, assessment, .. } = report;
    match assessment {
        Assessment::Skip { skip, consent } => {
            let _infallible = writeln!(text, "{bold}{customer}{bold:#}  would be skipped: {}", skip.internal_reason());
            sections::consent(&mut text, consent);
        }
        Assessment::Proceed(facts) | Assessment::HeldOut(facts) => {
            let result = match &facts.stance {
                Stance::Recommend { offers } => format!("would get {}", counted(offers.len(), "offer", "offers")),
                Stance::Service { topic } => {
                    format!("would get a service message about {}, with no offers", topic.words())
                }
            };
            let _infallible = writeln!(text, "{bold}{customer}{bold:#}  {}  {result}", facts.first_name);
            sections::consent(&mut text, &facts.consent);
            sections::facts(&mut text, facts, catalogue);
            sections::candidates(&mut text, facts, catalogue);
        }
    }
    text
}
