//! The rules that every part of Bespoke applies in the same way: who consented, who may be contacted, who was contacted
//! recently, and which results need a review.
//!
//! **Invariant:** this crate only narrows what a customer permitted. Posts are readable only with a
//! [`consent::SocialConsent`], which only [`consent::gate`] makes.

pub mod consent;
pub mod contact_cap;
pub mod control;
pub mod customer;
pub mod erasure;
pub mod evidence;
pub mod recall;
pub mod review;
