//! `bespoke disparity`: reports whether protected groups get offers as often as others. The protected attributes in a
//! profile workbook are read separately from the join, after the decisions are made. They are used only for the group
//! counts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use assess::{Rules, assess};
use contracts::CustomerRef;
use contracts::facts::{Assessment, Facts, Skip, Stance};
use contracts::text::counted;
use jiff::{Timestamp, Zoned};
use policy::control::Control;
use policy::customer::CustomerRecord;
use runner::config::Config;
use runner::failure::Failure;
use runner::project::{Workbooks, catalogue, lexicon};
use runner::secrets::LocalSecrets;
use serde::Serialize;
use storage::vault::Keys;

use super::context::Context;
use crate::cli::offers::DisparityArgs;
use crate::disparity::{
    AttributeComparison, CustomerOffers, GroupRate, MIN_GROUP_SIZE, OfferRates, RateVerdict, compare, group,
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
    attributes: Vec<AttributeComparison>,
}

pub(super) async fn execute(args: DisparityArgs, config: Config, context: Context) -> Result<u8, Failure> {
    let (catalogue, lexicon) =
        (catalogue(&args.data, args.catalogue.as_ref())?, lexicon(&args.data, args.lexicon.as_ref())?);
    let books = Workbooks::read(&args.data, &LocalSecrets::new(LocalSecrets::default_key_file())).await?;
    let settings = config.settings;
    books.guard(&settings, &catalogue).await?;
    let report = tokio::task::spawn_blocking(move || -> Result<DisparityReport, merge::Error> {
        let Workbooks { files, password } = &books;
        let (password, intake) = (password.as_ref(), &settings.intake);
        // These references exist only in memory, so their key need not be secret.
        let keys = Keys::new([0; 32], [0; 32]);
        let (records, _) = merge::join(files, password, intake, &catalogue, &keys, Timestamp::now())?;
        let today = Zoned::now().date();
        let categories = if args.categories.is_empty() { &settings.offers.categories } else { &args.categories };
        let at_most = settings.offers.at_most;
        let rules = Rules {
            catalogue: &catalogue,
            lexicon: &lexicon,
            keys: &keys,
            categories,
            at_most,
            stop_days: settings.offers.stops_age_out_days.into(),
            today,
        };
        let customers = records.len();
        let mut cases: BTreeMap<CustomerRef, CustomerOffers> =
            records.into_iter().filter_map(|record| decide(record, &rules)).collect();
        for (id, protected) in merge::read_protected_attributes(&files[0], password, intake)? {
            if let Some(case) = cases.get_mut(&keys.reference(&id)) {
                let cells = protected.0.into_iter();
                case.groups = cells.map(|(column, cell)| (column, group(column, &cell, today))).collect();
            }
        }
        let cases: Vec<CustomerOffers> = cases.into_values().collect();
        let attributes = compare(&cases);
        let findings =
            attributes.iter().map(|attribute| attribute.with_verdict(RateVerdict::BelowFourFifths).count()).sum();
        Ok(DisparityReport { customers, considered: cases.len(), findings, attributes })
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
        Assessment::Proceed(_) | Assessment::Skip { skip: Skip::NoSuitableOffer | Skip::Stopped(_), .. } => {
            BTreeSet::new()
        }
        Assessment::Skip { .. } => return None,
    };
    Some((reference, CustomerOffers { groups: BTreeMap::new(), offered }))
}

fn to_text(report: &DisparityReport) -> String {
    let bold = Style::new().bold();
    let mut text = String::new();
    let DisparityReport { customers, considered, findings, attributes } = report;
    let _infallible =
        writeln!(text, "{considered} of {} consented and are counted", counted(*customers, "customer", "customers"));
    if attributes.is_empty() {
        let _infallible = writeln!(text, "The profile workbook has no protected column");
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
        for (selection, rate) in attribute.with_verdict(RateVerdict::BelowFourFifths) {
            line(&mut text, AnsiColor::Red, "below four fifths", selection, rate);
        }
        for (selection, rate) in attribute.with_verdict(RateVerdict::MayBeChance) {
            line(&mut text, AnsiColor::Yellow, "may be due to chance", selection, rate);
        }
    }
    let verdict = match findings {
        0 => "No rate is significantly below four fifths of the highest (29 CFR 1607.4(D))".to_owned(),
        some => format!("{some} rates are below four fifths of the highest (29 CFR 1607.4(D)): have them reviewed"),
    };
    let _infallible = writeln!(text, "\n{bold}{verdict}{bold:#}");
    text
}

fn line(text: &mut String, colour: AnsiColor, verdict: &str, selection: &OfferRates, rate: &GroupRate) {
    let style = Style::new().fg_color(Some(colour.into()));
    let offer = selection.offer.as_ref().map_or("any offer".to_owned(), ToString::to_string);
    let GroupRate { group, offered, ratio, deviations, .. } = rate;
    let _infallible = writeln!(
        text,
        "  {style}{verdict}{style:#}: {group} and {offer}: {offered} offered, ratio {ratio:.2}, {deviations:.1} standard deviations"
    );
}
