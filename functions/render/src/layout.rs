//! Where things stand in each of the three shapes, as data; px of a frame at [`RESOLUTION`]. A video of another resolution
//! is the same picture, drawn smaller.

use contracts::media::Shape;
pub use contracts::settings::RESOLUTIONS;

/// The resolution for which pictures are laid out.
pub const RESOLUTION: u32 = 1080;

/// An area of the frame, px.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
    /// Width.
    pub w: f64,
    /// Height.
    pub h: f64,
}

impl Rect {
    /// The right edge.
    #[must_use]
    pub const fn right(&self) -> f64 {
        self.x + self.w
    }

    /// The lower edge.
    #[must_use]
    pub const fn bottom(&self) -> f64 {
        self.y + self.h
    }

    /// The same area of a picture `scale` times the size.
    #[must_use]
    pub fn scaled(&self, scale: f64) -> Self {
        Self { x: self.x * scale, y: self.y * scale, w: self.w * scale, h: self.h * scale }
    }

    /// Whether the two have a common area.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.x < other.right() && other.x < self.right() && self.y < other.bottom() && other.y < self.bottom()
    }

    /// Whether `other` lies within.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        self.x <= other.x && self.y <= other.y && other.right() <= self.right() && other.bottom() <= self.bottom()
    }
}

/// The measures of one shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// Width and height.
    pub size: (u32, u32),
    /// What everything must stay within: at least 5 % from each edge (EBU R 95, graphics safe area).
    pub safe: Rect,
    /// Em square of captions.
    pub caption_em: f64,
    /// From one caption line to the next.
    pub caption_leading: f64,
    /// The padding of the caption box: sideways, and above and below.
    pub caption_pad: (f64, f64),
    /// Em square of a product's name in the lower third.
    pub product_em: f64,
    /// Em square of its category.
    pub category_em: f64,
    /// From the lower third to the highest caption box.
    pub lower_third_gap: f64,
    /// The corner logo's box, at most.
    pub corner_logo: (f64, f64),
    /// Em square of the privacy mark.
    pub mark_em: f64,
    /// Em square of the name on the title card.
    pub name_em: f64,
    /// Em square of what stands above the name.
    pub for_em: f64,
    /// The title card's mark's box, at most.
    pub title_mark: (f64, f64),
    /// The end card: logo, products and address.
    pub end_offers: Rect,
    /// The end card: disclosures and notices.
    pub end_notices: Rect,
    /// The end card's logo's box, at most.
    pub end_logo: (f64, f64),
    /// Em square of a product's name on the end card.
    pub end_product_em: f64,
    /// Em square of disclosures.
    pub notice_em: f64,
}

impl Frame {
    /// The measures of a shape.
    #[must_use]
    pub fn of(shape: Shape) -> Self {
        let size = shape.size(RESOLUTION);
        let (w, h) = (f64::from(size.0), f64::from(size.1));
        let (margin_x, margin_y) = ((w * 0.05).ceil(), (h * 0.05).ceil());
        let safe = Rect { x: margin_x, y: margin_y, w: w - 2.0 * margin_x, h: h - 2.0 * margin_y };
        let wide = Self {
            size,
            safe,
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

    /// Width and height as numbers to reckon with.
    #[must_use]
    pub fn dimensions(&self) -> (f64, f64) {
        (f64::from(self.size.0), f64::from(self.size.1))
    }

    /// The middle of a caption's last line: however short the caption, its text covers this.
    pub(crate) fn caption_heart(&self) -> Rect {
        let (w, bottom) = (1.5 * self.caption_em, self.safe.bottom() - self.caption_pad.1);
        Rect { x: (self.dimensions().0 - w) / 2.0, y: bottom - self.caption_leading, w, h: self.caption_leading }
    }

    /// The top of a caption box of two lines: what stands above captions stays above this.
    #[must_use]
    pub fn captions_top(&self) -> f64 {
        self.safe.bottom() - 2.0 * (self.caption_leading + self.caption_pad.1)
    }
}

/// The shape and the resolution of a frame of `size` px, if it is one that is made.
pub(crate) fn shape_of(size: (u32, u32)) -> Option<(Shape, u32)> {
    let shapes = [Shape::Wide, Shape::Tall, Shape::Square].into_iter();
    let mut all = shapes.flat_map(|shape| RESOLUTIONS.into_iter().map(move |resolution| (shape, resolution)));
    all.find(|(shape, resolution)| shape.size(*resolution) == size)
}

/// The size of a picture of `size` px within a box of `most` px, its proportions kept.
#[must_use]
pub fn contain(size: (u32, u32), most: (f64, f64)) -> (f64, f64) {
    let (w, h) = (f64::from(size.0.max(1)), f64::from(size.1.max(1)));
    let scale = (most.0 / w).min(most.1 / h);
    // Even numbers, as the picture's colour has half its resolution.
    let even = |x: f64| ((x * scale / 2.0).round() * 2.0).max(2.0);
    (even(w), even(h))
}
