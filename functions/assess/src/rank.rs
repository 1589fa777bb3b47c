//! Which products fit, and why: every product of the chosen categories gets reasons with weights, or why it cannot be
//! offered. The weights are this program's own, few and round, so that a compliance officer can add them up by hand.

use contracts::ProductId;
use contracts::catalogue::{Catalogue, Category, Product, ProductKind};
use contracts::facts::{
    Band, Candidate, Ground, Mood, Need, Offer, ScoreReason, Sentiment, Share, Sign, Spending, SpendingCategory,
    Tenure, Topic, Trend,
};
use jiff::civil::Date;

/// Spending that speaks for the product, by its share.
const SMALL: f64 = 0.5;
const NOTABLE: f64 = 2.0;
const LARGE: f64 = 3.0;
/// Such spending rises; falls.
const RISING: f64 = 1.0;
const FALLING: f64 = -0.5;
/// Each further category of spending that speaks for the product. Little, so that a product is not preferred for the
/// mere length of its list.
const FURTHER_SPENDING: f64 = 0.25;
/// Something of the kind is paid again and again.
const RECURRING: f64 = 0.5;
/// There are signs of what the product is first of all for.
const SIGN: f64 = 0.5;
/// A product is held with which this one goes.
const GOES_WITH_HELD: f64 = 1.5;
/// No product held serves the need; one does already.
const NEED_OPEN: f64 = 1.0;
const NEED_SERVED: f64 = -1.0;
/// The tone of posts on one of the product's topics. Dislike weighs more than liking: silence is the safer mistake.
const LIKED: f64 = 1.0;
const DISLIKED: f64 = -2.0;
/// The most offers of one kind: two deposits may go together, three cards never.
const SAME_KIND: usize = 2;

/// What ranking knows of a customer.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Spending, the largest first.
    pub spending: &'a [Spending],
    /// Categories in which something is paid again and again.
    pub recurring: &'a [SpendingCategory],
    /// What payments and products held are signs of.
    pub signs: &'a [Sign],
    /// Products held.
    pub held: &'a [ProductId],
    /// Income, where it is known.
    pub income: Option<Band>,
    /// Balance, where it is known.
    pub balance: Option<Band>,
    /// How long the customer has been one, where it is known.
    pub tenure: Option<Tenure>,
    /// What posts tell, with social consent only.
    pub mood: Option<&'a Mood>,
}

/// A product weighed for one customer.
#[derive(Clone, Debug)]
pub struct Ranked<'a> {
    /// The product.
    pub product: &'a Product,
    /// Its score, reasons and exclusion.
    pub candidate: Candidate,
    /// What may be told to the customer, the strongest first; never from posts.
    pub grounds: Vec<Ground>,
}

/// Weighs every product of the chosen categories: those that can be offered first, the best score first, ties by id.
/// A product outside its dates cannot be offered `today`.
#[must_use]
pub fn rank<'a>(catalogue: &'a Catalogue, categories: &[Category], known: Known<'_>, today: Date) -> Vec<Ranked<'a>> {
    let chosen = catalogue.products().iter().filter(|product| categories.contains(&product.category));
    let mut ranked: Vec<_> = chosen.map(|product| weigh(product, catalogue, known, today)).collect();
    ranked.sort_by(|a, b| {
        let (left, right) = (&a.candidate, &b.candidate);
        let eligible_first = left.excluded.is_some().cmp(&right.excluded.is_some());
        eligible_first.then(right.score.total_cmp(&left.score)).then_with(|| left.product.cmp(&right.product))
    });
    ranked
}

