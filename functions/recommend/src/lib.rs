//! The recommend stage.
