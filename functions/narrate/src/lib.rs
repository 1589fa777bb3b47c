//! The narrate stage.
