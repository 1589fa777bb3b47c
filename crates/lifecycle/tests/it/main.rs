//! Tests of review, recall and erasure, together with the publish stage, which enforces them.

mod erasure;
mod letter;
mod recall;
mod review;
