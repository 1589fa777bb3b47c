//! `bespoke disparity`: reports whether protected groups get offers as often as others. The protected attributes in a
//! profile workbook are read separately from the join, after the decisions are made. They are used only for the group
//! counts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use anstyle::{AnsiColor, Style};
use assess::{Rules, assess};
use contracts::facts::{Assessment, Facts, Skip, Stance};
use contracts::text::counted;
use contracts::{CustomerRef, Language, Languages};
use jiff::{Timestamp, Zoned};
use merge::LookalikeColumn;
use policy::control::Control;
use policy::customer::CustomerRecord;
use runner::config::Config;
use runner::effect::{RunOutcomes, outcomes};
use runner::failure::Failure;
use runner::project::{Workbooks, catalogue, lexicon};
use runner::secrets::LocalSecrets;
use serde::Serialize;
use storage::vault::Keys;

use super::context::{Context, open_artifacts, run_id};
use crate::cli::offers::DisparityArgs;
use crate::disparity::{
    AttributeComparison, CustomerOffers, CustomerResults, GroupRate, MIN_GROUP_SIZE, Measure, OfferRates, RateVerdict,
    compare, group,
};

/// The command's output.
#[derive(Serialize)]
struct DisparityReport {
    /// Customers in the workbooks.
    customers: usize,
    /// Customers who consented. The rates are computed over them.
    considered: usize,
    /// Rates below four fifths that chance alone does not explain.
    findings: usize,
    /// Whether there was nothing to compare, because the profile has no protected column with a group that can be judged.
    nothing_compared: bool,
    /// The columns that were not compared although their names suggest a protected attribute.
    lookalikes: Vec<LookalikeColumn>,
    /// The status of the comparison in law.
    status: &'static str,
    attributes: Vec<AttributeComparison>,
}

/// The status of the comparison in law. The source is in `docs/concepts/offers.md`.
const STATUS: &str = "For credit in the United States, this comparison has been voluntary since July 2026, when the \
    effects test of Regulation B ended. The four-fifths ratio comes from employment law (29 CFR 1607.4(D)). Let your \
    counsel decide what follows from the numbers.";

pub(super) async fn execute(args: DisparityArgs, config: Config, context: Context) -> Result<u8, Failure> {
    let (catalogue, lexicon) =
        (catalogue(&args.data, args.catalogue.as_ref())?, lexicon(&args.data, args.lexicon.as_ref())?);
    let books = Workbooks::read(&args.data, &LocalSecrets::new(LocalSecrets::default_key_file())).await?;
    let settings = config.settings;
    books.guard(&settings, &catalogue).await?;
    let run = RunResults::read(args.run.as_deref(), &args.artifacts).await?;
    let report = tokio::task::spawn_blocking(move || -> Result<DisparityReport, merge::Error> {
        let Workbooks { files, password } = &books;
        let (password, intake) = (password.as_ref(), &settings.intake);
        let keys = &run.keys;
        let (records, _) = merge::join(files, password, intake, &catalogue, keys, Timestamp::now())?;
        let today = Zoned::now().date();
        let categories = if args.categories.is_empty() { &settings.offers.categories } else { &args.categories };
        let at_most = settings.offers.at_most;
        let rules = Rules {
            catalogue: &catalogue,
            lexicon: &lexicon,
            keys,
            categories,
            at_most,
            stop_days: settings.offers.stops_age_out_days.into(),
            today,
            // Each customer's preferred language counts, because it decides which products have texts.
            languages: &Languages::new(settings.language, Language::ALL),
        };
        let customers = records.len();
        let mut cases: BTreeMap<CustomerRef, CustomerOffers> =
            records.into_iter().filter_map(|record| decide(record, &rules)).collect();
        for (reference, case) in &mut cases {
            case.results = run.of(reference);
        }
        let profile = merge::read_protected_attributes(&files[0], password, intake, &args.columns)?;
        for (id, protected) in profile.customers {
            if let Some(case) = cases.get_mut(&keys.reference(&id)) {
                let cells = protected.0.into_iter();
                case.groups = cells.map(|(column, cell)| (column, group(column, &cell, today))).collect();
            }
        }
        let cases: Vec<CustomerOffers> = cases.into_values().collect();
        let attributes = compare(&cases);
        Ok(DisparityReport {
            customers,
            considered: cases.len(),
            findings: attributes.iter().map(|attribute| attribute.findings().count()).sum(),
            nothing_compared: attributes.iter().all(|attribute| attribute.selections.is_empty()),
            lookalikes: profile.lookalikes,
            status: STATUS,
            attributes,
        })
    });
    let report = report.await.map_err(merge::Error::from)??;
    context.print(&report, || to_text(&report));
    Ok(0)
}

/// Returns the offers of a customer who consented.
fn decide(record: CustomerRecord, rules: &Rules<'_>) -> Option<(CustomerRef, CustomerOffers)> {
    let reference = record.reference().clone();
    let offered = match assess(record, &Control::default(), rules) {
        Assessment::Proceed(Facts { stance: Stance::Recommend { offers }, .. }) => {
            offers.into_iter().map(|offer| offer.product).collect()
        }
        Assessment::Proceed(_)
        | Assessment::HeldOut(_)
        | Assessment::Skip { skip: Skip::NoSuitableOffer | Skip::Stopped(_), .. } => BTreeSet::new(),
        Assessment::Skip { .. } => return None,
    };
    Some((reference, CustomerOffers { offered, ..CustomerOffers::default() }))
}

