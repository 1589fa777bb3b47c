//! Review, recall and erasure, together with the publish stage that enforces them.

mod erasure;
mod letter;
mod recall;
mod review;
