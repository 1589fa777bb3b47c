//! The phrasebook writer. It does not depend on any service, so the stage falls back to it when a model fails.
//!
//! 1. [`PhraseWriter::slots`] finds the suitable approved lines for each position in the text.
//! 2. [`PhraseWriter::draft`] picks one for each position, based on the customer's reference. In the `select` mode, a
//!    model picks.
//! 3. [`PhraseWriter::write`] composes the script, and tries the next lines if the guard rejects it.

use std::collections::BTreeSet;

use contracts::catalogue::Product;
use contracts::facts::{Offer, Sentiment, Topic};
use contracts::script::{InsteadOfModel, LineSelection, Script, SentenceSource, WishAsUnderstood, WrittenBy};
use contracts::tone::Tone;
use phrases::{GroundKey, LineKind, LiveLine, Phrasebook, Selector, Slot, UnderstoodWish};
use storage::vault::Keys;

use crate::brief::{ADVISER, Brief, FIRST_NAME, Purpose};
use crate::compose::{self, Draft, OfferDraft, Sentence};
use crate::slot_values::slot_values;

/// The maximum number of drafts to try. As a rule, a draft fails only if a line happens to repeat five words from a
/// post.
const MAX_DRAFTS: usize = 24;

/// An error: the phrasebook has no suitable approved line of the required kind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoLine {
    /// The kind, such as `opening`.
    pub kind: &'static str,
}

/// The suitable lines for each position in a recommendation.
pub(crate) struct Slots<'b> {
    pub opening: Vec<LiveLine<'b>>,
    /// The reason lines for each offer in the brief. All lines for one offer cite the same ground. Empty if the
    /// phrasebook has none for the product.
    pub reasons: Vec<Vec<LiveLine<'b>>>,
    pub closing: Vec<LiveLine<'b>>,
}

/// One line for each position in a recommendation.
pub(crate) struct Choice<'b> {
    pub opening: LiveLine<'b>,
    pub reasons: Vec<Option<LiveLine<'b>>>,
    pub closing: LiveLine<'b>,
}

/// Writes the script for one customer from approved lines.
pub(crate) struct PhraseWriter<'a> {
    brief: &'a Brief<'a>,
    book: &'a Phrasebook,
    selector: Selector<'a>,
    wish: UnderstoodWish,
}

impl<'a> PhraseWriter<'a> {
    /// Creates a writer. `wish` is the caller's prompt.
    pub(crate) fn new(brief: &'a Brief<'a>, wish: Option<&str>) -> Self {
        let wish = wish.map(|wish| brief.phrases.wishes().read(wish)).unwrap_or_default();
        Self::with_wish(brief, wish)
    }

    /// Returns a writer whose lines come from the phrase set with this tone. `tone` replaces the tones in the wish.
    pub(crate) fn in_tone(self, tone: Tone) -> Self {
        Self::with_wish(self.brief, UnderstoodWish { tones: vec![tone], ..self.wish })
    }

    fn with_wish(brief: &'a Brief<'a>, wish: UnderstoodWish) -> Self {
        let book = brief.phrases;
        let selector = Selector::new(book, wish.clone(), brief.reference().as_str().as_bytes());
        Self { brief, book, selector, wish }
    }

    /// Returns the wish as interpreted by the phrasebook.
    pub(crate) const fn wish(&self) -> &UnderstoodWish {
        &self.wish
    }

    /// Writes a script from the first draft that passes the guard. If none passes, returns the script of the last
    /// draft.
    pub(crate) fn write(&self, keys: &Keys, instead_of_model: Option<&InsteadOfModel>) -> Result<Script, NoLine> {
        let script = |attempt| {
            let written_by = self.written_by(None, instead_of_model.cloned());
            Ok(compose::compose(self.brief, &self.draft(attempt)?, keys, Vec::new(), written_by))
        };
        let mut last = script(0)?;
        for attempt in 1..MAX_DRAFTS {
            if last.verdict.passed() {
                break;
            }
            last = script(attempt)?;
        }
        Ok(last)
    }

    /// Writes the script from lines that a model selected. It may fail the guard.
    pub(crate) fn write_selected(&self, choice: &Choice<'a>, selected_by: LineSelection, keys: &Keys) -> Script {
        let written_by = self.written_by(Some(selected_by), None);
        compose::compose(self.brief, &self.draft_of(choice, 0), keys, Vec::new(), written_by)
    }

    pub(crate) fn written_by(
        &self,
        selected_by: Option<LineSelection>,
        instead_of_model: Option<InsteadOfModel>,
    ) -> WrittenBy {
        let wish = WishAsUnderstood {
            tones: self.wish.tones.iter().map(|tone| tone.as_str().to_owned()).collect(),
            emphases: self.wish.emphases.iter().map(ToString::to_string).collect(),
            unread: self.wish.ignored.len(),
        };
        WrittenBy::Phrases {
            book: self.book.digest(),
            language: self.book.language().to_owned(),
            version: self.book.version().to_owned(),
            wish,
            selected_by,
            instead_of_model,
        }
    }

