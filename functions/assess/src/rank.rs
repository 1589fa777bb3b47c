//! Ranks the products in the chosen categories for one customer. Each product gets weighted reasons, and an exclusion
//! if it cannot be offered. The weights are few and round, so a compliance officer can add them up by hand.

use std::collections::BTreeSet;

use contracts::catalogue::{Catalogue, Category, Product, ProductKind};
use contracts::choice::Choice;
use contracts::facts::{
    Band, Candidate, Ground, Mood, Need, Offer, ReasonFact, ScoreReason, Sentiment, Share, Sign, Spending,
    SpendingCategory, Stop, Tenure, Topic, Trend,
};
use contracts::{Language, ProductId};
use jiff::civil::Date;

/// The weights for spending in one of the product's spending categories, by share.
const SMALL: f64 = 0.5;
const NOTABLE: f64 = 2.0;
const LARGE: f64 = 3.0;
/// The weights for a rise or a fall in that spending.
const RISING: f64 = 1.0;
const FALLING: f64 = -0.5;
/// The weight for each additional spending category. It is small, so a product does not win just because its list is
/// long.
const FURTHER_SPENDING: f64 = 0.25;
/// The weight for recurring payments in one of the product's spending categories.
const RECURRING: f64 = 0.5;
/// The weight for a sign of the product's main need.
const SIGN: f64 = 0.5;
/// The weight for complementing a product that the customer holds.
const GOES_WITH_HELD: f64 = 1.5;
/// The weights for a main need that no held product serves, and for one that a held product already serves.
const NEED_OPEN: f64 = 1.0;
const NEED_SERVED: f64 = -1.0;
/// The weights for the tone of posts about one of the product's topics. A negative tone weighs more, because it is
/// safer to miss an offer than to make an unwelcome one.
const LIKED: f64 = 1.0;
const DISLIKED: f64 = -2.0;
/// The maximum number of offers of one kind. Two products of a kind may complement each other; a third only repeats
/// them.
const MAX_OFFERS_PER_KIND: usize = 2;

/// The facts about a customer that ranking uses.
#[derive(Clone, Copy, Debug)]
pub struct RankingInput<'a> {
    /// Spending, largest first.
    pub spending: &'a [Spending],
    /// Spending categories with recurring payments.
    pub recurring: &'a [SpendingCategory],
    /// Signs from payments and held products.
    pub signs: &'a [Sign],
    /// The ids of the products that the customer holds, all of them in the catalog.
    pub held: &'a [ProductId],
    /// The income band, if it is known.
    pub income: Option<Band>,
    /// The balance band, if it is known.
    pub balance: Option<Band>,
    /// The tenure band, if it is known.
    pub tenure: Option<Tenure>,
    /// The mood in the posts. `None` if there is no social consent or no post, or if the customer switched posts off.
    pub mood: Option<&'a Mood>,
    /// The customer's stops. Each one excludes credit products.
    pub stops: &'a [Stop],
    /// Products that the customer probably holds.
    pub probably_held: &'a [ProductId],
    /// The language of the message. It does not affect scores, but excludes products without texts in that language.
    pub language: Language,
    /// The customer's choices, which exclude products.
    pub choices: &'a BTreeSet<Choice>,
}

/// A product with its rank for one customer.
#[derive(Clone, Debug)]
pub struct Ranked<'a> {
    /// The product.
    pub product: &'a Product,
    /// The score, the reasons and the exclusion.
    pub candidate: Candidate,
    /// The grounds that the script may mention to the customer, strongest first; never from posts.
    pub grounds: Vec<Ground>,
}

