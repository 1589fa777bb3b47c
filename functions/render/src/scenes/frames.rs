//! Composes frames from drawn scenes and converts them to video pixels.
//!
//! Only the parts that change from one frame to the next are painted and converted.

use std::io::Write;

use contracts::brand::Cover;

use crate::ass::Colour;
use crate::canvas::FRAME_RATE;
use crate::scenes::spec::Edge;
use crate::scenes::sprite::{Canvas, Mask, Paint, PixelRect};
use crate::scenes::stage::{Appearance, COVER_SECONDS, DrawnScene, END_FADE};

/// The ground behind the layers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Behind {
    /// The template's ground. Frames are opaque.
    Ground,
    /// A video, which the brand's background color covers with this opacity. Frames have an alpha channel.
    Video {
        /// The opacity, 0 to 1.
        veil: f32,
    },
}

/// The colors of grounds and transitions.
#[derive(Clone, Copy, Debug)]
pub struct FrameColors {
    /// The ground.
    pub background: Colour,
    /// The color that covers the picture between scenes.
    pub cover: Colour,
}

/// The color that covers part of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
struct CoverState {
    area: PixelRect,
    opacity: f32,
    color: [u8; 3],
}

/// A frame as planes of limited-range BT.709 video.
struct Planes {
    size: (usize, usize),
    luma: Vec<u8>,
    blue: Vec<u8>,
    red: Vec<u8>,
    alpha: Option<Vec<u8>>,
}

impl Planes {
    fn new(size: (usize, usize), has_alpha: bool) -> Self {
        let count = size.0 * size.1;
        Self {
            size,
            luma: vec![16; count],
            blue: vec![128; count / 4],
            red: vec![128; count / 4],
            alpha: has_alpha.then(|| vec![0; count]),
        }
    }

    /// Converts a part of a canvas.
    #[expect(clippy::cast_sign_loss, reason = "clipped to the frame")]
    fn convert(&mut self, canvas: &Canvas, area: PixelRect) {
        let area = area.and(&canvas.bounds());
        if area.is_empty() {
            return;
        }
        let (left, right) = (area.left as usize & !1, (area.right as usize + 1) & !1);
        let (top, bottom) = (area.top as usize & !1, (area.bottom as usize + 1) & !1);
        let width = self.size.0;
        for y in (top..bottom).step_by(2) {
            for x in (left..right).step_by(2) {
                let mut sums = [0_i32; 3];
                for (dx, dy) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                    let at = (y + dy) * width + x + dx;
                    let pixel = &canvas.pixels[at * 4..at * 4 + 4];
                    let mut color = [i32::from(pixel[0]), i32::from(pixel[1]), i32::from(pixel[2])];
                    if let Some(alpha) = &mut self.alpha {
                        alpha[at] = pixel[3];
                        let opacity = i32::from(pixel[3]);
                        if opacity > 0 && opacity < 255 {
                            color = color.map(|value| (value * 255 / opacity).min(255));
                        }
                    }
                    let [red, green, blue] = color;
                    self.luma[at] = clamp(16 + ((11_966 * red + 40_254 * green + 4_064 * blue + 32_768) >> 16));
                    for (sum, value) in sums.iter_mut().zip(color) {
                        *sum += value;
                    }
                }
                let [red, green, blue] = sums;
                let at = (y / 2) * (width / 2) + x / 2;
                self.blue[at] = clamp(128 + ((-6_596 * red - 22_189 * green + 28_785 * blue + 131_072) >> 18));
                self.red[at] = clamp(128 + ((28_785 * red - 26_145 * green - 2_640 * blue + 131_072) >> 18));
            }
        }
    }

    fn write(&self, sink: &mut dyn Write) -> std::io::Result<()> {
        sink.write_all(&self.luma)?;
        sink.write_all(&self.blue)?;
        sink.write_all(&self.red)?;
        self.alpha.as_ref().map_or(Ok(()), |alpha| sink.write_all(alpha))
    }
}

fn clamp(value: i32) -> u8 {
    u8::try_from(value.clamp(0, 255)).unwrap_or(u8::MAX)
}

/// Composes the frames of scenes in order.
pub struct Composer {
    canvas: Canvas,
    ground: Canvas,
    planes: Planes,
    behind: Behind,
    colors: FrameColors,
}

impl Composer {
    /// Creates a composer for frames of `size` pixels.
    #[must_use]
    pub fn new(size: (u32, u32), behind: Behind, colors: FrameColors) -> Self {
        let size = (size.0 as usize, size.1 as usize);
        Self {
            canvas: Canvas::new(size),
            ground: Canvas::new(size),
            planes: Planes::new(size, behind != Behind::Ground),
            behind,
            colors,
        }
    }

