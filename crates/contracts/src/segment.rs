//! Segments: which customers a campaign is for, as an expression over facts.
//!
//! The grammar is small and closed, so a segment can only use facts that may influence an offer:
//!
//! ```text
//! segment = group { "or" group }
//! group   = part { "and" part }
//! part    = "not" part | "(" segment ")" | fact ":" value
//! ```
//!
//! `assess` evaluates a segment over [`Facts`], after the consent gate and the stops. No fact here comes from posts, is an
//! amount, or is a protected attribute or a hint at one. That is why a segment cannot name a language.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::facts::Facts;
use crate::vocabulary::{Need, Sign, SpendingCategory, Trend};
use crate::{ErrorName, NamedError, ProductId};

/// The maximum length of a segment in characters.
pub const MAX_LENGTH: usize = 2_000;

/// The maximum depth of parentheses and `not`.
const MAX_DEPTH: usize = 32;

/// One fact in a segment, such as `need:travel`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SegmentFact {
    /// `need:travel`: an offer for the customer serves this need.
    Need(Need),
    /// `offer:gold-card`: the product is among the customer's offers.
    Offer(ProductId),
    /// `holds:gold-card`: the customer holds the product.
    Holds(ProductId),
    /// `spending:groceries`: the customer spent in this category in the last 90 days.
    Spending(SpendingCategory),
    /// `rising:groceries`: spending in this category is rising.
    Rising(SpendingCategory),
    /// `falling:groceries`: spending in this category is falling.
    Falling(SpendingCategory),
    /// `recurring:insurance`: the customer pays for this category again and again.
    Recurring(SpendingCategory),
    /// `sign:business`: payments or products held show this sign.
    Sign(Sign),
}

/// The names of the facts, in the order of [`SegmentFact`].
pub const FACT_NAMES: [&str; 8] = ["need", "offer", "holds", "spending", "rising", "falling", "recurring", "sign"];

/// A segment: a set of customers, as an expression over facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum CustomerSegment {
    /// The customers with this fact.
    Fact(SegmentFact),
    /// The customers outside another segment.
    Not(Box<Self>),
    /// The customers in every one of these segments.
    All(Vec<Self>),
    /// The customers in at least one of these segments.
    Any(Vec<Self>),
}

/// An invalid segment. The message gives the position, counted from 1, and never repeats the text.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SegmentError {
    /// No fact has this name.
    #[error("segment: unknown fact at character {position}; use one of {}", FACT_NAMES.join(", "))]
    UnknownFact {
        /// The position of the name.
        position: usize,
    },
    /// The fact does not have this value.
    #[error("segment: unknown value of {fact} at character {position}; use {expected}")]
    UnknownValue {
        /// The name of the fact.
        fact: &'static str,
        /// The position of the value.
        position: usize,
        /// The possible values.
        expected: String,
    },
    /// Another token was expected here.
    #[error("segment: expected {expected} at character {position}")]
    Syntax {
        /// The expected token.
        expected: &'static str,
        /// The position.
        position: usize,
    },
    /// The segment is longer than [`MAX_LENGTH`] characters, or nested too deeply.
    #[error("segment: must have at most {MAX_LENGTH} characters and be nested at most {MAX_DEPTH} deep")]
    TooLarge,
    /// The catalog does not contain a product.
    #[error("segment: the catalog has no product {product}")]
    UnknownProduct {
        /// The product.
        product: ProductId,
    },
}

impl NamedError for SegmentError {
    fn name(&self) -> ErrorName {
        ErrorName::ConfigInvalid
    }
}

impl SegmentFact {
    fn parse(name: &Token, value: &Token) -> Result<Self, SegmentError> {
        Ok(match name.text.as_str() {
            "need" => Self::Need(listed("need", value, Need::ALL)?),
            "offer" => Self::Offer(product("offer", value)?),
            "holds" => Self::Holds(product("holds", value)?),
            "spending" => Self::Spending(listed("spending", value, SpendingCategory::ALL)?),
            "rising" => Self::Rising(listed("rising", value, SpendingCategory::ALL)?),
            "falling" => Self::Falling(listed("falling", value, SpendingCategory::ALL)?),
            "recurring" => Self::Recurring(listed("recurring", value, SpendingCategory::ALL)?),
            "sign" => Self::Sign(listed("sign", value, Sign::ALL)?),
            _ => return Err(SegmentError::UnknownFact { position: name.position }),
        })
    }