/// Ranks every product in the chosen lines of business: first those that can be offered, then by score, then by id.
/// Products that cannot be offered stay in the list with their exclusion. An offered product must be valid `today`.
#[must_use]
pub fn rank<'a>(
    catalogue: &'a Catalogue,
    categories: &[Category],
    customer: RankingInput<'_>,
    today: Date,
) -> Vec<Ranked<'a>> {
    let chosen = catalogue.products().iter().filter(|product| categories.contains(&product.category));
    let mut ranked: Vec<_> = chosen.map(|product| weigh(product, catalogue, customer, today)).collect();
    ranked.sort_by(|a, b| {
        let left = &a.candidate;
        let right = &b.candidate;
        let eligible_first = left.excluded.is_some().cmp(&right.excluded.is_some());
        eligible_first.then(right.score.total_cmp(&left.score)).then_with(|| left.product.cmp(&right.product))
    });
    ranked
}

/// Chooses at most `at_most` offers from the result of [`rank`], best first. Each offer serves a need that no other
/// offer serves. A kind repeats only if no product of another kind is left. A mortgage excludes all other credit.
#[must_use]
pub fn choose(ranked: &[Ranked<'_>], at_most: usize) -> Vec<Offer> {
    let mut chosen: Vec<(usize, Need)> = Vec::new();
    for max_of_kind in 1..=MAX_OFFERS_PER_KIND {
        for (position, next) in ranked.iter().enumerate().filter(|(_, next)| next.candidate.excluded.is_none()) {
            let same_kind = chosen.iter().filter(|(other, _)| ranked[*other].product.kind == next.product.kind).count();
            let is_chosen = chosen.iter().any(|(other, _)| *other == position);
            let is_allowed =
                chosen.iter().all(|(other, _)| may_go_together(ranked[*other].product.kind, next.product.kind));
            let open_need = next.product.needs.iter().find(|need| chosen.iter().all(|(_, served)| served != *need));
            match open_need {
                Some(need) if !is_chosen && is_allowed && same_kind < max_of_kind && chosen.len() < at_most => {
                    chosen.push((position, *need));
                }
                Some(_) | None => {}
            }
        }
    }
    chosen.sort_unstable_by_key(|(position, _)| *position);
    let offer = |(position, need): (usize, Need)| {
        let Ranked { product, candidate, grounds } = &ranked[position];
        let grounds = if grounds.is_empty() { vec![Ground::Need { need }] } else { grounds.clone() };
        Offer { product: product.id.clone(), score: candidate.score, need, grounds }
    };
    chosen.into_iter().map(offer).collect()
}

const fn is_credit(kind: ProductKind) -> bool {
    matches!(kind, ProductKind::CreditCard | ProductKind::Loan | ProductKind::Mortgage)
}

/// Returns whether one letter may offer both kinds. An application for other credit can harm the application for a
/// mortgage, so a mortgage excludes all other credit.
const fn may_go_together(one: ProductKind, other: ProductKind) -> bool {
    let has_mortgage = matches!(one, ProductKind::Mortgage) || matches!(other, ProductKind::Mortgage);
    !(has_mortgage && is_credit(one) && is_credit(other))
}

fn weigh<'a>(product: &'a Product, catalogue: &Catalogue, customer: RankingInput<'_>, today: Date) -> Ranked<'a> {
    let spending = relevant_spending(product, customer.spending);
    let held: Vec<&Product> = catalogue.products().iter().filter(|other| customer.held.contains(&other.id)).collect();
    let complemented = held.iter().find(|other| product.eligibility.holds_any.contains(&other.id));
    let tone = tone_of(product, customer.mood);

    let mut reasons: Vec<ScoreReason> = Vec::new();
    for (index, spent) in spending.iter().enumerate() {
        let weight = if index == 0 { weight_of(spent) } else { FURTHER_SPENDING };
        let Spending { category, share, trend } = **spent;
        let fact = Some(ReasonFact::Spending { category, share, trend });
        reasons.push(ScoreReason { fact, text: describe(spent), weight });
    }
    if let Some(category) = customer.recurring.iter().find(|category| product.spending.contains(category)) {
        let text = format!("recurring payments for {}", category.words());
        let fact = Some(ReasonFact::Recurring { category: *category });
        reasons.push(ScoreReason { fact, text, weight: RECURRING });
    }
    if let Some(sign) = customer.signs.iter().find(|sign| is_main_need(product, **sign)) {
        let text = format!("there are signs of {}", sign.words());
        reasons.push(ScoreReason { fact: Some(ReasonFact::Sign { sign: *sign }), text, weight: SIGN });
    }
    if let Some(other) = complemented {
        let fact = Some(ReasonFact::GoesWith { product: other.id.clone() });
        let text = format!("goes with {}, which the customer has", other.name);
        reasons.push(ScoreReason { fact, text, weight: GOES_WITH_HELD });
    }
    reasons.push(need_reason(product, &held));
    if let Some((topic, liked)) = tone {
        let (word, weight) = if liked { ("positive", LIKED) } else { ("negative", DISLIKED) };
        let text = format!("posts are {word} about {}", topic.words());
        reasons.push(ScoreReason { fact: Some(ReasonFact::Posts { topic, liked }), text, weight });
    }
    let score = reasons.iter().map(|reason| reason.weight).sum();

    let mentionable = spending.iter().filter(|spent| is_mentionable(spent)).take(2);
    let mut grounds: Vec<Ground> =
        mentionable.map(|spent| Ground::Spending { category: spent.category, trend: spent.trend }).collect();
    grounds.extend(complemented.map(|other| Ground::Holds { product: other.id.clone() }));

    let mut exclusions = unmet_conditions(product, catalogue, customer);
    if !catalogue.has_texts_in(product, customer.language) {
        let language = customer.language;
        exclusions.push(format!(
            "not offered in {}: the product has no `translations.{language}` entry in the catalog",
            language.name()
        ));
    }
    if !product.is_valid_on(today) {
        exclusions.push("outside the product's validity dates".to_owned());
    }
    exclusions.extend(customer.choices.iter().filter_map(|choice| choice.excludes(product)));
    // A complaint about a topic excludes its products, regardless of all other reasons.
    if let Some((topic, false)) = tone {
        exclusions.push(format!("posts are negative about {}", topic.words()));
    }
    let is_credit = is_credit(product.kind);
    let liked = tone.is_some_and(|(_, liked)| liked);
    if is_credit && grounds.is_empty() && !liked {
        exclusions.push("no ground for an offer of credit".to_owned());
    }
    if is_credit {
        exclusions.extend(customer.stops.iter().map(|stop| format!("no credit: {}", stop.words())));
    }
    if score <= 0.0 {
        exclusions.push("the score is not positive".to_owned());
    }
    let excluded = (!exclusions.is_empty()).then(|| exclusions.join("; "));
    Ranked { product, candidate: Candidate { product: product.id.clone(), score, reasons, excluded }, grounds }
}

/// Returns the spending in the product's spending categories, largest weight first, then in order of size.
fn relevant_spending<'a>(product: &Product, spending: &'a [Spending]) -> Vec<&'a Spending> {
    let mut found: Vec<&Spending> = spending.iter().filter(|s| product.spending.contains(&s.category)).collect();
    found.sort_by(|a, b| weight_of(b).total_cmp(&weight_of(a)));
    found
}

