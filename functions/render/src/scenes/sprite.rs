//! Sprites: rasterized layers, and how they are painted onto a frame.

use resvg::tiny_skia::Pixmap;

/// A rectangle of whole pixels: left, top, right and bottom edges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PixelRect {
    pub left: i32,
    pub top: i32,
    pub right: i32,
    pub bottom: i32,
}

impl PixelRect {
    pub(crate) const fn is_empty(&self) -> bool {
        self.left >= self.right || self.top >= self.bottom
    }

    pub(crate) fn and(&self, other: &Self) -> Self {
        Self {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        }
    }

    /// Returns the smallest rectangle that contains both.
    pub(crate) fn or(&self, other: &Self) -> Self {
        if self.is_empty() {
            return *other;
        }
        if other.is_empty() {
            return *self;
        }
        Self {
            left: self.left.min(other.left),
            top: self.top.min(other.top),
            right: self.right.max(other.right),
            bottom: self.bottom.max(other.bottom),
        }
    }

    pub(crate) const fn shifted(&self, dx: i32, dy: i32) -> Self {
        Self { left: self.left + dx, top: self.top + dy, right: self.right + dx, bottom: self.bottom + dy }
    }

    pub(crate) const fn grown(&self, by: i32) -> Self {
        Self { left: self.left - by, top: self.top - by, right: self.right + by, bottom: self.bottom + by }
    }
}

/// A rasterized layer. Its pixels are premultiplied RGBA.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sprite {
    /// The left and top edges in the frame.
    pub at: (i32, i32),
    pub size: (usize, usize),
    pixels: Vec<u8>,
    /// The columns of letters or groups of letters, between which no pixel is set.
    slices: Vec<(usize, usize)>,
}

/// A frame under construction, in premultiplied RGBA.
#[derive(Clone, Debug)]
pub(crate) struct Canvas {
    pub size: (usize, usize),
    pub pixels: Vec<u8>,
}

/// The visible pixels of a sprite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mask {
    All,
    /// The columns up to an edge, with a soft margin.
    Columns {
        edge: f32,
    },
    /// The sector clockwise from the top, as a share of the circle.
    Sector {
        share: f32,
    },
}

impl Mask {
    fn at(self, x: usize, y: usize, (w, h): (usize, usize)) -> f32 {
        const SOFT: f32 = 24.0;
        #[expect(clippy::cast_precision_loss, reason = "pixels of a frame")]
        let (x, y, w, h) = (x as f32, y as f32, w as f32, h as f32);
        match self {
            Self::All => 1.0,
            Self::Columns { edge } => ((edge - x) / SOFT + 0.5).clamp(0.0, 1.0),
            Self::Sector { share } => {
                let angle = (x - w / 2.0).atan2(h / 2.0 - y) / std::f32::consts::TAU;
                let angle = if angle < 0.0 { angle + 1.0 } else { angle };
                ((share - angle) * 40.0).clamp(0.0, 1.0)
            }
        }
    }
}

/// The position, visibility and opacity of a sprite or of a part of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Paint {
    pub dx: f32,
    pub dy: f32,
    pub opacity: f32,
    pub mask: Mask,
    /// The columns to paint: the first one, and the one after the last.
    pub columns: (usize, usize),
}

impl Sprite {
    /// Creates a sprite from a pixmap at a position in the frame.
    pub(crate) fn of(pixmap: &Pixmap, at: (i32, i32)) -> Self {
        let size = (pixmap.width() as usize, pixmap.height() as usize);
        let pixels = pixmap.data().to_vec();
        let slices = slices(&pixels, size);
        Self { at, size, pixels, slices }
    }

