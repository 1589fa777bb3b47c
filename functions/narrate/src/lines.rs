//! The sentences to speak, each marked as personal or shareable.

use contracts::Language;
use contracts::brand::Brand;
use contracts::narration::Sharing;
use contracts::script::{Script, Segment, SegmentKind, SentencePart, SentenceSource};
use phrases::{Slot, Template};

use crate::error::Error;
use crate::narrator::Order;
use crate::pronunciations::Pronunciations;
use crate::sentences::sentences;
use crate::spoken::{self, Lexicon, Utterance};

/// A sentence in the script.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The index of the sentence's segment.
    pub segment: usize,
    /// The sentence's place in the script, for errors.
    pub place: String,
    /// The sentence in spoken form.
    pub utterance: Utterance,
    /// Whether its speech may be shared.
    pub sharing: Sharing,
}

impl Line {
    /// Returns the order to speak this sentence.
    pub fn order(&self, pace: f64) -> Order<'_> {
        Order { sentence: &self.utterance, pace, location: &self.place }
    }
}

/// Returns the sentences of a script in spoken form. Also speaks the legal lines that the picture shows, so that they
/// reach customers who cannot see it: a product's lines at the end of its offer, and the bank's lines after the last
/// segment, as a segment of their own.
pub fn of_script(script: &Script, brand: &Brand, pronunciations: &Pronunciations) -> Result<Vec<Line>, Error> {
    let language = script.language;
    let mut lines = Lines { found: Vec::new(), pronunciations: Some(pronunciations), language };
    for (index, segment) in script.segments.iter().enumerate() {
        let mut number = 0;
        let legal = product_lines(script, segment).into_iter().flat_map(|line| shared_sentences(line, language));
        for (sentence, sharing) in segment_sentences(segment, language).into_iter().chain(legal) {
            number += 1;
            // The reading of a sentence that other customers also hear must not depend on this customer's name.
            let first_name = if sharing == Sharing::Shared { "" } else { &script.first_name };
            lines.add(index, number, &sentence, sharing, first_name)?;
        }
    }
    if lines.found.is_empty() {
        return Err(Error::EmptyScript);
    }
    let brand = brand.in_language(language);
    let legal = bank_lines(script, &brand).into_iter().flat_map(|line| shared_sentences(line, language));
    for (index, (sentence, sharing)) in legal.enumerate() {
        lines.add(script.segments.len(), index + 1, &sentence, sharing, "")?;
    }
    lines.finish()
}

/// Returns the legal lines of an offer's product that its segment does not already speak.
fn product_lines<'a>(script: &'a Script, segment: &Segment) -> Vec<&'a str> {
    let offer = script.offers.iter().find(|offer| Some(&offer.product) == segment.product.as_ref());
    let picture = offer.filter(|_| segment.kind == SegmentKind::Offer).and_then(|offer| offer.picture.as_ref());
    let lines = picture.map(|picture| picture.disclosures.as_slice()).unwrap_or_default();
    lines.iter().map(String::as_str).filter(|line| !is_said(segment, line)).collect()
}

/// Returns the bank's legal lines, the opt-out and the voice notice, without those that a segment already speaks.
fn bank_lines<'a>(script: &'a Script, brand: &'a Brand) -> Vec<&'a str> {
    let of_products: Vec<&String> =
        script.offers.iter().filter_map(|offer| offer.picture.as_ref()).flat_map(|p| &p.disclosures).collect();
    let own = script.disclosures.iter().filter(|line| !of_products.contains(line));
    let mut lines: Vec<&str> = Vec::new();
    for line in own.chain([&brand.opt_out, &brand.voice_notice]) {
        let is_open = !line.trim().is_empty() && !script.segments.iter().any(|segment| is_said(segment, line));
        if is_open && !lines.contains(&line.as_str()) {
            lines.push(line);
        }
    }
    lines
}

fn is_said(segment: &Segment, line: &str) -> bool {
    segment.text.contains(line.trim().trim_end_matches('.'))
}

/// Returns the sentences of a text that contains no customer's data.
fn shared_sentences(text: &str, language: Language) -> Vec<(String, Sharing)> {
    sentences(text, language).into_iter().map(|sentence| (sentence, Sharing::Shared)).collect()
}

