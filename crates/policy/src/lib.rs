//! The rules that every part of Bespoke must apply in the same way: who consented, who may be contacted, who was contacted
//! lately, and which results a person must see first.
//!
//! **Invariant:** this crate only ever narrows what a customer permitted. Posts are reachable only through a
//! [`consent::SocialConsent`], which [`consent::gate`] alone makes.

pub mod consent;
pub mod contact_cap;
pub mod control;
pub mod customer;
pub mod erasure;
pub mod evidence;
pub mod recall;
pub mod review;
