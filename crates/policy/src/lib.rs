//! The rules that every part of Bespoke applies in the same way: who consented, who may be contacted and how often,
//! which data may be sent out, and which results need a review.
//!
//! **Invariant:** this crate can only restrict what a customer permitted, never extend it. Posts can be read only with
//! a [`consent::SocialConsent`], which only [`consent::gate`] creates.

pub mod consent;
pub mod contact_cap;
pub mod control;
pub mod customer;
pub mod disclosure;
pub mod erasure;
pub mod evidence;
pub mod experiment;
pub mod ledger;
pub mod recall;
pub mod review;
