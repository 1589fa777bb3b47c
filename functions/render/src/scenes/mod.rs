//! Scenes: what each part of the video shows.
//!
//! A scene is a pure function of its template, the brand, its texts, the times of its sentences, the shape and the
//! resolution. A [`spec::SharedScene`] contains no personal data, so its picture may be kept for all customers.
//!
//! - [`template`] reads SVG templates, and [`timeline`] reads the moments at which their elements enter.
//! - [`spec`] says what a scene shows, and [`public`] proves that it contains no customer data.
//! - [`kit`] loads a brand's templates and drawings.
//! - `raster` turns elements into sprites.
//! - [`stage`] combines sprites and moments into a drawn scene.
//! - [`frames`] composes the frames of all scenes and converts them to video pixels.

pub mod frames;
pub mod kit;
pub mod public;
pub(crate) mod qr;
pub(crate) mod raster;
pub mod spec;
pub(crate) mod sprite;
pub mod stage;
pub mod template;
pub mod timeline;

pub use crate::error::SceneError;

/// The kind of a scene, which determines its template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SceneKind {
    /// The greeting by name.
    Opening,
    /// One product.
    Offer,
    /// A service message.
    Service,
    /// The adviser, and how to get in touch.
    Closing,
    /// The legal lines beside an action.
    End,
}

impl SceneKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Opening, Self::Offer, Self::Service, Self::Closing, Self::End];

    /// Returns the name of the template.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Offer => "offer",
            Self::Service => "service",
            Self::Closing => "closing",
            Self::End => "end",
        }
    }

    /// Returns the slots that a template of this kind must have.
    #[must_use]
    pub const fn required_slots(self) -> &'static [&'static str] {
        match self {
            Self::Opening => &["name", "bank", "mark", "privacy"],
            Self::Offer => &[
                "product",
                "headline",
                "art",
                "claim-1",
                "claim-2",
                "figure-value",
                "figure-label",
                "figure-terms",
                "note",
                "logo",
                "privacy",
            ],
            Self::Service => &["headline", "logo", "privacy"],
            Self::Closing => &["adviser", "web", "logo", "privacy"],
            Self::End => &["action", "web", "qr", "notices", "privacy"],
        }
    }
}