/// Returns the sentences in a text, in spoken form, with one segment per paragraph. All count as personal.
pub fn of_text(text: &str, pronunciations: Option<&Pronunciations>, language: Language) -> Result<Vec<Line>, Error> {
    let text = text.replace("\r\n", "\n");
    let mut lines = Lines { found: Vec::new(), pronunciations, language };
    for (segment, paragraph) in text.split("\n\n").enumerate() {
        for (index, sentence) in sentences(paragraph, language).iter().enumerate() {
            lines.add(segment, index + 1, sentence, Sharing::Personal, "")?;
        }
    }
    lines.finish()
}

struct Lines<'a> {
    found: Vec<Line>,
    pronunciations: Option<&'a Pronunciations>,
    language: Language,
}

impl Lines<'_> {
    fn add(
        &mut self,
        segment: usize,
        number: usize,
        sentence: &str,
        sharing: Sharing,
        first_name: &str,
    ) -> Result<(), Error> {
        let lexicon = Lexicon { language: self.language, pronunciations: self.pronunciations, first_name };
        let utterance = Utterance::of(sentence, lexicon).map_err(|spoken::UnreadNumber(word)| Error::UnreadNumber {
            segment: segment + 1,
            sentence: number,
            word,
        })?;
        let place = format!("segment {}, sentence {number}", segment + 1);
        self.found.extend(utterance.map(|utterance| Line { segment, place, utterance, sharing }));
        Ok(())
    }

    fn finish(self) -> Result<Vec<Line>, Error> {
        if self.found.is_empty() { Err(Error::EmptyScript) } else { Ok(self.found) }
    }
}

/// Returns the sentences in a segment. If its parts do not make up the whole text, all sentences are personal.
fn segment_sentences(segment: &Segment, language: Language) -> Vec<(String, Sharing)> {
    let parts: Vec<&str> = segment.parts.iter().map(|part| part.text.as_str()).collect();
    if parts.join(" ") != segment.text {
        return sentences(&segment.text, language).into_iter().map(|sentence| (sentence, Sharing::Personal)).collect();
    }
    segment.parts.iter().flat_map(|part| part_sentences(part, language)).collect()
}

/// Returns the sentences in a part. Whether they may be shared depends on the part's source.
fn part_sentences(part: &SentencePart, language: Language) -> Vec<(String, Sharing)> {
    let said = sentences(&part.text, language);
    let sharings = match &part.source {
        SentenceSource::Catalogue { .. } | SentenceSource::Brand { .. } => vec![Sharing::Shared; said.len()],
        SentenceSource::Free { .. } => vec![Sharing::Personal; said.len()],
        SentenceSource::Line { template, .. } => line_sharings(template, &said, language),
    };
    said.into_iter().zip(sharings).collect()
}

/// Decides for each sentence in an approved line whether it is personal. A sentence is personal if a customer's data
/// fills one of its slots.
///
/// If the sentences do not correspond one to one to those of the approved text, a customer's data may have split or
/// joined them. Then only sentences that occur word for word in the approved text are shared.
fn line_sharings(template: &str, said: &[String], language: Language) -> Vec<Sharing> {
    let is_personal = |text: &str| Template::parse(text).map_or(true, |parsed| parsed.slots().any(Slot::is_personal));
    let sharing = |personal: bool| if personal { Sharing::Personal } else { Sharing::Shared };
    if !is_personal(template) {
        return vec![Sharing::Shared; said.len()];
    }
    let own = sentences(template, language);
    if own.len() == said.len() && own.iter().zip(said).all(|(own, said)| is_filled(own, said)) {
        return own.iter().map(|own| sharing(is_personal(own))).collect();
    }
    let verbatim = |sentence: &String| !sentence.contains(['{', '}']) && own.contains(sentence);
    said.iter().map(|sentence| sharing(!verbatim(sentence))).collect()
}

