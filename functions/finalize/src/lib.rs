//! The finalize stage.