/// Chooses at most `at_most` offers out of what [`rank`] gave. Each serves a need that no better one serves; kinds differ
/// while they can; the best comes first.
#[must_use]
pub fn choose(ranked: &[Ranked<'_>], at_most: usize) -> Vec<Offer> {
    let mut chosen: Vec<(usize, Need)> = Vec::new();
    for allowed_of_a_kind in 1..=SAME_KIND {
        for (place, next) in ranked.iter().enumerate().filter(|(_, next)| next.candidate.excluded.is_none()) {
            let of_its_kind =
                chosen.iter().filter(|(other, _)| ranked[*other].product.kind == next.product.kind).count();
            let is_chosen = chosen.iter().any(|(other, _)| *other == place);
            let open_need = next.product.needs.iter().find(|need| chosen.iter().all(|(_, served)| served != *need));
            match open_need {
                Some(need) if !is_chosen && of_its_kind < allowed_of_a_kind && chosen.len() < at_most => {
                    chosen.push((place, *need));
                }
                Some(_) | None => {}
            }
        }
    }
    chosen.sort_unstable_by_key(|(place, _)| *place);
    let offer = |(place, need): (usize, Need)| {
        let Ranked { product, candidate, grounds } = &ranked[place];
        let grounds = if grounds.is_empty() { vec![Ground::Need { need }] } else { grounds.clone() };
        Offer { product: product.id.clone(), score: candidate.score, need, grounds }
    };
    chosen.into_iter().map(offer).collect()
}

fn weigh<'a>(product: &'a Product, catalogue: &Catalogue, known: Known<'_>, today: Date) -> Ranked<'a> {
    let spending = speaking_for(product, known.spending);
    let held: Vec<&Product> = catalogue.products().iter().filter(|other| known.held.contains(&other.id)).collect();
    let goes_with = held.iter().find(|other| product.eligibility.holds_any.contains(&other.id));
    let tone = tone_of(product, known.mood);

    let mut reasons: Vec<ScoreReason> = Vec::new();
    for (place, spent) in spending.iter().enumerate() {
        let weight = if place == 0 { weight_of(spent) } else { FURTHER_SPENDING };
        reasons.push(ScoreReason { text: describe(spent), weight });
    }
    if let Some(category) = known.recurring.iter().find(|category| product.spending.contains(category)) {
        let text = format!("something for {} is paid again and again", category.words());
        reasons.push(ScoreReason { text, weight: RECURRING });
    }
    if let Some(sign) = known.signs.iter().find(|sign| is_first_of_all_for(product, **sign)) {
        reasons.push(ScoreReason { text: format!("there are signs of {}", sign.words()), weight: SIGN });
    }
    if let Some(other) = goes_with {
        reasons.push(ScoreReason { text: format!("goes with {}, which is held", other.name), weight: GOES_WITH_HELD });
    }
    reasons.push(need_reason(product, &held));
    if let Some((topic, liked)) = tone {
        let (word, weight) = if liked { ("positive", LIKED) } else { ("negative", DISLIKED) };
        reasons.push(ScoreReason { text: format!("posts are {word} about {}", topic.words()), weight });
    }
    let score = reasons.iter().map(|reason| reason.weight).sum();

    let told = spending.iter().filter(|spent| may_be_told(spent)).take(2);
    let mut grounds: Vec<Ground> =
        told.map(|spent| Ground::Spending { category: spent.category, trend: spent.trend }).collect();
    grounds.extend(goes_with.map(|other| Ground::Holds { product: other.id.clone() }));

    let mut against = ineligible(product, catalogue, known);
    if !product.is_valid_on(today) {
        against.push("not offered on this day".to_owned());
    }
    // A complaint about a matter is no reason to sell what belongs to it, whatever else speaks for that.
    if let Some((topic, false)) = tone {
        against.push(format!("posts are negative about {}", topic.words()));
    }
    let credit = matches!(product.kind, ProductKind::CreditCard | ProductKind::Loan | ProductKind::Mortgage);
    let liked = tone.is_some_and(|(_, liked)| liked);
    if credit && grounds.is_empty() && !liked {
        against.push("nothing the customer does speaks for credit".to_owned());
    }
    if score <= 0.0 {
        against.push("no more speaks for it than against it".to_owned());
    }
    let excluded = (!against.is_empty()).then(|| against.join("; "));
    Ranked { product, candidate: Candidate { product: product.id.clone(), score, reasons, excluded }, grounds }
}

/// The spending that speaks for the product, the weightiest first, then in the order of size.
fn speaking_for<'a>(product: &Product, spending: &'a [Spending]) -> Vec<&'a Spending> {
    let mut found: Vec<&Spending> = spending.iter().filter(|s| product.spending.contains(&s.category)).collect();
    found.sort_by(|a, b| weight_of(b).total_cmp(&weight_of(a)));
    found
}

