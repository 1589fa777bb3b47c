//! The layout of each of the three shapes, in pixels of a frame at [`LAYOUT_RESOLUTION`]. A video at another resolution
//! is the same image at another scale.

use contracts::media::Shape;
pub use contracts::settings::RESOLUTIONS;

/// The resolution of the layout: the length of the frame's shorter side in pixels.
pub const LAYOUT_RESOLUTION: u32 = 1080;

/// The height, in layout pixels, of the controls that phone players draw over the bottom of a full-screen video: 18 %
/// of the frame's height.
const PLAYER_CONTROLS: f64 = 346.0;

/// An area of the frame in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// The left edge.
    pub x: f64,
    /// The top edge.
    pub y: f64,
    /// The width.
    pub w: f64,
    /// The height.
    pub h: f64,
}

impl Rect {
    /// Returns the right edge.
    #[must_use]
    pub const fn right(&self) -> f64 {
        self.x + self.w
    }

    /// Returns the bottom edge.
    #[must_use]
    pub const fn bottom(&self) -> f64 {
        self.y + self.h
    }

    /// Returns the same area in an image that is `scale` times as large.
    #[must_use]
    pub fn scaled(&self, scale: f64) -> Self {
        Self { x: self.x * scale, y: self.y * scale, w: self.w * scale, h: self.h * scale }
    }

    /// Returns the area with a margin of `px` pixels on every side.
    #[must_use]
    pub fn grown(&self, px: f64) -> Self {
        Self { x: self.x - px, y: self.y - px, w: self.w + 2.0 * px, h: self.h + 2.0 * px }
    }

    /// Returns whether the two areas overlap.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.x < other.right() && other.x < self.right() && self.y < other.bottom() && other.y < self.bottom()
    }

    /// Returns whether this area contains `other` completely.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.x <= other.x && self.y <= other.y && other.right() <= self.right() && other.bottom() <= self.bottom()
    }
}

/// The dimensions of one shape in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// The width and height.
    pub size: (u32, u32),
    /// The safe area, which contains all elements: at least 5 % from each edge (EBU R 95, graphics safe area).
    pub safe: Rect,
    /// The bottom edge of captions. In 9:16, it is above the controls of phone players.
    pub captions_bottom: f64,
    /// The em square of captions.
    pub caption_em: f64,
    /// The distance between the baselines of two caption lines.
    pub caption_leading: f64,
    /// The padding of the caption box: horizontal, vertical.
    pub caption_pad: (f64, f64),
    /// The em square of a product's name in the lower third.
    pub product_em: f64,
    /// The em square of a product's category in the lower third.
    pub category_em: f64,
    /// The distance from the lower third to the highest caption box.
    pub lower_third_gap: f64,
    /// The maximum size of the corner logo.
    pub corner_logo: (f64, f64),
    /// The em square of the privacy mark.
    pub mark_em: f64,
    /// The em square of the name on the title card.
    pub name_em: f64,
    /// The em square of the line above the name.
    pub for_em: f64,
    /// The maximum size of the brand mark on the title card.
    pub title_mark: (f64, f64),
    /// The end card's area for logo, products and web address.
    pub end_offers: Rect,
    /// The end card's area for disclosures and notices.
    pub end_notices: Rect,
    /// The maximum size of the logo on the end card.
    pub end_logo: (f64, f64),
    /// The em square of a product's name on the end card.
    pub end_product_em: f64,
    /// The em square of disclosures and notices.
    pub notice_em: f64,
}