    /// Returns whether the fact is true of a customer.
    #[must_use]
    pub fn is_true_of(&self, facts: &Facts) -> bool {
        let has_trend = |category: SpendingCategory, trend: Trend| {
            facts.spending.iter().any(|spent| spent.category == category && spent.trend == trend)
        };
        match self {
            Self::Need(need) => facts.stance.offers().iter().any(|offer| offer.need == *need),
            Self::Offer(product) => facts.stance.offered().any(|offered| offered == product),
            Self::Holds(product) => facts.products_held.contains(product),
            Self::Spending(category) => facts.spending.iter().any(|spent| spent.category == *category),
            Self::Rising(category) => has_trend(*category, Trend::Rising),
            Self::Falling(category) => has_trend(*category, Trend::Falling),
            Self::Recurring(category) => facts.recurring.contains(category),
            Self::Sign(sign) => facts.signs.contains(sign),
        }
    }
}

impl fmt::Display for SegmentFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Need(need) => write!(f, "need:{}", word(need)),
            Self::Offer(product) => write!(f, "offer:{product}"),
            Self::Holds(product) => write!(f, "holds:{product}"),
            Self::Spending(category) => write!(f, "spending:{}", word(category)),
            Self::Rising(category) => write!(f, "rising:{}", word(category)),
            Self::Falling(category) => write!(f, "falling:{}", word(category)),
            Self::Recurring(category) => write!(f, "recurring:{}", word(category)),
            Self::Sign(sign) => write!(f, "sign:{}", word(sign)),
        }
    }
}

impl CustomerSegment {
    /// Parses a segment.
    pub fn parse(text: &str) -> Result<Self, SegmentError> {
        if text.chars().count() > MAX_LENGTH {
            return Err(SegmentError::TooLarge);
        }
        let mut parser = Parser { tokens: tokens(text), next: 0 };
        let segment = parser.any(0)?;
        match parser.peek() {
            "" => Ok(segment),
            _ => Err(parser.expected("and, or, or the end")),
        }
    }

    /// Returns whether a customer with these facts is in the segment.
    #[must_use]
    pub fn contains(&self, facts: &Facts) -> bool {
        match self {
            Self::Fact(fact) => fact.is_true_of(facts),
            Self::Not(segment) => !segment.contains(facts),
            Self::All(segments) => segments.iter().all(|segment| segment.contains(facts)),
            Self::Any(segments) => segments.iter().any(|segment| segment.contains(facts)),
        }
    }

    /// Fails if the segment mentions a product that `is_known` does not know. A misspelled product would otherwise
    /// silently select no customer, or all of them.
    pub fn ensure_known(&self, is_known: &dyn Fn(&ProductId) -> bool) -> Result<(), SegmentError> {
        match self {
            Self::Fact(SegmentFact::Offer(product) | SegmentFact::Holds(product)) if !is_known(product) => {
                Err(SegmentError::UnknownProduct { product: product.clone() })
            }
            Self::Fact(_) => Ok(()),
            Self::Not(segment) => segment.ensure_known(is_known),
            Self::All(segments) | Self::Any(segments) => {
                segments.iter().try_for_each(|segment| segment.ensure_known(is_known))
            }
        }
    }

    /// Returns how tightly the segment binds: the higher number goes without parentheses inside the lower one.
    const fn binding(&self) -> u8 {
        match self {
            Self::Any(_) => 0,
            Self::All(_) => 1,
            Self::Not(_) | Self::Fact(_) => 2,
        }
    }
}

impl fmt::Display for CustomerSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let write = |f: &mut fmt::Formatter<'_>, part: &Self| {
            let binds_loosely = part.binding() < 2 && part.binding() <= self.binding();
            if binds_loosely { write!(f, "({part})") } else { write!(f, "{part}") }
        };
        let (parts, joint) = match self {
            Self::Fact(fact) => return write!(f, "{fact}"),
            Self::Not(segment) => {
                f.write_str("not ")?;
                return write(f, segment);
            }
            Self::All(parts) => (parts, " and "),
            Self::Any(parts) => (parts, " or "),
        };
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                f.write_str(joint)?;
            }
            write(f, part)?;
        }
        Ok(())
    }
}

impl TryFrom<String> for CustomerSegment {
    type Error = SegmentError;

