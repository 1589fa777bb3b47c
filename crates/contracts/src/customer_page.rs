//! The content of the page behind a customer's link: `recommendation.json`. The page's own words are not part of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ProductId;
use crate::brand::Brand;
use crate::catalogue::{Catalogue, ProductKind};
use crate::choice::Choice;
use crate::facts::{Counterfactual, Facts, Need, ReasonFact, Stance};
use crate::narration::{Narration, VOICE_START};
use crate::script::Script;

/// The content of a customer's page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CustomerPage {
    /// The language of the recommendation, a BCP 47 tag.
    pub language: String,
    /// The customer's first name.
    pub first_name: String,
    /// The offers, in order. Empty for a service message.
    pub offers: Vec<PageOffer>,
    /// The spoken text, one paragraph per segment.
    pub transcript: Vec<String>,
    /// The legal lines of the bank and its products.
    pub disclosures: Vec<String>,
    /// The names of all products that the offers, their reasons and the counterfactuals mention.
    pub names: BTreeMap<ProductId, String>,
    /// The offers after each choice that the customer could make.
    pub counterfactuals: Vec<Counterfactual>,
    /// Whether posts contributed to the result.
    pub from_posts: bool,
}

/// An offer on the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PageOffer {
    /// The product.
    pub product: ProductId,
    /// The product's name.
    pub name: String,
    /// The legal kind.
    pub kind: ProductKind,
    /// The need that the product serves for this customer.
    pub need: Need,
    /// One sentence about the product, from the catalog.
    pub summary: String,
    /// The address of the product's page.
    pub address: String,
    /// The time in seconds at which the video presents the product. `None` if there is no video.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<f64>,
    /// The facts that ranked the product, strongest first. Facts against the product come last.
    pub reasons: Vec<ReasonFact>,
    /// The rates and terms, from the catalog.
    pub terms: Vec<String>,
    /// The lines that must be shown with the offer.
    pub disclosures: Vec<String>,
}

/// The records that a page is built from.
#[derive(Clone, Copy, Debug)]
pub struct PageSources<'a> {
    /// The facts.
    pub facts: &'a Facts,
    /// The script.
    pub script: &'a Script,
    /// The narration; `None` if there is no video.
    pub narration: Option<&'a Narration>,
    /// The approved products.
    pub catalogue: &'a Catalogue,
    /// The brand.
    pub brand: &'a Brand,
}

impl CustomerPage {
    /// Builds the page from a result's own facts and script. It holds no score, weight, band or amount.
    #[must_use]
    pub fn of(sources: PageSources<'_>) -> Self {
        let language = sources.script.language;
        let catalogue = sources.catalogue.in_language(language);
        let brand = sources.brand.in_language(language);
        let sources = PageSources { catalogue: &catalogue, brand: &brand, ..sources };
        let PageSources { facts, script, catalogue, brand, .. } = sources;
        let offers: Vec<PageOffer> = match &facts.stance {
            Stance::Recommend { offers } => {
                offers.iter().filter_map(|offer| page_offer(&offer.product, offer.need, sources)).collect()
            }
            Stance::Service { .. } => Vec::new(),
        };
        let counterfactuals = if offers.is_empty() { Vec::new() } else { facts.counterfactuals.clone() };
        let mut names = BTreeMap::new();
        let mut add = |id: &ProductId| {
            if let Some(product) = catalogue.product(id) {
                names.insert(id.clone(), product.name.clone());
            }
        };
        for offer in &offers {
            offer.reasons.iter().filter_map(ReasonFact::product).for_each(&mut add);
            add(&offer.product);
        }
        for Counterfactual { without, offers } in &counterfactuals {
            offers.iter().for_each(&mut add);
            if let Choice::Product(product) = without {
                add(product);
            }
        }
        let mut disclosures: Vec<String> = Vec::new();
        for line in script.disclosures.iter().chain(&brand.disclosures) {
            if *line != brand.opt_out && !disclosures.contains(line) {
                disclosures.push(line.clone());
            }
        }
        Self {
            language: language.tag().to_owned(),
            first_name: script.first_name.clone(),
            offers,
            transcript: script.segments.iter().map(|segment| segment.text.clone()).collect(),
            disclosures,
            names,
            counterfactuals,
            from_posts: facts.mood.is_some(),
        }
    }
}

/// Returns the offer of a product, or `None` if the script does not present it.
fn page_offer(id: &ProductId, need: Need, sources: PageSources<'_>) -> Option<PageOffer> {
    let PageSources { facts, script, narration, catalogue, brand } = sources;
    let product = catalogue.product(id)?;
    let segment = script.segments.iter().position(|segment| segment.product.as_ref() == Some(id))?;
    let sentence = narration.and_then(|narration| narration.sentences.iter().find(|each| each.segment == segment));
    let candidate = facts.candidates.iter().find(|candidate| candidate.product == *id);
    let mut reasons = candidate.map(|candidate| candidate.reasons.clone()).unwrap_or_default();
    reasons.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    Some(PageOffer {
        product: id.clone(),
        name: product.name.clone(),
        kind: product.kind,
        need,
        summary: product.summary.clone(),
        address: product.address.clone().unwrap_or_else(|| brand.web.clone()),
        starts_at: sentence.map(|sentence| sentence.start + VOICE_START),
        reasons: reasons.into_iter().filter_map(|reason| reason.fact).collect(),
        terms: product.rates_and_terms.clone(),
        disclosures: product.disclosures.clone(),
    })
}
