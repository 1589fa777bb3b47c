//! The sentences to speak, each marked as personal or shareable.

use contracts::script::{Script, Segment, SentencePart, SentenceSource};
use phrases::{Slot, Template};

use crate::error::Error;
use crate::narrator::Order;
use crate::pronunciations::Pronunciations;
use crate::sentences::sentences;
use crate::spoken::{self, Lexicon, Utterance};

/// Whether the speech of a sentence may be kept for other customers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// The sentence is the bank's own text, without any customer's data.
    Shared,
    /// The sentence may hold a customer's data.
    Personal,
}

/// A sentence of the script.
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

/// Returns the sentences of a script in spoken form.
pub fn of_script(script: &Script, pronunciations: &Pronunciations) -> Result<Vec<Line>, Error> {
    let mut lines = Lines { found: Vec::new(), pronunciations: Some(pronunciations) };
    for (index, segment) in script.segments.iter().enumerate() {
        let mut number = 0;
        for (sentence, sharing) in segment_sentences(segment) {
            number += 1;
            // The customer's name is not even considered for the reading of a sentence that others hear too.
            let first_name = if sharing == Sharing::Shared { "" } else { &script.first_name };
            lines.add(index, number, &sentence, sharing, first_name)?;
        }
    }
    lines.finish()
}

/// Returns the sentences of a text in spoken form, with one segment per paragraph. All count as personal.
pub fn of_text(text: &str, pronunciations: Option<&Pronunciations>) -> Result<Vec<Line>, Error> {
    let text = text.replace("\r\n", "\n");
    let mut lines = Lines { found: Vec::new(), pronunciations };
    for (segment, paragraph) in text.split("\n\n").enumerate() {
        for (index, sentence) in sentences(paragraph).iter().enumerate() {
            lines.add(segment, index + 1, sentence, Sharing::Personal, "")?;
        }
    }
    lines.finish()
}

struct Lines<'a> {
    found: Vec<Line>,
    pronunciations: Option<&'a Pronunciations>,
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
        let lexicon = Lexicon { pronunciations: self.pronunciations, first_name, ..Lexicon::default() };
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

/// Returns the sentences of a segment. Without parts that make up the whole text, all of it is personal.
fn segment_sentences(segment: &Segment) -> Vec<(String, Sharing)> {
    let parts: Vec<&str> = segment.parts.iter().map(|part| part.text.as_str()).collect();
    if parts.join(" ") != segment.text {
        return sentences(&segment.text).into_iter().map(|sentence| (sentence, Sharing::Personal)).collect();
    }
    let sentences_of = |part: &SentencePart| -> Vec<(String, Sharing)> {
        let found = sentences(&part.text).into_iter();
        found
            .map(|sentence| {
                let sharing = sharing(&part.source, &sentence);
                (sentence, sharing)
            })
            .collect()
    };
    segment.parts.iter().flat_map(sentences_of).collect()
}

/// Decides by the source of a sentence. An approved line is personal if a customer's data fills one of its slots, except
/// for sentences that occur word for word in the approved text.
fn sharing(source: &SentenceSource, sentence: &str) -> Sharing {
    match source {
        SentenceSource::Catalogue { .. } | SentenceSource::Brand { .. } => Sharing::Shared,
        SentenceSource::Free { .. } => Sharing::Personal,
        SentenceSource::Line { template, .. } => {
            let Ok(parsed) = Template::parse(template) else { return Sharing::Personal };
            let verbatim = || !sentence.contains(['{', '}']) && sentences(template).iter().any(|own| own == sentence);
            if parsed.slots().any(Slot::is_personal) && !verbatim() { Sharing::Personal } else { Sharing::Shared }
        }
    }
}

#[cfg(test)]
mod tests {
    use contracts::Digest;
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

    #[test]
    fn sentence_with_a_customer_slot_is_personal() {
        for slot in Slot::ALL {
            let source = line(&format!("Hello {{{}}}. Here are some ideas.", slot.as_str()));
            let expected = if slot.is_personal() { Sharing::Personal } else { Sharing::Shared };
            assert_eq!(sharing(&source, "Hello Ana."), expected, "{slot:?}");
            assert_eq!(sharing(&source, "Here are some ideas."), Sharing::Shared, "{slot:?}");
        }
    }

    #[test]
    fn text_without_a_proven_source_is_personal() {
        assert_eq!(sharing(&line("Hello {first_nam}."), "Hello Ana."), Sharing::Personal);
        assert_eq!(sharing(&SentenceSource::Free { by: "a model".to_owned() }, "Hello."), Sharing::Personal);
        let whole = SentencePart { text: "Thank you.".to_owned(), source: line("Thank you.") };
        let segment = |text: &str, parts| Segment {
            kind: contracts::script::SegmentKind::Closing,
            text: text.to_owned(),
            product: None,
            parts,
        };
        let sharings =
            |segment| segment_sentences(&segment).into_iter().map(|(_, sharing)| sharing).collect::<Vec<_>>();
        assert_eq!(sharings(segment("Thank you.", vec![whole.clone()])), [Sharing::Shared]);
        assert_eq!(sharings(segment("Thank you.", Vec::new())), [Sharing::Personal], "an older version");
        let more = segment("Thank you. Hello Ana.", vec![whole]);
        assert_eq!(sharings(more), [Sharing::Personal, Sharing::Personal], "a text beyond its parts");
    }

    /// A customer's name must not change how a sentence is read that other customers hear.
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
        assert_eq!(of_script(&script("May"), &list).unwrap(), of_script(&script("Ana"), &list).unwrap());
    }
}