    fn try_from(text: String) -> Result<Self, SegmentError> {
        Self::parse(&text)
    }
}

impl From<CustomerSegment> for String {
    fn from(segment: CustomerSegment) -> Self {
        segment.to_string()
    }
}

/// A word, a colon or a parenthesis, with its position counted from 1.
struct Token {
    text: String,
    position: usize,
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    let mut goes_on = false;
    for (index, c) in text.chars().enumerate() {
        let is_word = !c.is_whitespace() && !matches!(c, '(' | ')' | ':');
        match tokens.last_mut() {
            Some(last) if is_word && goes_on => last.text.push(c),
            _ if c.is_whitespace() => {}
            _ => tokens.push(Token { text: c.to_string(), position: index + 1 }),
        }
        goes_on = is_word;
    }
    tokens.push(Token { text: String::new(), position: text.chars().count() + 1 });
    tokens
}

struct Parser {
    /// The tokens. The last one is empty.
    tokens: Vec<Token>,
    next: usize,
}

impl Parser {
    fn peek(&self) -> &str {
        &self.tokens[self.next].text
    }

    /// Consumes the next token if it is `text`.
    fn accept(&mut self, text: &str) -> bool {
        let accepted = self.peek() == text;
        self.next += usize::from(accepted);
        accepted
    }

    fn expected(&self, expected: &'static str) -> SegmentError {
        SegmentError::Syntax { expected, position: self.tokens[self.next].position }
    }

    fn any(&mut self, depth: usize) -> Result<CustomerSegment, SegmentError> {
        let mut groups = vec![self.all(depth)?];
        while self.accept("or") {
            groups.push(self.all(depth)?);
        }
        Ok(if groups.len() == 1 { groups.remove(0) } else { CustomerSegment::Any(groups) })
    }

    fn all(&mut self, depth: usize) -> Result<CustomerSegment, SegmentError> {
        let mut parts = vec![self.part(depth)?];
        while self.accept("and") {
            parts.push(self.part(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { CustomerSegment::All(parts) })
    }

    fn part(&mut self, depth: usize) -> Result<CustomerSegment, SegmentError> {
        if depth > MAX_DEPTH {
            return Err(SegmentError::TooLarge);
        }
        if self.accept("not") {
            return Ok(CustomerSegment::Not(Box::new(self.part(depth + 1)?)));
        }
        if self.accept("(") {
            let segment = self.any(depth + 1)?;
            return if self.accept(")") {
                Ok(segment)
            } else {
                Err(self.expected("and, or, or a closing parenthesis"))
            };
        }
        let name = self.word("a fact, not or an opening parenthesis")?;
        if !self.accept(":") {
            let is_known = FACT_NAMES.contains(&self.tokens[name].text.as_str());
            let position = self.tokens[name].position;
            return Err(if is_known { self.expected("a colon") } else { SegmentError::UnknownFact { position } });
        }
        if !FACT_NAMES.contains(&self.tokens[name].text.as_str()) {
            return Err(SegmentError::UnknownFact { position: self.tokens[name].position });
        }
        let value = self.word("a value")?;
        SegmentFact::parse(&self.tokens[name], &self.tokens[value]).map(CustomerSegment::Fact)
    }

    /// Consumes a word and returns its index.
    fn word(&mut self, expected: &'static str) -> Result<usize, SegmentError> {
        if matches!(self.peek(), "" | "(" | ")" | ":" | "and" | "or" | "not") {
            return Err(self.expected(expected));
        }
        self.next += 1;
        Ok(self.next - 1)
    }
}

/// Returns a value of a closed list by its name in JSON.
fn listed<T: Copy + Serialize>(fact: &'static str, value: &Token, all: &[T]) -> Result<T, SegmentError> {
    let found = all.iter().find(|one| word(*one) == value.text).copied();
    found.ok_or_else(|| SegmentError::UnknownValue {
        fact,
        position: value.position,
        expected: format!("one of {}", all.iter().map(word).collect::<Vec<_>>().join(", ")),
    })
}

fn product(fact: &'static str, value: &Token) -> Result<ProductId, SegmentError> {
    let expected = "the id of a product in the catalog".to_owned();
    let id = ProductId::parse(value.text.as_str());
    id.map_err(|_| SegmentError::UnknownValue { fact, position: value.position, expected })
}

/// Returns the name of a value in JSON.
fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