/// The results of a run, and the keys for its customers' references.
struct RunResults {
    keys: Keys,
    outcomes: Option<RunOutcomes>,
}

impl RunResults {
    /// Reads the results of a run, if one is named.
    async fn read(run: Option<&str>, artifacts: &Path) -> Result<Self, Failure> {
        let Some(run) = run else {
            // These references exist only in memory, so their key need not be secret.
            return Ok(Self { keys: Keys::new([0; 32], [0; 32]), outcomes: None });
        };
        let run = run_id(run.to_owned())?;
        let (_, vault, secrets) = open_artifacts(artifacts).await?;
        Ok(Self { keys: Keys::from_secrets(&secrets).await?, outcomes: Some(outcomes(&run, &vault).await?) })
    }

    /// Returns the results of a customer. A customer who is not in the run has none.
    fn of(&self, reference: &CustomerRef) -> CustomerResults {
        let Some(outcomes) = &self.outcomes else { return CustomerResults::default() };
        let Some(outcome) = outcomes.customers.get(reference) else { return CustomerResults::default() };
        CustomerResults {
            reached: Some(outcome.reached),
            stayed: outcome.reached.then_some(!outcome.opted_out),
            benefited: (outcome.reached && outcomes.has_adoptions).then_some(outcome.benefited),
        }
    }
}

fn to_text(report: &DisparityReport) -> String {
    let bold = Style::new().bold();
    let mut text = String::new();
    let DisparityReport { customers, considered, findings, lookalikes, attributes, .. } = report;
    let _infallible =
        writeln!(text, "{considered} of {} consented and are counted", counted(*customers, "customer", "customers"));
    if attributes.is_empty() {
        let _infallible = writeln!(text, "The profile workbook has no column that is known to be protected");
    }
    for LookalikeColumn { header, looks_like } in lookalikes {
        let _infallible = writeln!(
            text,
            "Not compared: the column {header:?} looks like {looks_like}; if it is, add --column {looks_like}={header:?}"
        );
    }
    for attribute in attributes {
        let _infallible = writeln!(
            text,
            "\n{bold}{:<26}{:>10}{:>14}{:>8}{bold:#}",
            attribute.name, "customers", "any offer", "ratio"
        );
        let any = attribute.selections.first().map(|selection| selection.rates.as_slice()).unwrap_or_default();
        for (group, customers) in &attribute.groups {
            let rate = any.iter().find(|rate| rate.group == *group);
            let (share, ratio) = rate.map_or((0.0, 0.0), |rate| (rate.rate, rate.ratio));
            let _infallible = writeln!(text, "  {group:<24}{customers:>10}{:>12.1} %{ratio:>8.2}", share * 100.0);
        }
        if !attribute.too_few.is_empty() {
            let (groups, customers) = (attribute.too_few.len(), attribute.too_few.values().sum::<usize>());
            let _infallible = writeln!(
                text,
                "  {} of fewer than {MIN_GROUP_SIZE} ({}): too small to judge",
                counted(groups, "group", "groups"),
                counted(customers, "customer", "customers")
            );
        }
        results(&mut text, attribute);
        for (selection, rate) in attribute.findings() {
            line(&mut text, AnsiColor::Red, "below four fifths", selection, rate);
        }
        for (selection, rate) in attribute.with_verdict(RateVerdict::MayBeChance) {
            line(&mut text, AnsiColor::Yellow, "may be due to chance", selection, rate);
        }
    }
    let verdict = match findings {
        _ if report.nothing_compared => {
            "Nothing was compared: no protected column has a group that can be judged".to_owned()
        }
        0 => "No rate is significantly below four fifths of the highest (29 CFR 1607.4(D))".to_owned(),
        some => format!("{some} rates are below four fifths of the highest (29 CFR 1607.4(D)): have them reviewed"),
    };
    let _infallible = writeln!(text, "\n{bold}{verdict}{bold:#}\n{}", textwrap::fill(report.status, 96));
    text
}

/// Writes the results of a run for one attribute: whom it reached, who stayed, and who benefited.
fn results(text: &mut String, attribute: &AttributeComparison) {
    for selection in attribute.selections.iter().filter(|selection| selection.measure != Measure::Offered) {
        let rates: Vec<String> =
            selection.rates.iter().map(|rate| format!("{} {:.1} %", rate.group, rate.rate * 100.0)).collect();
        let _infallible = writeln!(text, "  {}: {}", selection.measure.words(), rates.join(", "));
    }
}

fn line(text: &mut String, colour: AnsiColor, verdict: &str, selection: &OfferRates, rate: &GroupRate) {
    let style = Style::new().fg_color(Some(colour.into()));
    let offer = selection.offer.as_ref().map_or(selection.measure.words().to_owned(), ToString::to_string);
    let GroupRate { group, offered, ratio, deviations, rest, .. } = rate;
    let _infallible = writeln!(
        text,
        "  {style}{verdict}{style:#}: {group} and {offer}: {offered} customers; to the highest group ratio {ratio:.2}, \
         {deviations:.1} standard deviations; to the rest ratio {:.2}, {:.1} standard deviations",
        rest.ratio, rest.deviations
    );
}
