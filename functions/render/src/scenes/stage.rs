//! A drawn scene: sprites, and where each is at a moment.

use std::collections::BTreeMap;

use contracts::brand::{Cover, Easing};
use contracts::settings::SceneMotion;

use crate::canvas::Placement;
use crate::error::Error;
use crate::layout::Rect;
use crate::scenes::kit::SceneKit;
use crate::scenes::qr::qr_code;
use crate::scenes::raster::{PlacedText, Rasterizer, place_text};
use crate::scenes::spec::{Edge, Joints, Picture, SceneSpec};
use crate::scenes::sprite::{Mask, Paint, PixelRect, Sprite};
use crate::scenes::template::{LayerKind, PICTURE_SLOTS, TEXT_SLOTS, Template, TemplateLayer};
use crate::scenes::timeline::{Anchor, Entrance, Pace, Rest, Timeline};

/// The reading rate in words per second: 180 words per minute.
pub const READING_RATE: f64 = 3.0;
/// The duration of covering and of uncovering the picture, in seconds.
pub const COVER_SECONDS: f64 = 0.375;
/// The time that an element takes to leave, in seconds.
const LEAVE_SECONDS: f64 = 0.25;
/// The time that the video takes to fade out, in seconds.
pub(crate) const END_FADE: f64 = 0.6;

/// How scenes are drawn.
#[derive(Clone, Copy, Debug)]
pub struct DrawOptions {
    /// The number of frame pixels per layout pixel.
    pub scale: f64,
    /// How much scenes move.
    pub motion: SceneMotion,
}

/// A layer of a drawn scene.
#[derive(Debug)]
pub(crate) struct DrawnLayer {
    pub id: String,
    pub sprite: Sprite,
    enter: f64,
    seconds: f64,
    how: Entrance,
    then: Rest,
    /// The time at which the layer has left, in seconds from the start of the scene. `None` if it stays.
    leaves: Option<f64>,
    /// How the drift begins and ends.
    drift: DriftBounds,
    /// Whether the cover leaves the layer visible.
    pub is_above_cover: bool,
    /// The area in layout pixels, for texts and pictures.
    area: Option<Rect>,
    scale: f64,
    easing: Easing,
}

/// Where a drift starts and ends at rest, so the neighboring scene can continue it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct DriftBounds {
    /// Whether it starts at rest.
    from_rest: bool,
    /// The time in the scene at which it is at rest again.
    rest: Option<f64>,
}

/// The state of a layer at a moment. Equal states look equal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Appearance {
    /// The opacity of a layer that leaves, 0 to 1.
    opacity: f64,
    /// The share of the entrance that has passed, 0 to 1.
    progress: f64,
    /// The offset of a drifting layer in frame pixels.
    drift: f64,
}

/// A scene that is ready to be composed.
#[derive(Debug)]
pub struct DrawnScene {
    pub(crate) ground: Option<Sprite>,
    pub(crate) layers: Vec<DrawnLayer>,
    pub(crate) start: f64,
    pub(crate) seconds: f64,
    pub(crate) joints: Joints,
    pub(crate) cover: Cover,
    /// Whether the cover stays closed.
    pub(crate) is_veiled: bool,
    /// The ids of the texts that had to be cut.
    cut: Vec<&'static str>,
}

fn ease(easing: Easing, p: f64) -> f64 {
    let q = 1.0 - p;
    match easing {
        Easing::Linear => p,
        Easing::OutCubic => 1.0 - q.powi(3),
        Easing::OutQuint => 1.0 - q.powi(5),
        Easing::OutBack => 1.0 - q.powi(2) * (2.2 * q - 1.2),
    }
}

/// The ids of the texts that form a figure with its terms.
const FIGURE: [&str; 3] = ["figure-value", "figure-label", "figure-terms"];

/// Returns whether a layer belongs to the figure, which appears as one block.
fn is_of_figure(layer: &TemplateLayer) -> bool {
    FIGURE.contains(&layer.id.as_str()) || layer.needs.as_deref().is_some_and(|slot| FIGURE.contains(&slot))
}

