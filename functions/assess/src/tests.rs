//! Tests of the whole stage with the shipped catalog and lexicon.

mod catalogue;
mod choices;
mod offers;
mod stage;