/// Returns whether the sign points to the product's main need.
fn is_main_need(product: &Product, sign: Sign) -> bool {
    match sign {
        Sign::Travel => product.needs[0] == Need::Travel,
        Sign::Home => product.needs[0] == Need::HomeImprovement,
        Sign::Business => product.needs[0] == Need::BusinessOperations,
    }
}

fn weight_of(spent: &Spending) -> f64 {
    let share = match spent.share {
        Share::Small => SMALL,
        Share::Notable => NOTABLE,
        Share::Large => LARGE,
    };
    share
        + match spent.trend {
            Trend::Rising => RISING,
            Trend::Steady => 0.0,
            Trend::Falling => FALLING,
        }
}

fn describe(spent: &Spending) -> String {
    let share = match spent.share {
        Share::Small => "small",
        Share::Notable => "notable",
        Share::Large => "large",
    };
    let trend = match spent.trend {
        Trend::Rising => "rising",
        Trend::Steady => "steady",
        Trend::Falling => "falling",
    };
    format!("{}: a {share}, {trend} share of spending", spent.category.words())
}

/// Returns whether the script may mention the spending. The customer must be able to recognize it, so its share must be
/// more than small, or it must be rising.
fn is_mentionable(spent: &Spending) -> bool {
    spent.share != Share::Small || spent.trend == Trend::Rising
}