    pub(crate) fn slices(&self) -> &[(usize, usize)] {
        &self.slices
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "pixels of a frame")]
    pub(crate) fn bounds(&self) -> PixelRect {
        let (left, top) = self.at;
        PixelRect { left, top, right: left + self.size.0 as i32, bottom: top + self.size.1 as i32 }
    }

    /// Returns the smallest rectangle that contains all clearly visible pixels.
    pub(crate) fn ink(&self) -> Option<PixelRect> {
        let (w, h) = self.size;
        let mut ink = PixelRect::default();
        for (row, line) in self.pixels.chunks_exact(w * 4).enumerate().take(h) {
            let set = |pixel: &[u8]| pixel[3] > 40;
            let Some(first) = line.chunks_exact(4).position(set) else { continue };
            let last = line.chunks_exact(4).rposition(set).unwrap_or(first);
            #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "pixels of a frame")]
            let of_row = PixelRect {
                left: self.at.0 + first as i32,
                top: self.at.1 + row as i32,
                right: self.at.0 + last as i32 + 1,
                bottom: self.at.1 + row as i32 + 1,
            };
            ink = ink.or(&of_row);
        }
        (!ink.is_empty()).then_some(ink)
    }

    /// Returns the premultiplied color at a position of the sprite.
    fn pixel(&self, x: i32, y: i32, columns: (usize, usize)) -> [u8; 4] {
        let Ok(x) = usize::try_from(x) else { return [0; 4] };
        let Ok(y) = usize::try_from(y) else { return [0; 4] };
        if x < columns.0 || x >= columns.1 || y >= self.size.1 {
            return [0; 4];
        }
        let at = (y * self.size.0 + x) * 4;
        self.pixels.get(at..at + 4).and_then(|pixel| pixel.try_into().ok()).unwrap_or([0; 4])
    }

    /// Paints the sprite onto a part of the canvas.
    pub(crate) fn paint(&self, canvas: &mut Canvas, clip: PixelRect, paint: &Paint) {
        let (floor_x, floor_y) = (paint.dx.floor(), paint.dy.floor());
        #[expect(clippy::cast_possible_truncation, reason = "pixels of a frame")]
        let (left, top) = (self.at.0 + floor_x as i32, self.at.1 + floor_y as i32);
        let (part_x, part_y) = (paint.dx - floor_x, paint.dy - floor_y);
        let is_whole = part_x < 0.02 && part_y < 0.02;
        #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "pixels of a frame")]
        let area = PixelRect {
            left: left + paint.columns.0 as i32,
            top,
            right: left + paint.columns.1 as i32 + 1,
            bottom: top + self.size.1 as i32 + 1,
        };
        let area = area.and(&clip);
        if area.is_empty() {
            return;
        }
        let weights = weights(part_x, part_y);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 256")]
        let opacity = (paint.opacity.clamp(0.0, 1.0) * 256.0).round() as u32;
        if is_whole && paint.mask == Mask::All {
            return self.paint_whole(canvas, area, (left, top), opacity);
        }
        for y in area.top..area.bottom {
            for x in area.left..area.right {
                let (sx, sy) = (x - left, y - top);
                let source = if is_whole {
                    self.pixel(sx, sy, paint.columns)
                } else {
                    self.blended(sx, sy, paint.columns, &weights)
                };
                if source[3] == 0 {
                    continue;
                }
                let alpha = match paint.mask {
                    Mask::All => opacity,
                    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 256")]
                    mask => {
                        let (mx, my) = (sx.max(0) as usize, sy.max(0) as usize);
                        (f64::from(opacity) * f64::from(mask.at(mx, my, self.size))) as u32
                    }
                };
                canvas.blend(x, y, source, alpha);
            }
        }
    }

    /// Paints rows of whole pixels, which is the most common case.
    #[expect(clippy::cast_sign_loss, reason = "the area is within the sprite and the canvas")]
    fn paint_whole(&self, canvas: &mut Canvas, area: PixelRect, (left, top): (i32, i32), alpha: u32) {
        let (w, h) = self.size;
        for y in area.top..area.bottom {
            let row = (y - top) as usize;
            if row >= h {
                return;
            }
            let first = (area.left - left) as usize;
            let count = ((area.right - area.left) as usize).min(w - first.min(w));
            let from = (row * w + first) * 4;
            let to = canvas.index(area.left, y);
            let (source, under) = (&self.pixels[from..from + count * 4], &mut canvas.pixels[to..to + count * 4]);
            for (over, under) in source.chunks_exact(4).zip(under.chunks_exact_mut(4)) {
                match over[3] {
                    0 => {}
                    255 if alpha >= 256 => under.copy_from_slice(over),
                    _ => mix(under, over, alpha),
                }
            }
        }
    }

    /// Returns the color interpolated between four pixels.
    fn blended(&self, x: i32, y: i32, columns: (usize, usize), weights: &[u32; 4]) -> [u8; 4] {
        let corners = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| {
            // Most drawings move along one axis, where half of the weights are zero.
            if weights[dx + 2 * dy] == 0 {
                return [0; 4];
            }
            #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "0 or 1")]
            self.pixel(x - dx as i32, y - dy as i32, columns)
        });
        if corners.iter().all(|pixel| *pixel == corners[0]) && corners[0][3] == 255 {
            return corners[0];
        }
        std::array::from_fn(|channel| {
            let sum: u32 = corners.iter().zip(weights).map(|(pixel, weight)| u32::from(pixel[channel]) * weight).sum();
            u8::try_from((sum + 128) >> 8).unwrap_or(u8::MAX)
        })
    }
}