/// Returns whether filling the slots of a sentence can produce `said`.
fn is_filled(sentence: &str, said: &str) -> bool {
    let mut literals = sentence.split('{').map(|piece| piece.split_once('}').map_or(piece, |(_, literal)| literal));
    let first = literals.next().unwrap_or_default();
    let Some(mut rest) = said.strip_prefix(first) else { return false };
    let mut literals: Vec<&str> = literals.collect();
    let Some(last) = literals.pop() else { return rest.is_empty() };
    for literal in literals {
        let Some((_, after)) = rest.split_once(literal) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use contracts::Digest;
    use contracts::script::OfferShown;
    use jiff::Timestamp;

    use super::*;

    fn line(template: &str) -> SentenceSource {
        SentenceSource::Line {
            id: "opening.01".to_owned(),
            digest: Digest::of(b"line"),
            approved_by: "compliance@bank.example".to_owned(),
            approved_at: Timestamp::UNIX_EPOCH,
            template: template.to_owned(),
        }
    }

    fn sharings(source: SentenceSource, text: &str) -> Vec<Sharing> {
        let part = SentencePart { text: text.to_owned(), source };
        part_sentences(&part, Language::English).into_iter().map(|(_, sharing)| sharing).collect()
    }

    #[test]
    fn bank_slot_beside_a_customer_slot_is_shared() {
        let closing = line("Details are at {web}. Yours sincerely, {adviser}.");
        let said = sharings(closing.clone(), "Details are at bank.example. Yours sincerely, Ana.");
        assert_eq!(said, [Sharing::Shared, Sharing::Personal]);
        // A name that splits or joins sentences moves a customer's data into another sentence.
        for text in ["Details are at bank.example. Yours sincerely, Ana. Details are at home.", "Details are at Ana."] {
            assert!(sharings(closing.clone(), text).iter().all(|sharing| *sharing == Sharing::Personal), "{text}");
        }
    }

    #[test]
    fn sentence_with_a_customer_slot_is_personal() {
        for slot in Slot::ALL {
            let source = line(&format!("Hello {{{}}}. Here are some ideas.", slot.as_str()));
            let expected = if slot.is_personal() { Sharing::Personal } else { Sharing::Shared };
            assert_eq!(sharings(source, "Hello Ana. Here are some ideas."), [expected, Sharing::Shared], "{slot:?}");
        }
    }

    #[test]
    fn text_without_a_proven_source_is_personal() {
        assert_eq!(sharings(line("Hello {first_nam}."), "Hello Ana."), [Sharing::Personal]);
        assert_eq!(sharings(SentenceSource::Free { by: "a model".to_owned() }, "Hello."), [Sharing::Personal]);
        let whole = SentencePart { text: "Thank you.".to_owned(), source: line("Thank you.") };
        let segment = |text: &str, parts| Segment {
            kind: contracts::script::SegmentKind::Closing,
            text: text.to_owned(),
            product: None,
            parts,
        };
        let of_segment = |segment| {
            segment_sentences(&segment, Language::English).into_iter().map(|(_, sharing)| sharing).collect::<Vec<_>>()
        };
        assert_eq!(of_segment(segment("Thank you.", vec![whole.clone()])), [Sharing::Shared]);
        assert_eq!(of_segment(segment("Thank you.", Vec::new())), [Sharing::Personal], "an older version");
        let more = segment("Thank you. Hello Ana.", vec![whole]);
        assert_eq!(of_segment(more), [Sharing::Personal, Sharing::Personal], "a text beyond its parts");
    }

    /// A customer's name must not change how a sentence is read if other customers hear it too.
    #[test]
    fn name_does_not_change_a_shared_sentence() {
        let part = SentencePart { text: "Pay in May.".to_owned(), source: line("Pay in May.") };
        let segment = Segment {
            kind: contracts::script::SegmentKind::Closing,
            text: part.text.clone(),
            product: None,
            parts: vec![part],
        };
        let script = |first_name: &str| Script {
            language: contracts::Language::English,
            adviser: None,
            first_name: first_name.to_owned(),
            segments: vec![segment.clone()],
            offers: Vec::new(),
            disclosures: Vec::new(),
            written_by: contracts::script::WrittenBy::Template { instead_of_model: None },
            verdict: contracts::script::Verdict { checks: Vec::new() },
            text_review: None,
            from_posts: false,
        };
        let list = Pronunciations::default();
        let lines = |name: &str| of_script(&script(name), &brand(), &list).unwrap();
        assert_eq!(lines("May"), lines("Ana"));
    }

    fn brand() -> Brand {
        Brand::from_toml(include_str!("../../../assets/brand.toml")).unwrap()
    }

    fn offer(product: &str, disclosures: &[&str]) -> OfferShown {
        OfferShown {
            product: contracts::ProductId::parse(product).unwrap(),
            name: product.to_owned(),
            category: "cards".to_owned(),
            rates_and_terms: Vec::new(),
            picture: Some(contracts::catalogue::ProductPicture {
                customer_name: product.to_owned(),
                headline: product.to_owned(),
                art: "card".to_owned(),
                figure: None,
                claims: Vec::new(),
                disclosures: disclosures.iter().map(ToString::to_string).collect(),
            }),
        }
    }

    fn segment(kind: SegmentKind, text: &str, product: Option<&str>) -> Segment {
        let product = product.map(|id| contracts::ProductId::parse(id).unwrap());
        Segment { kind, text: text.to_owned(), product, parts: Vec::new() }
    }

    fn said(script: &Script) -> Vec<(usize, String, Sharing)> {
        let lines = of_script(script, &brand(), &Pronunciations::default()).unwrap();
        let words = |line: &Line| line.utterance.words().iter().map(|word| word.shown.clone()).collect::<Vec<_>>();
        lines.iter().map(|line| (line.segment, words(line).join(" "), line.sharing)).collect()
    }

    #[test]
    fn every_legal_line_is_spoken_once() {
        let brand = brand();
        let mut script = Script {
            language: Language::English,
            adviser: None,
            first_name: "Ana".to_owned(),
            segments: vec![
                segment(SegmentKind::Greeting, "Hello Ana.", None),
                segment(SegmentKind::Offer, "A card may suit you.", Some("card")),
                segment(SegmentKind::Offer, "So may savings. Member FDIC.", Some("savings")),
                segment(SegmentKind::Closing, "Thank you.", None),
            ],
            offers: vec![
                offer("card", &["Subject to credit approval. Terms apply."]),
                offer("savings", &["Member FDIC."]),
            ],
            disclosures: vec!["Subject to credit approval. Terms apply.".to_owned(), "Member FDIC.".to_owned()],
            written_by: contracts::script::WrittenBy::Template { instead_of_model: None },
            verdict: contracts::script::Verdict { checks: Vec::new() },
            text_review: None,
            from_posts: false,
        };
        script.disclosures.extend(brand.disclosures.iter().cloned());
        let said = said(&script);
        let texts: Vec<&str> = said.iter().map(|(_, text, _)| text.as_str()).collect();
        let expected = [
            "Hello Ana.",
            "A card may suit you.",
            "Subject to credit approval.",
            "Terms apply.",
            "So may savings.",
            "Member FDIC.",
            "Thank you.",
            "Meridian Bank is a fictional bank.",
            "This is general information, not financial advice.",
            "Eligibility and terms apply.",
            "To stop these messages, sign in and choose Preferences.",
            "AI-generated voice",
        ];
        assert_eq!(texts, expected);
        let segments: Vec<usize> = said.iter().map(|(segment, ..)| *segment).collect();
        assert_eq!(segments, [0, 1, 1, 1, 2, 2, 3, 4, 4, 4, 4, 4]);
        assert!(said[7..].iter().all(|(_, _, sharing)| *sharing == Sharing::Shared), "{said:?}");
        // Spoken in Spanish, they are the bank's own translation.
        script.language = Language::Spanish;
        script.disclosures.clear();
        let last = self::said(&script).pop().unwrap();
        assert_eq!(last.1, "Voz generada por IA");
    }

    #[test]
    fn script_without_words_is_refused() {
        let script = Script {
            language: Language::English,
            adviser: None,
            first_name: String::new(),
            segments: Vec::new(),
            offers: Vec::new(),
            disclosures: vec!["Member FDIC.".to_owned()],
            written_by: contracts::script::WrittenBy::Template { instead_of_model: None },
            verdict: contracts::script::Verdict { checks: Vec::new() },
            text_review: None,
            from_posts: false,
        };
        let lines = of_script(&script, &brand(), &Pronunciations::default());
        assert!(matches!(lines, Err(Error::EmptyScript)), "{lines:?}");
    }
}
