//! The brightness of a background. It determines how much the background must be darkened behind text.

use crate::layout::Rect;

/// The length of the map's longer side in pixels.
const LONGER_SIDE: u32 = 320;

/// The share of an area's pixels that may be brighter than the area's level.
const OUTLIERS: f64 = 0.1;

/// The maximum luma of each part of the background over time.
#[derive(Clone, Debug, PartialEq)]
pub struct BackgroundLuma {
    /// The width and height of the map.
    size: (u32, u32),
    /// Luma, 0 to 1, row by row.
    levels: Vec<f64>,
}

impl BackgroundLuma {
    /// Returns a map that has the same luma everywhere, 0 to 1.
    #[must_use]
    pub fn uniform(level: f64) -> Self {
        Self { size: (1, 1), levels: vec![level] }
    }

    /// Returns the size of the map for a frame of `size`, both in pixels.
    pub(crate) fn map_size((width, height): (u32, u32)) -> (u32, u32) {
        let longer = width.max(height).max(1);
        let scaled = |side: u32| (side * LONGER_SIDE).div_ceil(longer).max(2);
        (scaled(width), scaled(height))
    }

    /// Builds a map from frames of limited-range 8-bit luma. Returns `None` if there are no frames.
    pub(crate) fn from_frames(frames: &[u8], size: (u32, u32)) -> Option<Self> {
        let mut levels = vec![0.0_f64; (size.0 * size.1) as usize];
        let frames = frames.chunks_exact(levels.len());
        if frames.len() == 0 {
            return None;
        }
        for frame in frames {
            for (level, luma) in levels.iter_mut().zip(frame) {
                *level = level.max(((f64::from(*luma) - 16.0) / 219.0).clamp(0.0, 1.0));
            }
        }
        Some(Self { size, levels })
    }

    /// Returns the luma of an area's bright parts, 0 to 1. `area` and `frame` are in pixels.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "clamped to the map"
    )]
    pub fn level(&self, area: Rect, frame: (f64, f64)) -> f64 {
        let (width, height) = self.size;
        let range = |from: f64, to: f64, frame: f64, size: u32| {
            let scale = f64::from(size) / frame;
            let from = (from * scale).floor().clamp(0.0, f64::from(size - 1)) as usize;
            let to = (to * scale).ceil().clamp(from as f64 + 1.0, f64::from(size)) as usize;
            from..to
        };
        let columns = range(area.x, area.right(), frame.0, width);
        let rows = range(area.y, area.bottom(), frame.1, height);
        let row = |row: usize| &self.levels[row * width as usize..][columns.clone()];
        let mut levels: Vec<f64> = rows.flat_map(row).copied().collect();
        levels.sort_unstable_by(f64::total_cmp);
        let index = ((levels.len() - 1) as f64 * (1.0 - OUTLIERS)).round() as usize;
        levels[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn map_contains_the_maximum_luma_of_each_part() {
        // Two frames of 4x2: the left half is white in the first, the right half is gray in the second.
        let first = [235, 235, 16, 16, 235, 235, 16, 16];
        let second = [16, 16, 126, 126, 16, 16, 126, 126];
        let luma = BackgroundLuma::from_frames(&[first, second].concat(), (4, 2)).unwrap();
        let frame = (1920.0, 1080.0);
        let left = Rect { x: 0.0, y: 0.0, w: 900.0, h: 1080.0 };
        assert!((luma.level(left, frame) - 1.0).abs() < 0.01);
        assert!((luma.level(Rect { x: 1000.0, ..left }, frame) - 0.5).abs() < 0.01);
        assert!(
            (luma.level(Rect { x: 5000.0, ..left }, frame) - 0.5).abs() < 0.01,
            "an area outside the frame has the luma of the edge"
        );
    }

    #[test]
    fn a_few_bright_pixels_are_ignored() {
        let mut frame = vec![16_u8; 400];
        frame[..20].fill(235);
        let luma = BackgroundLuma::from_frames(&frame, (20, 20)).unwrap();
        assert!(luma.level(Rect { x: 0.0, y: 0.0, w: 100.0, h: 100.0 }, (100.0, 100.0)) < 0.01);
        assert_eq!(BackgroundLuma::from_frames(&[], (20, 20)), None);
    }

    #[test]
    fn map_has_the_shape_of_the_frame() {
        assert_eq!(BackgroundLuma::map_size((1920, 1080)), (320, 180));
        assert_eq!(BackgroundLuma::map_size((180, 320)), (180, 320));
    }
}
