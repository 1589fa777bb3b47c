//! Every word of ours that a customer hears, by language. What the bank's products say is the catalogue's.

pub mod en;