/// A scene that is being drawn.
struct SceneDrawer<'a> {
    kit: &'a SceneKit,
    template: &'a Template,
    timeline: &'a Timeline,
    spec: &'a SceneSpec,
    options: DrawOptions,
    rasterizer: Rasterizer<'a>,
    /// The texts that are shown.
    texts: BTreeMap<&'static str, String>,
    placed: BTreeMap<&'static str, PlacedText>,
    /// How many seconds earlier the figure enters, so its terms can be read.
    figure_lead: f64,
}

/// Draws a scene.
pub fn draw(kit: &SceneKit, spec: &SceneSpec, options: DrawOptions) -> Result<DrawnScene, Error> {
    let (template, timeline) = kit.scene(spec.kind);
    let mut drawer = SceneDrawer {
        kit,
        template,
        timeline,
        spec,
        options,
        rasterizer: Rasterizer::new(kit, template.size, options.scale),
        texts: spec
            .texts
            .iter()
            .filter(|(_, text)| !text.trim().is_empty())
            .map(|(slot, t)| (*slot, t.clone()))
            .collect(),
        placed: BTreeMap::new(),
        figure_lead: 0.0,
    };
    drawer.place_texts();
    drawer.settle_figure();
    let ground = drawer.rasterizer.draw("ground", &template.defs, &template.ground)?;
    let mut layers = Vec::new();
    for layer in &template.layers {
        layers.extend(drawer.layer(layer)?);
    }
    let cut = drawer.placed.iter().filter(|(_, placed)| placed.is_cut).map(|(slot, _)| *slot).collect();
    let cover = if options.motion == SceneMotion::Reduced { Cover::Fade } else { kit.motion.cover };
    let is_veiled = spec.pictures.contains_key("progress");
    let seconds = spec.timing.seconds;
    Ok(DrawnScene { ground, layers, start: spec.start, seconds, joints: spec.joints, cover, is_veiled, cut })
}