/// Paints a premultiplied color over another one. `alpha` is 0 to 256.
fn mix(under: &mut [u8], over: &[u8], alpha: u32) {
    let keep = 255 - ((u32::from(over[3]) * alpha) >> 8);
    for (under, over) in under.iter_mut().zip(over) {
        let over = (u32::from(*over) * alpha) >> 8;
        *under = u8::try_from(over + (u32::from(*under) * keep + 127) / 255).unwrap_or(u8::MAX);
    }
}

/// Returns the weights, 256 in total, of a pixel and its neighbors at the left, above, and above left.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 256")]
fn weights(part_x: f32, part_y: f32) -> [u32; 4] {
    let x = (part_x * 16.0).round() as u32;
    let y = (part_y * 16.0).round() as u32;
    [(16 - x) * (16 - y), x * (16 - y), (16 - x) * y, x * y]
}

/// Returns the groups of columns with visible pixels.
fn slices(pixels: &[u8], (w, h): (usize, usize)) -> Vec<(usize, usize)> {
    let mut used = vec![false; w];
    for line in pixels.chunks_exact(w.max(1) * 4).take(h) {
        for (column, pixel) in used.iter_mut().zip(line.chunks_exact(4)) {
            *column |= pixel[3] > 0;
        }
    }
    let mut slices = Vec::new();
    let mut start = None;
    for (index, used) in used.iter().chain([&false]).enumerate() {
        match (used, start) {
            (true, None) => start = Some(index),
            (false, Some(first)) => {
                slices.push((first, index));
                start = None;
            }
            _ => {}
        }
    }
    slices
}

impl Canvas {
    pub(crate) fn new((w, h): (usize, usize)) -> Self {
        Self { size: (w, h), pixels: vec![0; w * h * 4] }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "pixels of a frame")]
    pub(crate) const fn bounds(&self) -> PixelRect {
        PixelRect { left: 0, top: 0, right: self.size.0 as i32, bottom: self.size.1 as i32 }
    }

    #[expect(clippy::cast_sign_loss, reason = "clipped to the canvas")]
    const fn index(&self, x: i32, y: i32) -> usize {
        (y as usize * self.size.0 + x as usize) * 4
    }

    /// Paints a premultiplied color over one pixel. `alpha` is 0 to 256.
    fn blend(&mut self, x: i32, y: i32, source: [u8; 4], alpha: u32) {
        let at = self.index(x, y);
        let under = &mut self.pixels[at..at + 4];
        if alpha >= 256 && source[3] == 255 {
            under.copy_from_slice(&source);
            return;
        }
        mix(under, &source, alpha);
    }

    /// Makes a part of the canvas transparent.
    pub(crate) fn clear(&mut self, area: PixelRect) {
        let area = area.and(&self.bounds());
        if area.is_empty() {
            return;
        }
        for y in area.top..area.bottom {
            let range = self.index(area.left, y)..self.index(area.right, y);
            self.pixels[range].fill(0);
        }
    }

    /// Paints a part of the canvas in one color with an opacity.
    pub(crate) fn fill(&mut self, area: PixelRect, color: [u8; 3], opacity: f32) {
        let area = area.and(&self.bounds());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 256")]
        let alpha = (opacity.clamp(0.0, 1.0) * 256.0).round() as u32;
        let [red, green, blue] = color;
        let over = [red, green, blue, 255];
        if area.is_empty() {
            return;
        }
        for y in area.top..area.bottom {
            let range = self.index(area.left, y)..self.index(area.right, y);
            for under in self.pixels[range].chunks_exact_mut(4) {
                if alpha >= 256 { under.copy_from_slice(&over) } else { mix(under, &over, alpha) }
            }
        }
    }

    /// Copies a part of another canvas of the same size.
    pub(crate) fn copy(&mut self, other: &Self, area: PixelRect) {
        let area = area.and(&self.bounds());
        if area.is_empty() {
            return;
        }
        for y in area.top..area.bottom {
            let range = self.index(area.left, y)..self.index(area.right, y);
            self.pixels[range.clone()].copy_from_slice(&other.pixels[range]);
        }
    }
}