    /// Writes all frames of a scene. Stops early if `go_on` returns false.
    pub fn write(&mut self, scene: &DrawnScene, sink: &mut dyn Write, go_on: &dyn Fn() -> bool) -> std::io::Result<()> {
        self.prepare(scene);
        let mut states: Vec<Option<Appearance>> = vec![None; scene.layers.len()];
        let mut cover = None;
        for frame in 0..frame_count(scene) {
            if !go_on() {
                return Ok(());
            }
            let at = f64::from(frame) / f64::from(FRAME_RATE);
            let is_first = frame == 0;
            self.advance(scene, at, (&mut states, &mut cover), is_first);
            self.planes.write(sink)?;
        }
        Ok(())
    }

    /// Returns a frame of a scene as opaque RGBA.
    #[must_use]
    pub fn still(&mut self, scene: &DrawnScene, at: f64) -> Vec<u8> {
        self.prepare(scene);
        let mut states = vec![None; scene.layers.len()];
        self.advance(scene, at, (&mut states, &mut None), true);
        self.canvas.pixels.clone()
    }

    fn prepare(&mut self, scene: &DrawnScene) {
        let all = self.ground.bounds();
        let background = self.colors.background.rgb();
        self.ground.clear(all);
        match self.behind {
            Behind::Ground => {
                self.ground.fill(all, background, 1.0);
                if let Some(ground) = &scene.ground {
                    let paint = Paint { dx: 0.0, dy: 0.0, opacity: 1.0, mask: Mask::All, columns: (0, ground.size.0) };
                    ground.paint(&mut self.ground, all, &paint);
                }
            }
            Behind::Video { veil } => self.ground.fill(all, background, veil),
        }
    }

    /// Paints what changed since the last frame.
    fn advance(
        &mut self,
        scene: &DrawnScene,
        at: f64,
        (states, cover): (&mut [Option<Appearance>], &mut Option<CoverState>),
        is_first: bool,
    ) {
        let all = self.canvas.bounds();
        let mut changed = Vec::new();
        for (layer, state) in scene.layers.iter().zip(states.iter_mut()) {
            let next = layer.appearance(at);
            if *state != next {
                changed.extend([*state, next].into_iter().flatten().map(|state| layer.reach(state)));
                *state = next;
            }
        }
        let next = self.cover(scene, at);
        if *cover != next {
            changed.extend(cover_change(*cover, next));
            *cover = next;
        }
        let areas = if is_first { vec![all] } else { merged(changed, all) };
        for area in areas {
            self.canvas.copy(&self.ground, area);
            let paint = |is_above: bool, canvas: &mut Canvas| {
                for (layer, state) in scene.layers.iter().zip(states.iter()) {
                    if layer.is_above_cover == is_above
                        && let Some(state) = state
                    {
                        for paint in layer.paints(*state) {
                            layer.sprite.paint(canvas, area, &paint);
                        }
                    }
                }
            };
            paint(false, &mut self.canvas);
            if let Some(CoverState { area: covered, opacity, color }) = *cover {
                self.canvas.fill(covered.and(&area), color, opacity);
            }
            paint(true, &mut self.canvas);
            self.planes.convert(&self.canvas, area);
        }
    }

    /// Returns the cover at a time in the scene.
    #[expect(clippy::cast_possible_truncation, reason = "pixels of a frame")]
    fn cover(&self, scene: &DrawnScene, at: f64) -> Option<CoverState> {
        let all = self.canvas.bounds();
        let frame = 1.0 / f64::from(FRAME_RATE);
        // The first and the last frame are covered completely.
        let open = (at / COVER_SECONDS).min(1.0);
        let close = 1.0 - ((scene.seconds - frame - at) / COVER_SECONDS).clamp(0.0, 1.0);
        let smooth = |x: f64| x * x * (3.0 - 2.0 * x);
        let color = self.colors.cover.rgb();
        let whole = CoverState { area: all, opacity: 1.0, color };
        if scene.is_veiled {
            return Some(whole);
        }
        let (is_opening, share) = if scene.joints.start == Edge::Covered && open < 1.0 {
            (true, smooth(open))
        } else if scene.joints.end == Edge::Covered && close > 0.0 {
            (false, smooth(close))
        } else if scene.joints.end == Edge::Faded {
            let fade = 1.0 - ((scene.seconds - frame - at) / END_FADE).clamp(0.0, 1.0);
            let color = self.colors.background.rgb();
            return (fade > 0.0).then_some(CoverState { area: all, opacity: fade as f32, color });
        } else {
            return None;
        };
        let x = (f64::from(all.right) * share).round() as i32;
        let y = (f64::from(all.bottom) * (1.0 - share)).round() as i32;
        Some(match (scene.cover, is_opening) {
            (Cover::Wipe, true) => CoverState { area: PixelRect { left: x, ..all }, ..whole },
            (Cover::Wipe, false) => CoverState { area: PixelRect { right: x, ..all }, ..whole },
            (Cover::Rise, true) => CoverState { area: PixelRect { bottom: y, ..all }, ..whole },
            (Cover::Rise, false) => CoverState { area: PixelRect { top: y, ..all }, ..whole },
            (Cover::Fade, true) => CoverState { opacity: 1.0 - share as f32, ..whole },
            (Cover::Fade, false) => CoverState { opacity: share as f32, ..whole },
        })
    }
}