impl SceneDrawer<'_> {
    fn place_texts(&mut self) {
        for layer in &self.template.layers {
            let LayerKind::Text(text_box) = &layer.kind else { continue };
            let Some((slot, text)) = self.texts.get_key_value(layer.id.as_str()) else { continue };
            self.placed.insert(slot, place_text(&self.kit.fonts, text_box, text));
        }
    }

    /// Removes a figure whose terms do not fit or cannot be read in time, or lets it enter earlier.
    fn settle_figure(&mut self) {
        if FIGURE.iter().any(|slot| !self.texts.contains_key(slot)) {
            return self.remove_figure();
        }
        #[expect(clippy::cast_precision_loss, reason = "words are few")]
        let words =
            FIGURE.iter().filter_map(|slot| self.texts.get(slot)).flat_map(|text| text.split_whitespace()).count()
                as f64;
        let fits = FIGURE.iter().all(|slot| self.placed.get(slot).is_some_and(|placed| !placed.is_cut));
        if self.spec.early_figure {
            // The film's plan leaves enough time across both scenes.
            if FIGURE.iter().any(|slot| self.placed.get(slot).is_none_or(|placed| placed.is_cut)) {
                self.remove_figure();
            }
            return;
        }
        let enter = self.timeline.of("figure-terms").and_then(|enter| self.spec.timing.resolve(&enter.at));
        let latest = self.spec.timing.seconds - COVER_SECONDS - words / READING_RATE;
        if !fits || latest < COVER_SECONDS {
            return self.remove_figure();
        }
        self.figure_lead = (enter.unwrap_or(0.0) - latest).max(0.0);
    }

    fn remove_figure(&mut self) {
        for slot in FIGURE {
            self.texts.remove(slot);
            self.placed.remove(slot);
        }
    }

    fn is_filled(&self, slot: &str) -> bool {
        self.texts.contains_key(slot) || self.spec.pictures.contains_key(slot)
    }

    /// Returns how far a layer moves up because texts or pictures above it need less than their boxes.
    fn lift(&self, layer: &TemplateLayer) -> f64 {
        let Some(above) = layer.below.as_deref().and_then(|id| self.template.layer(id)) else { return 0.0 };
        let unused = match (&above.kind, self.placed.get(above.id.as_str())) {
            (_, Some(placed)) => placed.unused,
            (LayerKind::Text(text_box), None) => text_box.area.h,
            (LayerKind::Picture(area), None) if !self.is_filled(&above.id) => area.h,
            _ => 0.0,
        };
        unused + self.lift(above)
    }

    /// Returns whether a layer's content differs from that of the neighboring scene at a cut.
    fn changes(&self, layer: &TemplateLayer) -> bool {
        let is_named = |id: &str| self.spec.changes.contains(&id);
        is_named(&layer.id) || layer.needs.as_deref().is_some_and(is_named)
    }

    fn layer(&self, layer: &TemplateLayer) -> Result<Option<DrawnLayer>, Error> {
        if layer.needs.as_deref().is_some_and(|slot| !self.is_filled(slot)) {
            return Ok(None);
        }
        let enter = self.timeline.of(&layer.id);
        let at = match enter {
            None => Some(0.0),
            Some(enter) => self.spec.timing.resolve(&enter.at),
        };
        let Some(mut at) = at else { return Ok(None) };
        // After a cut, elements that entered in the previous scene are visible from the start.
        let entered_before = enter.is_some_and(|enter| enter.at.anchor == Anchor::Start) && !self.changes(layer)
            || self.spec.early_figure && self.spec.joints.end != Edge::Cut && is_of_figure(layer);
        let is_there = self.spec.joints.start == Edge::Cut && entered_before;
        if is_of_figure(layer) {
            at = (at - self.figure_lead).max(0.0);
        }
        let lift = self.lift(layer);
        let Some((sprite, area)) = self.sprite(layer, lift)? else { return Ok(None) };
        let is_reduced = self.options.motion == SceneMotion::Reduced;
        let (how, then, pace) = match enter {
            None => (Entrance::Cut, Rest::Still, Pace::Normal),
            Some(enter) if is_there => (Entrance::Cut, if is_reduced { Rest::Still } else { enter.then }, enter.pace),
            Some(enter) if is_reduced => (Entrance::Fade, Rest::Still, enter.pace),
            Some(enter) => (enter.how, enter.then, enter.pace),
        };
        let length = self.spec.timing.seconds;
        let seconds = if how == Entrance::Cut { 0.0 } else { pace.seconds(&self.kit.motion, length - at) };
        let ends_in_cut = self.spec.joints.end == Edge::Cut;
        Ok(Some(DrawnLayer {
            is_above_cover: matches!(layer.id.as_str(), "logo" | "privacy" | "privacy-bar" | "progress"),
            id: layer.id.clone(),
            sprite,
            enter: if is_there { 0.0 } else { at },
            leaves: (ends_in_cut && self.changes(layer) || layer.id == "progress").then_some(length),
            drift: DriftBounds { from_rest: self.spec.joints.start == Edge::Cut, rest: ends_in_cut.then_some(length) },
            seconds,
            how,
            then,
            area,
            scale: self.options.scale,
            easing: if pace == Pace::Scene { Easing::Linear } else { self.kit.motion.easing },
        }))
    }

    /// Draws a layer, and returns the area of its text or picture.
    fn sprite(&self, layer: &TemplateLayer, lift: f64) -> Result<Option<(Sprite, Option<Rect>)>, Error> {
        let lifted = |area: Rect| Rect { y: area.y - lift, ..area };
        let with_area = |drawn: Option<(Sprite, Rect)>| drawn.map(|(sprite, area)| (sprite, Some(area)));
        match &layer.kind {
            LayerKind::Drawing(source) => {
                let source = format!(r#"<g transform="translate(0 {:.3})">{source}</g>"#, -lift);
                let drawn = self.rasterizer.draw(&layer.id, &self.template.defs, &source)?;
                Ok(drawn.map(|sprite| (sprite, None)))
            }
            LayerKind::Text(text_box) => {
                let Some(placed) = self.placed.get(layer.id.as_str()) else { return Ok(None) };
                let mut placed = PlacedText { area: lifted(placed.area), ..placed.clone() };
                let Some(mut sprite) = self.rasterizer.text(text_box, &placed)? else { return Ok(None) };
                // Shaped text of some scripts is wider than the sum of its characters.
                let width = |sprite: &Sprite| {
                    sprite.ink().map_or(0.0, |ink| f64::from(ink.right - ink.left) / self.options.scale)
                };
                if width(&sprite) > text_box.area.w + 4.0 {
                    placed.em *= text_box.area.w / width(&sprite);
                    let Some(smaller) = self.rasterizer.text(text_box, &placed)? else { return Ok(None) };
                    sprite = smaller;
                }
                if let Some(ink) = sprite.ink() {
                    // Strokes may leave the box by a pixel.
                    let x = (f64::from(ink.left) / self.options.scale).max(text_box.area.x);
                    let end = (f64::from(ink.right) / self.options.scale).min(text_box.area.right());
                    placed.area = Rect { x, w: (end - x).max(0.0), ..placed.area };
                }
                Ok(Some((sprite, Some(placed.area))))
            }
            LayerKind::Picture(area) => {
                let Some(picture) = self.spec.pictures.get(layer.id.as_str()) else { return Ok(None) };
                let area = if matches!(picture, Picture::Progress { .. }) { self.middle() } else { lifted(*area) };
                Ok(with_area(self.picture(picture, area)?))
            }
        }
    }

    /// Returns the area of the progress: less than half of the frame's shorter side, in its middle.
    fn middle(&self) -> Rect {
        let (width, height) = self.template.size;
        let (w, h) = (width.min(height) * 0.42, 22.0);
        Rect { x: (width - w) / 2.0, y: (height - h) / 2.0, w, h }
    }

    fn picture(&self, picture: &Picture, area: Rect) -> Result<Option<(Sprite, Rect)>, Error> {
        match picture {
            Picture::Logo => Ok(self.rasterizer.image(&self.kit.logo, area)),
            Picture::Mark => Ok(self.rasterizer.image(&self.kit.mark, area)),
            Picture::Art { name, product, bank } => self.rasterizer.art(name, area, &|slot| match slot {
                "art-name" => Some(product.clone()),
                "bank-name" => Some(bank.clone()),
                _ => None,
            }),
            Picture::Qr(address) => {
                let Some(source) = qr_code(address, area) else { return Ok(None) };
                let side = area.w.min(area.h);
                let drawn = self.rasterizer.draw("qr", "", &source)?;
                Ok(drawn.map(|sprite| (sprite, Rect { w: side, h: side, ..area })))
            }
            Picture::Progress { current, count } => {
                let drawn = self.rasterizer.draw("progress", "", &progress(*current, *count, area, self.kit.corner))?;
                Ok(drawn.map(|sprite| (sprite, area)))
            }
        }
    }
}