/// Returns the reason for or against the product's main need, which is the first in its list.
fn need_reason(product: &Product, held: &[&Product]) -> ScoreReason {
    let need = product.needs[0];
    match held.iter().find(|other| other.id != product.id && other.needs[0] == need) {
        Some(other) => ScoreReason {
            fact: Some(ReasonFact::ServedNeed { need, product: other.id.clone() }),
            text: format!("{} already serves {}", other.name, need.words()),
            weight: NEED_SERVED,
        },
        None => ScoreReason {
            fact: Some(ReasonFact::OpenNeed { need }),
            text: format!("no held product serves {}", need.words()),
            weight: NEED_OPEN,
        },
    }
}

/// Returns one of the product's topics on which the posts have a negative or positive tone, and whether it is positive.
/// A negative topic takes precedence.
fn tone_of(product: &Product, mood: Option<&Mood>) -> Option<(Topic, bool)> {
    let find = |sentiment| {
        let mut tones = mood?.topics.iter();
        tones.find(|tone| tone.sentiment == sentiment && product.topics.contains(&tone.topic)).map(|tone| tone.topic)
    };
    let disliked = find(Sentiment::Negative).map(|topic| (topic, false));
    disliked.or_else(|| find(Sentiment::Positive).map(|topic| (topic, true)))
}

/// Returns the reasons why the customer is not eligible, including that they already hold the product.
fn unmet_conditions(product: &Product, catalogue: &Catalogue, customer: RankingInput<'_>) -> Vec<String> {
    let name = |id: &ProductId| catalogue.product(id).map_or_else(|| id.to_string(), |product| product.name.clone());
    let rules = &product.eligibility;
    let mut unmet = Vec::new();
    if customer.held.contains(&product.id) {
        unmet.push("already held".to_owned());
    } else if customer.probably_held.contains(&product.id) {
        unmet.push("probably held: an entry in products_held resembles it".to_owned());
    }
    if let Some(other) = rules.holds_none.iter().find(|id| customer.held.contains(id)) {
        unmet.push(format!("not offered together with {}, which the customer has", name(other)));
    }
    if !rules.holds_any.is_empty() && !rules.holds_any.iter().any(|id| customer.held.contains(id)) {
        let names: Vec<String> = rules.holds_any.iter().map(name).collect();
        unmet.push(format!("requires {}, which the customer does not have", names.join(" or ")));
    }
    unmet.extend(below("income", customer.income, rules.min_income));
    if matches!((customer.income, rules.max_income), (Some(band), Some(max)) if band > max) {
        unmet.push("income is above the product's maximum".to_owned());
    }
    unmet.extend(below("balance", customer.balance, rules.min_balance));
    unmet.extend(below("time as a customer", customer.tenure, rules.min_tenure));
    if rules.business && !customer.signs.contains(&Sign::Business) {
        unmet.push("no signs of a business".to_owned());
    }
    unmet
}

/// Returns an unmet condition if there is a minimum, and the band is unknown or below it.
fn below<T: Ord>(fact: &str, band: Option<T>, min: Option<T>) -> Option<String> {
    match (band, min?) {
        (None, _) => Some(format!("{fact} is unknown")),
        (Some(band), min) if band < min => Some(format!("{fact} is below the product's minimum")),
        (Some(_), _) => None,
    }
}
