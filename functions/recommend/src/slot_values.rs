//! The values that fill the slots of an approved line: either the customer's own values or placeholders.

use contracts::catalogue::Product;
use phrases::{Slot, SlotValues, Template};

use crate::brief::{ADVISER, Brief, FIRST_NAME};
use crate::guard::NameSlot;

/// The placeholders for all slots except the product's. They let the guard check a line's own words.
const NEUTRAL: [(Slot, &str); 6] = [
    (Slot::FirstName, FIRST_NAME),
    (Slot::Adviser, ADVISER),
    (Slot::AdviserTitle, "{{adviser_title}}"),
    (Slot::Bank, "{{bank}}"),
    (Slot::Web, "{{web}}"),
    (Slot::Count, "{{count}}"),
];

/// Returns a line's text with placeholders in its slots. `product` is the line's own product.
pub(crate) fn neutral_text(line: &Template, product: Option<&Product>) -> String {
    let values = NEUTRAL.iter().fold(SlotValues::default(), |values, (slot, text)| values.with(*slot, *text));
    line.fill(&match product {
        Some(product) => values.with(Slot::Product, product.name.as_str()),
        None => values,
    })
}

/// Returns the placeholders as names, which the guard does not check.
pub(crate) fn neutral_names() -> Vec<NameSlot<'static>> {
    NEUTRAL.iter().map(|(_, placeholder)| NameSlot::from(*placeholder)).collect()
}

/// Returns the values that fill the slots of a line for this customer. `product` is the line's own product.
pub(crate) fn slot_values(brief: &Brief<'_>, product: Option<&Product>) -> SlotValues {
    let book = brief.phrases;
    let values = SlotValues::default()
        .with(Slot::FirstName, brief.name.as_deref().unwrap_or(book.no_name()))
        .with(Slot::Adviser, brief.adviser())
        .with(Slot::AdviserTitle, brief.brand.adviser_title.as_deref().unwrap_or(book.adviser_title()))
        .with(Slot::Bank, brief.brand.name.as_str())
        .with(Slot::Web, brief.brand.spoken_web())
        .with(Slot::Count, book.count(brief.offers().len()));
    match product {
        Some(product) => values.with(Slot::Product, product.name.as_str()),
        None => values,
    }
}