    /// Returns the suitable lines for each position. A line may cite a ground of the offer only if `may_use` returns
    /// true, but it may always cite a need. If `bright` is true and the customer's posts are positive, the openings
    /// include those for that mood.
    pub(crate) fn slots(&self, bright: bool, may_use: impl Fn(&GroundKey) -> bool) -> Result<Slots<'a>, NoLine> {
        let offers = self.brief.offers();
        let is_positive = self.brief.sentiment() == Some(Sentiment::Positive);
        let has_adviser = self.brief.adviser.is_some();
        let by_adviser = |lines: &dyn Fn(bool) -> Vec<LiveLine<'a>>| {
            // If the phrasebook has no lines that mention an adviser, use those that mention none.
            Some(lines(has_adviser)).filter(|lines| !lines.is_empty()).unwrap_or_else(|| lines(false))
        };
        let opening =
            by_adviser(&|adviser| self.selector.openings(adviser, bright && is_positive, self.brief.name.is_some()));
        let closing = by_adviser(&|adviser| self.selector.closings(adviser, offers.len()));
        let mut used = BTreeSet::new();
        let mut reasons = Vec::new();
        for (offer, product) in offers {
            let lines = self.reasons(offer, product, &used, &may_use);
            if let Some((line, _)) = lines.first()
                && let LineKind::Reason { ground, .. } = &line.kind
            {
                used.insert(ground.clone());
            }
            reasons.push(lines);
        }
        if opening.is_empty() {
            return Err(NoLine { kind: "opening" });
        }
        if closing.is_empty() {
            return Err(NoLine { kind: "closing" });
        }
        Ok(Slots { opening, reasons, closing })
    }

    /// Returns the reasons for an offer. They all cite one ground, preferably one that no earlier offer used. If no
    /// line cites a ground of the offer, returns reasons that cite another need that the product serves.
    fn reasons(
        &self,
        offer: &Offer,
        product: &Product,
        used: &BTreeSet<GroundKey>,
        may_use: impl Fn(&GroundKey) -> bool,
    ) -> Vec<LiveLine<'a>> {
        let mut grounds: Vec<GroundKey> = offer.grounds.iter().map(GroundKey::from).filter(may_use).collect();
        grounds.push(GroundKey::Need(offer.need));
        let lines = self.selector.reasons(&product.id, &grounds, used);
        if !lines.is_empty() {
            return lines;
        }
        let needs: Vec<GroundKey> = product.needs.iter().map(|need| GroundKey::Need(*need)).collect();
        self.selector.reasons(&product.id, &needs, used)
    }

    /// Returns a draft whose lines depend on the customer and the attempt. Consecutive attempts pick different lines.
    pub(crate) fn draft(&self, attempt: usize) -> Result<Draft, NoLine> {
        if let Purpose::Service(topic) = self.brief.purpose {
            return self.service(topic, attempt);
        }
        let slots = self.slots(true, |_| true)?;
        let pick = |place: &str, lines: &[LiveLine<'a>]| self.selector.pick_again(place, attempt, lines);
        let reasons = slots.reasons.iter().enumerate();
        let choice = Choice {
            opening: pick("opening", &slots.opening).ok_or(NoLine { kind: "opening" })?,
            reasons: reasons.map(|(index, lines)| pick(&format!("reason {index}"), lines)).collect(),
            closing: pick("closing", &slots.closing).ok_or(NoLine { kind: "closing" })?,
        };
        Ok(self.draft_of(&choice, attempt))
    }

    /// Returns the draft for a choice. A transition line introduces each offer after the first, unless the tones
    /// include [`Tone::Brief`].
    pub(crate) fn draft_of(&self, choice: &Choice<'a>, attempt: usize) -> Draft {
        let is_brief = self.selector.is_brief();
        let offers = choice.reasons.iter().enumerate().map(|(position, reason)| {
            let link = (position > 0 && !is_brief).then(|| {
                let links = self.selector.links(position > 1);
                self.selector.pick_again(&format!("link {position}"), attempt, &links)
            });
            let link = link.flatten();
            let product = self.brief.offers()[position].1;
            OfferDraft {
                position,
                link: link.map(|line| self.fill(line, None)),
                reason: reason.map(|line| self.fill(line, Some(product))),
            }
        });
        Draft {
            opening: self.fill(choice.opening, None),
            offers: offers.collect(),
            service: None,
            closing: self.fill(choice.closing, None),
            is_brief,
        }
    }

    fn service(&self, topic: Topic, attempt: usize) -> Result<Draft, NoLine> {
        let line = |kind: &'static str, mut lines: Vec<LiveLine<'a>>| {
            lines.retain(|(line, _)| self.brief.adviser.is_some() || !line.text.has(Slot::Adviser));
            let picked = self.selector.pick_again(kind, attempt, &lines);
            Ok(self.fill(picked.ok_or(NoLine { kind })?, None))
        };
        Ok(Draft {
            opening: line("service-opening", self.selector.service_openings())?,
            offers: Vec::new(),
            service: Some(line("service", self.selector.service(topic.into()))?),
            closing: line("service-closing", self.selector.service_closings())?,
            is_brief: false,
        })
    }

    fn fill(&self, (line, approval): LiveLine<'a>, product: Option<&Product>) -> Sentence {
        let said = slot_values(self.brief, product);
        let masked = said.clone().with(Slot::FirstName, FIRST_NAME).with(Slot::Adviser, ADVISER);
        Sentence {
            masked: line.text.fill(&masked),
            said: line.text.fill(&said),
            source: SentenceSource::Line {
                id: line.id.clone(),
                digest: line.digest,
                approved_by: approval.by.clone(),
                approved_at: approval.at,
                template: line.text.as_str().to_owned(),
            },
        }
    }
}

#[cfg(test)]
mod tests;
