//! Values that cannot contain customer data, by construction.
//!
//! A [`Public`] value starts with the brand, with a product in the catalog or with a sentence that is the bank's own
//! text. From there, it changes only by functions that cannot capture anything. So customer data cannot get in, and a
//! scene built only from such values may be kept for all customers.

use contracts::brand::Brand;
use contracts::catalogue::ProductPicture;
use contracts::narration::{Sentence, Sharing};

/// A value that contains no customer data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Public<T>(T);

impl<T> Public<T> {
    /// Returns the value.
    pub const fn get(&self) -> &T {
        &self.0
    }

    /// Returns the value without the proof.
    pub fn into_inner(self) -> T {
        self.0
    }

    /// Applies a function that cannot capture anything.
    #[must_use]
    pub fn map<U>(self, change: fn(T) -> U) -> Public<U> {
        Public(change(self.0))
    }

    /// Combines two values with a function that cannot capture anything.
    #[must_use]
    pub fn with<U, V>(self, other: Public<U>, combine: fn(T, U) -> V) -> Public<V> {
        Public(combine(self.0, other.0))
    }

    /// Turns a list of public values into a public list.
    #[must_use]
    pub fn all(values: Vec<Self>) -> Public<Vec<T>> {
        Public(values.into_iter().map(|value| value.0).collect())
    }
}

impl<T> Public<T> {
    /// Takes something from the brand.
    #[must_use]
    pub fn of_brand(brand: &Brand, take: fn(&Brand) -> T) -> Self {
        Self(take(brand))
    }

    /// Takes something from a product in the catalog.
    #[must_use]
    pub fn of_product(picture: &ProductPicture, take: fn(&ProductPicture) -> T) -> Self {
        Self(take(picture))
    }
}

impl<T> Public<Vec<T>> {
    /// Returns the values one by one.
    pub fn each(self) -> impl Iterator<Item = Public<T>> {
        self.0.into_iter().map(Public)
    }
}

impl Public<(usize, usize)> {
    /// Returns the position of an offer among the offers, and their number, each at most 9. Such small numbers say
    /// nothing about a customer.
    #[must_use]
    pub fn position(current: usize, count: usize) -> Self {
        Self((current.min(9), count.min(9)))
    }
}

impl Public<String> {
    /// Returns text that is part of the program.
    #[must_use]
    pub fn of_program(text: &'static str) -> Self {
        Self(text.to_owned())
    }
}

impl Public<Vec<Sentence>> {
    /// Returns the sentences if all are the bank's own text, or `None` if one may contain customer data.
    #[must_use]
    pub fn sentences(sentences: &[Sentence]) -> Option<Self> {
        sentences.iter().all(|sentence| sentence.sharing == Sharing::Shared).then(|| Self(sentences.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_personal_sentence_makes_all_personal() {
        let sentence = |sharing| Sentence { segment: 0, start: 0.0, end: 1.0, words: Vec::new(), sharing };
        let shared = sentence(Sharing::Shared);
        assert!(Public::sentences(&[shared.clone(), shared.clone()]).is_some());
        assert!(Public::sentences(&[shared, sentence(Sharing::Personal)]).is_none());
    }
}
