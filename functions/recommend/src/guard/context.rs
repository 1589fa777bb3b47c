//! The guard's context for checking text: products, names, posts and instructions.

use contracts::catalogue::{Catalogue, Product};
use contracts::{Digest, Language};
use storage::vault::Keys;

/// Everything that the guard needs to check text.
pub struct GuardContext<'a> {
    /// The language of the text, which decides which rules apply.
    pub language: Language,
    /// The products that the text offers. It may mention only these.
    pub offered: Vec<&'a Product>,
    /// The products that the customer holds. The text may name their kinds, as in "your savings account".
    pub held: Vec<&'a Product>,
    /// All of the bank's products.
    pub catalogue: &'a Catalogue,
    /// Names that code fills in: the customer's, the adviser's, the bank's. The guard masks them, because no writer
    /// chose them. If there are none, the guard does not know the right greeting, so it skips that check.
    pub names: Vec<NameSlot<'a>>,
    /// Keyed digests of the five-word runs in the customer's posts, with the keys that made them.
    pub posts: Option<(&'a [Digest], &'a Keys)>,
    /// The writer's instructions. Text that repeats seven consecutive words from them is an echo.
    pub instructions: Vec<&'a str>,
}

/// A name in the text, with the placeholder that marks its position.
#[derive(Clone, Copy, Debug)]
pub struct NameSlot<'a> {
    /// The text that the name replaces. Because it is a placeholder, a customer called `No` cannot hide the phrase
    /// `No fees`.
    pub placeholder: &'a str,
    /// The name as it is spoken.
    pub name: &'a str,
}

impl<'a> From<&'a str> for NameSlot<'a> {
    /// A name that the text already contains.
    fn from(name: &'a str) -> Self {
        Self { placeholder: name, name }
    }
}

impl GuardContext<'_> {
    /// Returns the text with all names filled in.
    pub(super) fn with_names(&self, text: &str) -> String {
        self.names.iter().fold(text.to_owned(), |text, slot| text.replace(slot.placeholder, slot.name))
    }
}
