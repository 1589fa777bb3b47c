//! A line's text with slots from a closed set.

use std::fmt;

use thiserror::Error;

/// A place in a line that code fills in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// The customer's first name. Personal.
    FirstName,
    /// The adviser's name. Personal.
    Adviser,
    /// The adviser's title. Personal.
    AdviserTitle,
    /// The bank's name.
    Bank,
    /// The bank's web address, as it is spoken.
    Web,
    /// The catalog name of the line's own product.
    Product,
    /// The number of offers in words, such as "two ideas".
    Count,
}

impl Slot {
    /// All slots.
    pub const ALL: [Self; 7] =
        [Self::FirstName, Self::Adviser, Self::AdviserTitle, Self::Bank, Self::Web, Self::Product, Self::Count];

    /// Returns the slot's name as written between braces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FirstName => "first_name",
            Self::Adviser => "adviser",
            Self::AdviserTitle => "adviser_title",
            Self::Bank => "bank",
            Self::Web => "web",
            Self::Product => "product",
            Self::Count => "count",
        }
    }

    /// Returns whether a customer's own data fills the slot.
    #[must_use]
    pub const fn is_personal(self) -> bool {
        matches!(self, Self::FirstName | Self::Adviser | Self::AdviserTitle)
    }
}

/// An error in a line's text.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum TemplateError {
    /// The text refers to a slot that does not exist.
    #[error("unknown slot {{{0}}}; slots are {list}", list = slot_list())]
    UnknownSlot(String),
    /// A brace is unmatched.
    #[error("unbalanced brace")]
    UnbalancedBrace,
    /// The text is empty.
    #[error("empty text")]
    Empty,
}

fn slot_list() -> String {
    Slot::ALL.map(|slot| format!("{{{}}}", slot.as_str())).join(", ")
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Slot(Slot),
}

/// The parsed text of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    source: String,
    pieces: Vec<Piece>,
}

/// The values for slots. A slot that has no value is left empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlotValues(Vec<(Slot, String)>);

impl SlotValues {
    /// Returns the values with one more added.
    #[must_use]
    pub fn with(mut self, slot: Slot, value: impl Into<String>) -> Self {
        self.0.retain(|(other, _)| *other != slot);
        self.0.push((slot, value.into()));
        self
    }

    /// Returns the value of a slot.
    #[must_use]
    pub fn get(&self, slot: Slot) -> Option<&str> {
        self.0.iter().find(|(other, _)| *other == slot).map(|(_, value)| value.as_str())
    }
}

impl Template {
    /// Parses text such as `Hello {first_name}.`
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let source = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if source.is_empty() {
            return Err(TemplateError::Empty);
        }
        let mut pieces = Vec::new();
        let mut rest = source.as_str();
        while let Some(start) = rest.find(['{', '}']) {
            let inner = rest[start..].strip_prefix('{').ok_or(TemplateError::UnbalancedBrace)?;
            let end = inner.find('}').ok_or(TemplateError::UnbalancedBrace)?;
            let name = &inner[..end];
            let slot = Slot::ALL.into_iter().find(|slot| slot.as_str() == name);
            let slot = slot.ok_or_else(|| TemplateError::UnknownSlot(name.to_owned()))?;
            if start > 0 {
                pieces.push(Piece::Text(rest[..start].to_owned()));
            }
            pieces.push(Piece::Slot(slot));
            rest = &inner[end + 1..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self { source, pieces })
    }

    /// Returns the text with its slots unfilled.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Returns the slots in order.
    pub fn slots(&self) -> impl Iterator<Item = Slot> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Slot(slot) => Some(*slot),
            Piece::Text(_) => None,
        })
    }

    /// Returns whether the text has a slot.
    #[must_use]
    pub fn has(&self, slot: Slot) -> bool {
        self.slots().any(|other| other == slot)
    }

    /// Returns the text with its slots filled. Two adjacent periods become one, for example after a name that ends with
    /// a period.
    #[must_use]
    pub fn fill(&self, values: &SlotValues) -> String {
        let mut text = String::with_capacity(self.source.len());
        for piece in &self.pieces {
            match piece {
                Piece::Text(words) if text.ends_with('.') && words.starts_with('.') => text.push_str(&words[1..]),
                Piece::Text(words) => text.push_str(words),
                Piece::Slot(slot) => text.push_str(values.get(*slot).unwrap_or_default()),
            }
        }
        text
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_filled() {
        let template = Template::parse("Hello {first_name}, from {bank}.").unwrap();
        let values = SlotValues::default().with(Slot::FirstName, "Ana").with(Slot::Bank, "Meridian Bank");
        assert_eq!(template.fill(&values), "Hello Ana, from Meridian Bank.");
        assert!(template.has(Slot::Bank) && !template.has(Slot::Product));
    }

    #[test]
    fn period_of_a_name_is_not_doubled_at_the_end_of_a_sentence() {
        let template = Template::parse("Regards, {adviser}.").unwrap();
        assert_eq!(template.fill(&SlotValues::default().with(Slot::Adviser, "J. Smith Jr.")), "Regards, J. Smith Jr.");
    }

    #[test]
    fn slots_are_a_closed_set() {
        assert_eq!(Template::parse("{income}"), Err(TemplateError::UnknownSlot("income".to_owned())));
        for text in ["a { b", "a } b", "{first_name"] {
            assert_eq!(Template::parse(text), Err(TemplateError::UnbalancedBrace), "{text}");
        }
        assert_eq!(Template::parse("  "), Err(TemplateError::Empty));
    }

    #[test]
    fn value_that_looks_like_a_slot_is_not_filled() {
        let template = Template::parse("Hello {first_name}.").unwrap();
        assert_eq!(template.fill(&SlotValues::default().with(Slot::FirstName, "{bank}")), "Hello {bank}.");
    }
}