impl Frame {
    /// Returns the dimensions of a shape.
    #[must_use]
    pub fn of(shape: Shape) -> Self {
        let size = shape.size(LAYOUT_RESOLUTION);
        let w = f64::from(size.0);
        let h = f64::from(size.1);
        let margin_x = (w * 0.05).ceil();
        let margin_y = (h * 0.05).ceil();
        let safe = Rect { x: margin_x, y: margin_y, w: w - 2.0 * margin_x, h: h - 2.0 * margin_y };
        let wide = Self {
            size,
            safe,
            captions_bottom: safe.bottom(),
            caption_em: 47.0,
            caption_leading: 60.0,
            caption_pad: (30.0, 14.0),
            product_em: 62.0,
            category_em: 32.0,
            lower_third_gap: 40.0,
            corner_logo: (300.0, 64.0),
            mark_em: 28.0,
            name_em: 190.0,
            for_em: 50.0,
            title_mark: (150.0, 150.0),
            end_offers: Rect { x: safe.x, y: 150.0, w: 700.0, h: 780.0 },
            end_notices: Rect { x: 904.0, y: 150.0, w: safe.right() - 904.0, h: 780.0 },
            end_logo: (460.0, 110.0),
            end_product_em: 48.0,
            notice_em: 31.0,
        };
        let narrow = Self {
            caption_em: 42.0,
            caption_leading: 54.0,
            caption_pad: (24.0, 12.0),
            product_em: 52.0,
            category_em: 30.0,
            corner_logo: (270.0, 60.0),
            name_em: 170.0,
            ..wide
        };
        match shape {
            Shape::Wide => wide,
            Shape::Tall => Self {
                captions_bottom: h - PLAYER_CONTROLS,
                end_offers: Rect { x: safe.x, y: 240.0, w: safe.w, h: 640.0 },
                end_notices: Rect { x: safe.x, y: 940.0, w: safe.w, h: 860.0 },
                notice_em: 33.0,
                ..narrow
            },
            Shape::Square => Self {
                lower_third_gap: 28.0,
                name_em: 150.0,
                end_offers: Rect { x: safe.x, y: 130.0, w: safe.w, h: 400.0 },
                end_notices: Rect { x: safe.x, y: 566.0, w: safe.w, h: safe.bottom() - 566.0 },
                end_logo: (320.0, 80.0),
                end_product_em: 40.0,
                notice_em: 28.0,
                ..narrow
            },
        }
    }

    /// Returns the width and height as floating-point numbers.
    #[must_use]
    pub fn dimensions(&self) -> (f64, f64) {
        (f64::from(self.size.0), f64::from(self.size.1))
    }

    /// Returns the middle of a caption's last line, which the text of even the shortest caption covers.
    pub(crate) fn caption_core(&self) -> Rect {
        let w = 1.5 * self.caption_em;
        let bottom = self.captions_bottom - self.caption_pad.1;
        Rect { x: (self.dimensions().0 - w) / 2.0, y: bottom - self.caption_leading, w, h: self.caption_leading }
    }

    /// Returns the top edge of a caption box with two lines. Everything above the captions stays above this edge.
    #[must_use]
    pub fn captions_top(&self) -> f64 {
        self.captions_bottom - 2.0 * (self.caption_leading + self.caption_pad.1)
    }
}

/// Returns the shape and the resolution for a frame of `size` pixels. Returns `None` for sizes that Bespoke never
/// creates.
pub(crate) fn shape_and_resolution(size: (u32, u32)) -> Option<(Shape, u32)> {
    let shapes = [Shape::Wide, Shape::Tall, Shape::Square].into_iter();
    let mut all = shapes.flat_map(|shape| RESOLUTIONS.into_iter().map(move |resolution| (shape, resolution)));
    all.find(|(shape, resolution)| shape.size(*resolution) == size)
}

/// Scales an image of `size` pixels to fit into a box of `max` pixels, keeping its proportions.
#[must_use]
pub fn fit_into(size: (u32, u32), max: (f64, f64)) -> (f64, f64) {
    let w = f64::from(size.0.max(1));
    let h = f64::from(size.1.max(1));
    let scale = (max.0 / w).min(max.1 / h);
    // Use even numbers, because color has half the resolution of luma.
    let even = |x: f64| ((x * scale / 2.0).round() * 2.0).max(2.0);
    (even(w), even(h))
}