/// Scales a pixmap down to a size by averaging areas, or up by interpolation.
pub(crate) fn resize(source: &Pixmap, (w, h): (u32, u32)) -> Option<Pixmap> {
    use resvg::tiny_skia::{FilterQuality, PixmapPaint, Transform};
    let mut current = source.clone();
    while current.width() >= w * 2 && current.height() >= h * 2 {
        let half = (current.width() / 2, current.height() / 2);
        let mut smaller = Pixmap::new(half.0, half.1)?;
        let stride = current.width() as usize * 4;
        let from = current.data().to_vec();
        for (y, line) in smaller.data_mut().chunks_exact_mut(half.0 as usize * 4).enumerate() {
            for (x, value) in line.iter_mut().enumerate() {
                let at = 2 * y * stride + (x / 4) * 8 + x % 4;
                let sum = [at, at + 4, at + stride, at + stride + 4].map(|at| u32::from(from[at])).iter().sum::<u32>();
                *value = u8::try_from((sum + 2) / 4).unwrap_or(u8::MAX);
            }
        }
        current = smaller;
    }
    let mut result = Pixmap::new(w, h)?;
    #[expect(clippy::cast_precision_loss, reason = "pixels of a picture")]
    let scale = (w as f32 / current.width() as f32, h as f32 / current.height() as f32);
    let paint = PixmapPaint { quality: FilterQuality::Bicubic, ..PixmapPaint::default() };
    result.draw_pixmap(0, 0, current.as_ref(), &paint, Transform::from_scale(scale.0, scale.1), None);
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bars() -> Sprite {
        let mut pixmap = Pixmap::new(6, 2).unwrap();
        for (index, pixel) in pixmap.data_mut().chunks_exact_mut(4).enumerate() {
            if [0, 1, 4].contains(&(index % 6)) {
                pixel.copy_from_slice(&[200, 100, 50, 255]);
            }
        }
        Sprite::of(&pixmap, (1, 1))
    }

    #[test]
    fn letters_are_the_columns_between_gaps() {
        assert_eq!(bars().slices(), [(0, 2), (4, 5)]);
        assert_eq!(bars().ink(), Some(PixelRect { left: 1, top: 1, right: 6, bottom: 3 }));
    }

    #[test]
    fn sprite_is_painted_at_half_pixels_and_within_the_clip() {
        let mut canvas = Canvas::new((10, 6));
        let all = Paint { dx: 0.5, dy: 0.0, opacity: 1.0, mask: Mask::All, columns: (0, 6) };
        let clip = PixelRect { left: 0, top: 0, right: 10, bottom: 2 };
        bars().paint(&mut canvas, clip, &all);
        let alpha = |x: usize, y: usize| canvas.pixels[(y * 10 + x) * 4 + 3];
        assert_eq!((alpha(1, 1), alpha(2, 1), alpha(3, 1), alpha(4, 1)), (128, 255, 128, 0));
        assert_eq!(alpha(2, 2), 0, "outside the clip");
    }

    #[test]
    fn areas_that_do_not_meet_leave_the_canvas_alone() {
        let mut canvas = Canvas::new((10, 6));
        let other = canvas.clone();
        let nowhere = PixelRect { left: 8, top: 1, right: 3, bottom: 4 };
        canvas.fill(nowhere, [1, 2, 3], 1.0);
        canvas.clear(nowhere);
        canvas.copy(&other, nowhere);
        assert!(canvas.pixels.iter().all(|value| *value == 0));
    }

    #[test]
    fn opacity_mixes_with_what_is_below() {
        let mut canvas = Canvas::new((10, 6));
        let all = canvas.bounds();
        canvas.fill(all, [0, 0, 100], 1.0);
        let half = Paint { dx: 0.0, dy: 0.0, opacity: 0.5, mask: Mask::All, columns: (0, 6) };
        bars().paint(&mut canvas, all, &half);
        let pixel = &canvas.pixels[(10 + 1) * 4..][..4];
        assert_eq!(pixel, [100, 50, 75, 255]);
    }
}