/// Returns a row of bars with the first `current` lit.
fn progress(current: usize, count: usize, area: Rect, corner: u32) -> String {
    const GAP: f64 = 14.0;
    #[expect(clippy::cast_precision_loss, reason = "offers are few")]
    let width = (area.w - GAP * (count as f64 - 1.0)) / count as f64;
    let radius = f64::from(corner).min(area.h / 2.0);
    let bars = (0..count).map(|index| {
        let class = if index < current { "fill-accent" } else { "fill-ground" };
        #[expect(clippy::cast_precision_loss, reason = "offers are few")]
        let x = area.x + index as f64 * (width + GAP);
        format!(
            r#"<rect class="{class}" x="{x:.2}" y="{}" width="{width:.2}" height="{}" rx="{radius}"/>"#,
            area.y, area.h
        )
    });
    bars.collect()
}

impl DriftBounds {
    /// Returns the share of the drift, 0 to 1, at a time in the scene.
    fn share(self, at: f64) -> f64 {
        const RAMP: f64 = 1.5;
        let smooth = |seconds: f64| {
            let x = (seconds / RAMP).clamp(0.0, 1.0);
            x * x * (3.0 - 2.0 * x)
        };
        let start = if self.from_rest { smooth(at) } else { 1.0 };
        start * self.rest.map_or(1.0, |end| smooth(end - at))
    }
}

