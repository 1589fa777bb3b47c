//! Decides the offers for a customer under a set of choices. The counterfactuals come from the same function as the
//! decision itself, so each one says exactly what a run would decide for the same facts after one more choice.

use std::collections::BTreeSet;

use contracts::catalogue::{Catalogue, Category};
use contracts::choice::{Choice, Source};
use contracts::facts::{Counterfactual, Mood, Offer, Sign, Spending, SpendingCategory, Stance};
use jiff::civil::Date;

use crate::rank::{self, Ranked, RankingInput};
use crate::stance;

/// The facts from payments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PaymentFacts {
    pub spending: Vec<Spending>,
    pub recurring: Vec<SpendingCategory>,
    pub signs: Vec<Sign>,
}

/// The inputs that determine the offers.
#[derive(Clone, Copy)]
pub(crate) struct Material<'a> {
    pub catalogue: &'a Catalogue,
    pub categories: &'a [Category],
    pub at_most: usize,
    pub today: Date,
    /// The facts that do not depend on a source that the customer can switch off. [`Material::decide`] replaces the
    /// others: payment facts, mood and choices.
    pub input: RankingInput<'a>,
    pub with_payments: &'a PaymentFacts,
    /// The facts that remain once the customer has switched off payments.
    pub without_payments: &'a PaymentFacts,
    /// The mood in the posts. `None` if there is no social consent or no post.
    pub mood: Option<&'a Mood>,
}

/// The decision under a set of choices.
pub(crate) struct Decision<'a> {
    pub ranked: Vec<Ranked<'a>>,
    /// `None` if there is neither a suitable offer nor a problem that needs a service message.
    pub stance: Option<Stance>,
}

impl<'a> Material<'a> {
    /// Returns the payment facts that may be used under these choices.
    pub fn payments(&self, choices: &BTreeSet<Choice>) -> &'a PaymentFacts {
        if choices.contains(&Choice::Source(Source::Payments)) { self.without_payments } else { self.with_payments }
    }

    /// Returns the decision under these choices. A topic that needs a service message takes precedence over offers.
    pub fn decide(&self, choices: &BTreeSet<Choice>) -> Decision<'a> {
        let PaymentFacts { spending, recurring, signs } = self.payments(choices);
        let mood = self.mood.filter(|_| !choices.contains(&Choice::Source(Source::Posts)));
        let input = RankingInput { spending, recurring, signs, mood, choices, ..self.input };
        let ranked = rank::rank(self.catalogue, self.categories, input, self.today);
        let stance = if let Some(topic) = stance::service_topic(mood) {
            Some(Stance::Service { topic })
        } else {
            let offers = rank::choose(&ranked, self.at_most);
            (!offers.is_empty()).then_some(Stance::Recommend { offers })
        };
        Decision { ranked, stance }
    }

    /// Returns the offers after each further choice that the customer could make about `offers`.
    pub fn counterfactuals(&self, offers: &[Offer], choices: &BTreeSet<Choice>) -> Vec<Counterfactual> {
        let after = |without: Choice| {
            let mut choices = choices.clone();
            choices.insert(without.clone());
            let offers = match self.decide(&choices).stance {
                Some(Stance::Recommend { offers }) => offers.into_iter().map(|offer| offer.product).collect(),
                Some(Stance::Service { .. }) | None => Vec::new(),
            };
            Counterfactual { without, offers }
        };
        let possible = self.possible_choices(offers);
        possible.into_iter().filter(|choice| !choices.contains(choice)).map(after).collect()
    }

    /// Returns the choices that could change these offers, sorted.
    fn possible_choices(&self, offers: &[Offer]) -> BTreeSet<Choice> {
        let mut possible = BTreeSet::new();
        if self.mood.is_some() {
            possible.insert(Choice::Source(Source::Posts));
        }
        if self.with_payments != self.without_payments {
            possible.insert(Choice::Source(Source::Payments));
        }
        for offer in offers {
            possible.insert(Choice::Topic(offer.need));
            possible.insert(Choice::Product(offer.product.clone()));
            possible.extend(self.catalogue.product(&offer.product).map(|product| Choice::Kind(product.kind)));
        }
        possible
    }
}
