//! The stage as a whole, with the real catalogue and lexicon.

mod catalogue;
mod offers;
mod stage;