/// Returns the number of frames in a scene.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the length of a scene")]
pub(crate) fn frame_count(scene: &DrawnScene) -> u32 {
    (scene.seconds * f64::from(FRAME_RATE)).round() as u32
}

/// Returns the parts of the frame in which the cover changes.
fn cover_change(before: Option<CoverState>, after: Option<CoverState>) -> Vec<PixelRect> {
    let (Some(old), Some(new)) = (before, after) else {
        return before.into_iter().chain(after).map(|cover| cover.area).collect();
    };
    if old.opacity.to_bits() != new.opacity.to_bits() || old.color != new.color {
        return vec![old.area, new.area];
    }
    let (old, new) = (old.area, new.area);
    let strip = |from: i32, to: i32| (from.min(to), from.max(to));
    let (left, right) = (strip(old.left, new.left), strip(old.right, new.right));
    let (top, bottom) = (strip(old.top, new.top), strip(old.bottom, new.bottom));
    let both = old.or(&new);
    vec![
        PixelRect { left: left.0, right: left.1, ..both },
        PixelRect { left: right.0, right: right.1, ..both },
        PixelRect { top: top.0, bottom: top.1, ..both },
        PixelRect { top: bottom.0, bottom: bottom.1, ..both },
    ]
}

/// Joins overlapping areas, so no pixel is painted twice, and clips them to the frame. Edges are even, because
/// color has half the resolution of luma.
fn merged(areas: Vec<PixelRect>, all: PixelRect) -> Vec<PixelRect> {
    let mut result: Vec<PixelRect> = Vec::new();
    for area in areas {
        let even = PixelRect {
            left: area.left & !1,
            top: area.top & !1,
            right: (area.right + 1) & !1,
            bottom: (area.bottom + 1) & !1,
        };
        let mut area = even.and(&all);
        if area.is_empty() {
            continue;
        }
        while let Some(index) = result.iter().position(|other| !other.and(&area).is_empty()) {
            area = area.or(&result.swap_remove(index));
        }
        result.push(area);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_bt709_in_limited_range() {
        let mut canvas = Canvas::new((4, 2));
        let mut planes = Planes::new((4, 2), false);
        let mut yuv = |color: [u8; 3]| {
            let all = canvas.bounds();
            canvas.fill(all, color, 1.0);
            planes.convert(&canvas, all);
            [planes.luma[0], planes.blue[0], planes.red[0]]
        };
        assert_eq!(yuv([255, 255, 255]), [235, 128, 128]);
        assert_eq!(yuv([0, 0, 0]), [16, 128, 128]);
        assert_eq!(yuv([255, 0, 0]), [63, 102, 240]);
        assert_eq!(yuv([0, 0, 255]), [32, 240, 118]);
    }

    #[test]
    fn transparent_pixels_keep_their_color() {
        let mut canvas = Canvas::new((2, 2));
        let mut planes = Planes::new((2, 2), true);
        let all = canvas.bounds();
        canvas.fill(all, [255, 255, 255], 0.5);
        planes.convert(&canvas, all);
        assert!((127..=128).contains(&planes.alpha.as_ref().unwrap()[0]));
        assert!(planes.luma[0] >= 233, "{}", planes.luma[0]);
    }

    #[test]
    fn overlapping_areas_are_painted_once() {
        let area = |left, right| PixelRect { left, top: 0, right, bottom: 4 };
        let all = area(0, 100);
        assert_eq!(merged(vec![area(1, 10), area(20, 30), area(8, 21)], all), [area(0, 30)]);
        assert_eq!(merged(vec![area(1, 10), area(20, 30)], all).len(), 2);
        assert_eq!(merged(vec![area(-50, -10)], all), []);
    }
}
