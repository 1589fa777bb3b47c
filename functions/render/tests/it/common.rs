//! Builders for a customer's script and narration.

use std::path::PathBuf;

use contracts::brand::Brand;
use contracts::narration::{Narration, Sentence, Sharing, Timing, Word};
use contracts::script::{OfferShown, Script, Segment, SegmentKind, Verdict, WrittenBy};
use contracts::{Digest, ProductId};

pub fn assets() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../assets")
}

pub fn brand() -> Brand {
    Brand::from_toml(&std::fs::read_to_string(assets().join("brand.toml")).unwrap()).unwrap()
}

fn segment(kind: SegmentKind, text: &str, product: Option<&str>) -> Segment {
    let product = product.map(|id| ProductId::parse(id).unwrap());
    Segment { kind, text: text.to_owned(), product, parts: Vec::new() }
}

/// Builds a script for `name` with products of these names, and with these disclosures.
pub fn script(name: &str, products: &[&str], disclosures: &[&str]) -> Script {
    let mut segments = vec![segment(SegmentKind::Greeting, &format!("Hello {name}, here is a thought."), None)];
    let mut offers = Vec::new();
    for (index, product) in products.iter().enumerate() {
        let id = format!("product-{index}");
        let text = format!("The {product} may suit you, as you travel often.");
        segments.push(segment(SegmentKind::Offer, &text, Some(&id)));
        offers.push(OfferShown {
            product: ProductId::parse(id).unwrap(),
            name: (*product).to_owned(),
            category: "Consumer and Small Business Banking".to_owned(),
            rates_and_terms: Vec::new(),
            picture: None,
        });
    }
    segments.push(segment(SegmentKind::Closing, "Thank you for being with us.", None));
    Script {
        language: contracts::Language::English,
        first_name: name.to_owned(),
        adviser: None,
        segments,
        offers,
        disclosures: disclosures.iter().map(ToString::to_string).collect(),
        written_by: WrittenBy::Template { instead_of_model: None },
        verdict: Verdict { checks: Vec::new() },
        text_review: None,
        from_posts: false,
    }
}

/// Builds the narration of a script at 14 characters per second, with one sentence per segment.
pub fn narration(script: &Script, timing: Timing) -> Narration {
    let mut now = 0.2;
    let mut sentences = Vec::new();
    for (segment, part) in script.segments.iter().enumerate() {
        let start = now;
        let word = |text: &str| {
            let begin = now;
            now += (text.chars().count() + 1) as f64 / 14.0;
            Word { text: text.to_owned(), start: begin, end: now }
        };
        let words: Vec<Word> = part.text.split(' ').map(word).collect();
        sentences.push(Sentence { segment, start, end: now, words, sharing: Sharing::Personal });
        now += 0.4;
    }
    Narration {
        engine: "test".to_owned(),
        voice: "test".to_owned(),
        instead_of: Vec::new(),
        first_name_unspoken: false,
        outside: std::collections::BTreeMap::new(),
        timing,
        seconds: now,
        words_per_minute: 140.0,
        loudness: -20.0,
        sentences,
        audio: Digest::of(b""),
    }
}