fn is_first_of_all_for(product: &Product, sign: Sign) -> bool {
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
        Share::Small => "a small",
        Share::Notable => "a notable",
        Share::Large => "a large",
    };
    let trend = match spent.trend {
        Trend::Rising => "rising",
        Trend::Steady => "steady",
        Trend::Falling => "falling",
    };
    format!("{} is {share} part of spending, {trend}", spent.category.words())
}

/// What is told to a customer must be plain to them: a part that counts, or a rise.
fn may_be_told(spent: &Spending) -> bool {
    spent.share != Share::Small || spent.trend == Trend::Rising
}

/// The first need of a product is what it is for.
fn need_reason(product: &Product, held: &[&Product]) -> ScoreReason {
    let need = product.needs[0];
    match held.iter().find(|other| other.id != product.id && other.needs[0] == need) {
        Some(other) => {
            ScoreReason { text: format!("{} serves {} already", other.name, need.words()), weight: NEED_SERVED }
        }
        None => ScoreReason { text: format!("no product held is for {}", need.words()), weight: NEED_OPEN },
    }
}

/// The topic of posts that weighs, and whether it is liked. One topic is enough, and dislike goes first.
fn tone_of(product: &Product, mood: Option<&Mood>) -> Option<(Topic, bool)> {
    let find = |sentiment| {
        let mut tones = mood?.topics.iter();
        tones.find(|tone| tone.sentiment == sentiment && product.topics.contains(&tone.topic)).map(|tone| tone.topic)
    };
    let disliked = find(Sentiment::Negative).map(|topic| (topic, false));
    disliked.or_else(|| find(Sentiment::Positive).map(|topic| (topic, true)))
}

/// Every condition of the catalogue that the customer does not meet.
fn ineligible(product: &Product, catalogue: &Catalogue, known: Known<'_>) -> Vec<String> {
    let name = |id: &ProductId| catalogue.product(id).map_or_else(|| id.to_string(), |product| product.name.clone());
    let rules = &product.eligibility;
    let mut against = Vec::new();
    if known.held.contains(&product.id) {
        against.push("held already".to_owned());
    }
    if let Some(other) = rules.holds_none.iter().find(|id| known.held.contains(id)) {
        against.push(format!("{} is held, beside which it is not offered", name(other)));
    }
    if !rules.holds_any.is_empty() && !rules.holds_any.iter().any(|id| known.held.contains(id)) {
        let names: Vec<String> = rules.holds_any.iter().map(name).collect();
        against.push(format!("goes only with {}, not held", names.join(" or ")));
    }
    against.extend(below("income", known.income, rules.min_income));
    if matches!((known.income, rules.max_income), (Some(band), Some(most)) if band > most) {
        against.push("income is above the band that it is for".to_owned());
    }
    against.extend(below("balance", known.balance, rules.min_balance));
    against.extend(below("time as a customer", known.tenure, rules.min_tenure));
    if rules.business && !known.signs.contains(&Sign::Business) {
        against.push("no signs of a business".to_owned());
    }
    against
}

fn below<T: Ord>(what: &str, known: Option<T>, least: Option<T>) -> Option<String> {
    match (known, least?) {
        (None, _) => Some(format!("{what} is not known")),
        (Some(band), least) if band < least => Some(format!("{what} is below the band that it needs")),
        (Some(_), _) => None,
    }
}