impl DrawnLayer {
    /// Returns the state at a time in the scene, or `None` before the layer enters.
    pub(crate) fn appearance(&self, at: f64) -> Option<Appearance> {
        if at + 1e-9 < self.enter {
            return None;
        }
        let progress = if self.seconds > 0.0 { ((at - self.enter) / self.seconds).clamp(0.0, 1.0) } else { 1.0 };
        let drift = match self.then {
            Rest::Still => 0.0,
            Rest::Drift => {
                const PERIOD: f64 = 6.0;
                const DISTANCE: f64 = 10.0;
                // Layers that drift do so together.
                let phase = at / PERIOD * std::f64::consts::TAU;
                let share = self.drift.share(at);
                // Steps of a sixteenth of a pixel are the finest that painting can show.
                (phase.sin() * share * DISTANCE * self.scale * 16.0).round() / 16.0
            }
        };
        let opacity = self.leaves.map_or(1.0, |end| ((end - at) / LEAVE_SECONDS).clamp(0.0, 1.0));
        Some(Appearance { opacity, progress, drift })
    }

    /// Returns how the sprite is painted in a state.
    #[expect(clippy::cast_possible_truncation, reason = "an opacity")]
    pub(crate) fn paints(&self, state: Appearance) -> Vec<Paint> {
        let mut paints = self.entrance(state);
        for paint in &mut paints {
            paint.opacity *= state.opacity as f32;
        }
        paints
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "pixels of a frame")]
    fn entrance(&self, state: Appearance) -> Vec<Paint> {
        const RISE: f64 = 34.0;
        const SLIDE: f64 = 90.0;
        let all = (0, self.sprite.size.0);
        let eased = ease(self.easing, state.progress);
        let drift = state.drift as f32;
        let whole = Paint { dx: 0.0, dy: drift, opacity: 1.0, mask: Mask::All, columns: all };
        if state.progress >= 1.0 {
            return vec![whole];
        }
        let opacity = (state.progress * 1.8).min(1.0) as f32;
        match self.how {
            Entrance::Cut => vec![whole],
            Entrance::Fade => vec![Paint { opacity: state.progress as f32, ..whole }],
            Entrance::Rise => {
                vec![Paint { dy: drift + ((1.0 - eased) * RISE * self.scale) as f32, opacity, ..whole }]
            }
            Entrance::Slide => vec![Paint { dx: ((1.0 - eased) * SLIDE * self.scale) as f32, opacity, ..whole }],
            Entrance::Wipe => {
                let edge = (eased as f32) * (self.sprite.size.0 as f32 + 24.0) - 12.0;
                vec![Paint { mask: Mask::Columns { edge }, ..whole }]
            }
            Entrance::Draw => vec![Paint { mask: Mask::Sector { share: eased as f32 * 1.03 }, ..whole }],
            Entrance::Type => {
                const EACH: f64 = 0.45;
                let slices = self.sprite.slices();
                let steps = (slices.len().max(2) - 1) as f64;
                let letter = |(index, columns): (usize, &(usize, usize))| {
                    let start = index as f64 / steps * (1.0 - EACH);
                    let local = ((state.progress - start) / EACH).clamp(0.0, 1.0);
                    let away = 1.0 - ease(self.easing, local);
                    let dy = away * 0.3 * self.sprite.size.1 as f64;
                    let opacity = (local * 2.0).min(1.0) as f32;
                    Paint { dx: 0.0, dy: dy as f32, opacity, mask: Mask::All, columns: *columns }
                };
                slices.iter().enumerate().map(letter).filter(|paint| paint.opacity > 0.0).collect()
            }
        }
    }

    /// Returns the pixels that a state may touch.
    #[expect(clippy::cast_possible_truncation, reason = "pixels of a frame")]
    pub(crate) fn reach(&self, state: Appearance) -> PixelRect {
        let bounds = self.sprite.bounds();
        self.paints(state).iter().fold(PixelRect::default(), |all, paint| {
            all.or(&bounds.shifted(paint.dx.floor() as i32, paint.dy.floor() as i32).grown(1))
        })
    }
}

