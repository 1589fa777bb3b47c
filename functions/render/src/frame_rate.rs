//! The frame rate of every video.

/// Frames per second.
pub const FRAME_RATE: u32 = 24;