impl DrawnScene {
    /// Returns the start in seconds from the start of the video.
    #[must_use]
    pub const fn start(&self) -> f64 {
        self.start
    }

    /// Returns a late moment, in seconds from the start of the video, at which all elements are still visible.
    #[must_use]
    pub fn fullest(&self) -> f64 {
        self.start + fullest(self.seconds, self.joints)
    }

    /// Returns the areas of texts and pictures with their times in the video.
    #[must_use]
    pub fn placements(&self) -> Vec<Placement> {
        let placed = self.layers.iter().filter_map(|layer| {
            let kind = kind_of(&layer.id)?;
            let drift = if layer.then == Rest::Drift { 10.0 } else { 0.0 };
            let area = layer.area?;
            let leaves = if layer.leaves.is_some() { LEAVE_SECONDS } else { 0.0 };
            Some(Placement {
                kind,
                start: self.start + layer.enter + layer.seconds,
                end: self.start + self.seconds - hidden_at_end(self.joints).max(leaves),
                area: Rect { y: area.y - drift, h: area.h + 2.0 * drift, ..area },
            })
        });
        placed.filter(|placement| placement.start < placement.end).collect()
    }

    /// Returns the ids of the texts that had to be cut to fit their boxes.
    #[must_use]
    pub fn cut_texts(&self) -> &[&'static str] {
        &self.cut
    }

    /// Returns the id of a text whose pixels leave its box by more than the strokes of letters do, if there is one.
    #[must_use]
    pub fn overflow(&self) -> Option<&str> {
        let leaves = |layer: &&DrawnLayer| {
            let (Some(area), true) = (layer.area, TEXT_SLOTS.contains(&layer.id.as_str())) else { return false };
            let Some(ink) = layer.sprite.ink() else { return false };
            // Marks of some scripts are above and below the line by up to half of its height.
            let slack = 0.55 * area.h.min(160.0) + 6.0;
            let allowed = area.grown(slack).scaled(layer.scale).grown(2.0);
            let edges = [ink.left, ink.top, ink.right, ink.bottom].map(f64::from);
            let ink = Rect { x: edges[0], y: edges[1], w: edges[2] - edges[0], h: edges[3] - edges[1] };
            !allowed.contains(&ink)
        };
        self.layers.iter().find(leaves).map(|layer| layer.id.as_str())
    }

    /// Returns when the layer with an id is completely visible, in seconds from the start of the scene.
    #[must_use]
    pub fn entered(&self, id: &str) -> Option<f64> {
        self.layers.iter().find(|layer| layer.id == id).map(|layer| layer.enter + layer.seconds)
    }

    /// Returns when the layer with an id starts to enter, in seconds from the start of the scene.
    #[must_use]
    pub fn enters(&self, id: &str) -> Option<f64> {
        self.layers.iter().find(|layer| layer.id == id).map(|layer| layer.enter)
    }
}

/// Returns the seconds at the end of a scene in which the cover or the fade hides elements.
const fn hidden_at_end(joints: Joints) -> f64 {
    match joints.end {
        Edge::Covered => COVER_SECONDS,
        Edge::Faded => END_FADE,
        Edge::Open | Edge::Cut => 0.0,
    }
}

/// Returns a late moment in a scene, in seconds from its start, at which all elements are still visible.
#[must_use]
pub fn fullest(seconds: f64, joints: Joints) -> f64 {
    (seconds - hidden_at_end(joints) - 0.25 - LEAVE_SECONDS).max(seconds / 2.0)
}

/// Returns the name of a slot for messages.
fn kind_of(id: &str) -> Option<&'static str> {
    TEXT_SLOTS.into_iter().chain(PICTURE_SLOTS).find(|slot| *slot == id)
}
