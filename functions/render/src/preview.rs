//! Previews a brand's scenes without a customer: stills of every scene, and a short silent video.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use contracts::brand::Brand;
use contracts::catalogue::{Catalogue, Product};
use contracts::media::Shape;
use contracts::narration::{Narration, Sentence, Sharing, Timing, Word};
use contracts::script::{
    CatalogueField, OfferShown, Script, Segment, SegmentKind, SentencePart, SentenceSource, Verdict, WrittenBy,
};
use contracts::settings::{SceneMotion, VideoSettings};
use contracts::{Digest, ProductId};
use tokio_util::sync::CancellationToken;

use crate::background_luma::BackgroundLuma;
use crate::canvas::FRAME_RATE;
use crate::check::check_placements;
use crate::content::{SceneContent, check_glyphs};
use crate::error::Error;
use crate::ffmpeg::{FfmpegRunner, Tools};
use crate::film::{Film, compose};
use crate::graph::{self, VideoGraph};
use crate::layout::{Frame, LAYOUT_RESOLUTION};
use crate::scenes::frames::{Behind, Composer, FrameColors};
use crate::scenes::kit::SceneKit;
use crate::scenes::stage::{DrawOptions, DrawnScene};

/// The invented customer in a preview.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleCustomer {
    /// The first name.
    pub first_name: String,
    /// The adviser's name.
    pub adviser: Option<String>,
}

impl Default for SampleCustomer {
    fn default() -> Self {
        Self { first_name: "Alexandra".to_owned(), adviser: Some("Robin Ellery".to_owned()) }
    }
}

fn part(text: &str, source: SentenceSource) -> SentencePart {
    SentencePart { text: text.to_owned(), source }
}

fn segment(kind: SegmentKind, product: Option<ProductId>, parts: Vec<SentencePart>) -> Segment {
    let text = parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(" ");
    Segment { kind, text, product, parts }
}

/// The sentence that replaces the reason for an offer.
const REASON: &str = "Here is why this product may be the right one.";

/// Returns a script that offers products in the catalog's own words. If there are no products, it is a service message.
#[must_use]
pub fn sample_script(brand: &Brand, bank: &str, products: &[&Product], customer: &SampleCustomer) -> Script {
    let of_brand = |text: &str| part(text, SentenceSource::Brand { field: "name".to_owned() });
    let greeting =
        [of_brand(&format!("Hello {}.", customer.first_name)), of_brand(&format!("This is {}.", brand.name))];
    let mut segments = vec![segment(SegmentKind::Greeting, None, greeting.into())];
    for product in products {
        let of_product = |field: CatalogueField| {
            let source = SentenceSource::Catalogue { product: product.id.clone(), field };
            field.of(product).map(|text| part(text, source))
        };
        let claims = (0..product.approved_claims.len().min(3)).map(CatalogueField::ApprovedClaim);
        let texts = [CatalogueField::Name, CatalogueField::Summary].into_iter().chain(claims).filter_map(of_product);
        let parts = std::iter::once(of_brand(REASON)).chain(texts);
        segments.push(segment(SegmentKind::Offer, Some(product.id.clone()), parts.collect()));
    }
    if products.is_empty() {
        segments.push(segment(SegmentKind::Service, None, vec![of_brand(&format!("{}.", brand.service_headline))]));
    }
    let closing = [of_brand(&format!("{}.", brand.action)), of_brand(&format!("Visit {}.", brand.spoken_web()))];
    segments.push(segment(SegmentKind::Closing, None, closing.into()));
    let mut disclosures: Vec<String> = Vec::new();
    for line in products.iter().flat_map(|product| &product.disclosures).chain(&brand.disclosures) {
        if !disclosures.contains(line) {
            disclosures.push(line.clone());
        }
    }
    let offers = products.iter().map(|product| OfferShown {
        product: product.id.clone(),
        name: product.name.clone(),
        category: product.category.name().to_owned(),
        rates_and_terms: product.rates_and_terms.clone(),
        picture: Some(product.picture(bank)),
    });
    Script {
        language: contracts::Language::English,
        first_name: customer.first_name.clone(),
        adviser: customer.adviser.clone(),
        segments,
        offers: offers.collect(),
        disclosures,
        written_by: WrittenBy::Template { instead_of_model: None },
        verdict: Verdict { checks: Vec::new() },
        text_review: None,
        from_posts: false,
    }
}

/// Returns whether a sentence in a sample script is personal or may be shared.
fn sharing(script: &Script, text: &str) -> Sharing {
    let is_named = |name: &str| !name.is_empty() && text.contains(name);
    let is_personal = is_named(&script.first_name) || script.adviser.as_deref().is_some_and(is_named);
    if is_personal { Sharing::Personal } else { Sharing::Shared }
}

/// Returns the times of a script's sentences at 14 characters per second. Each part of a segment is one sentence.
#[must_use]
pub fn sample_narration(script: &Script) -> Narration {
    const RATE: f64 = 14.0;
    let to_frame = |seconds: f64| (seconds * f64::from(FRAME_RATE)).round() / f64::from(FRAME_RATE);
    let mut now = 0.2;
    let mut sentences = Vec::new();
    for (index, segment) in script.segments.iter().enumerate() {
        let whole = [part(&segment.text, SentenceSource::Brand { field: String::new() })];
        let parts = if segment.parts.is_empty() { whole.as_slice() } else { segment.parts.as_slice() };
        for part in parts {
            now = to_frame(now);
            let start = now;
            let mut words = Vec::new();
            for text in part.text.split_whitespace() {
                let start = now;
                #[expect(clippy::cast_precision_loss, reason = "words are short")]
                let seconds = (text.chars().count() + 1) as f64 / RATE;
                now += seconds;
                words.push(Word { text: text.to_owned(), start, end: now });
            }
            let sharing = sharing(script, &part.text);
            sentences.push(Sentence { segment: index, start, end: now, words, sharing });
            now += 0.35;
        }
        now += 0.35;
    }
    Narration {
        engine: String::new(),
        voice: String::new(),
        instead_of: Vec::new(),
        outside: std::collections::BTreeMap::new(),
        timing: Timing::Estimated,
        seconds: now,
        words_per_minute: 140.0,
        loudness: -20.0,
        sentences,
        audio: Digest::of(b""),
        first_name_unspoken: false,
    }
}

/// A preview to draw.
#[derive(Debug)]
pub struct Preview<'a> {
    /// The folder to which the brand's paths are relative.
    pub assets: &'a Path,
    /// The brand.
    pub brand: &'a Brand,
    /// The catalog, which contains the bank's name.
    pub catalogue: &'a Catalogue,
    /// The products to offer. If there are none, the preview is a service message.
    pub products: &'a [&'a Product],
    /// The customer.
    pub customer: &'a SampleCustomer,
    /// The shape.
    pub shape: Shape,
    /// The settings of the video.
    pub video: &'a VideoSettings,
}

/// Returns the film of a service message, and its colors.
pub(crate) fn service_film(
    assets: &Path,
    brand: &Brand,
    shape: Shape,
    video: &VideoSettings,
) -> Result<(Film, FrameColors), Error> {
    let kit = SceneKit::load(assets, brand, shape)?;
    let script = sample_script(brand, &brand.name, &[], &SampleCustomer::default());
    let narration = sample_narration(&script);
    let luma = BackgroundLuma::uniform(kit.palette.background.luma());
    let content = SceneContent { script: &script, narration: &narration, brand, background: &luma };
    let scale = f64::from(video.resolution) / f64::from(LAYOUT_RESOLUTION);
    let film = compose(&kit, &content, &Frame::of(shape), DrawOptions { scale, motion: video.motion })?;
    Ok((film, FrameColors { background: kit.palette.background, cover: kit.palette.cover }))
}

/// A problem in a brand's scenes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SceneProblem {
    /// The shape in which it occurs.
    pub shape: Shape,
    /// The product whose text or drawing causes it. `None` if it does not depend on the product.
    pub product: Option<ProductId>,
    /// The problem.
    pub reason: String,
}

/// Returns every problem that a brand's scenes have with a catalog: faulty files, missing elements and drawings, colors with
/// too little contrast, text that does not fit, and elements that overlap or leave the safe area.
#[must_use]
pub fn check_scenes(assets: &Path, brand: &Brand, catalogue: &Catalogue) -> Vec<SceneProblem> {
    let video = VideoSettings { resolution: 180, ..VideoSettings::default() };
    let customer = SampleCustomer::default();
    let mut problems = Vec::new();
    for shape in [Shape::Wide, Shape::Tall, Shape::Square] {
        let kit = match SceneKit::load(assets, brand, shape) {
            Ok(kit) => kit,
            Err(error) => {
                problems.push(SceneProblem { shape, product: None, reason: error.to_string() });
                continue;
            }
        };
        let preview = |products: &[&Product]| {
            let preview = Preview { assets, brand, catalogue, products, customer: &customer, shape, video: &video };
            preview.problems(&kit)
        };
        let of_service = preview(&[]);
        for product in catalogue.products() {
            let found = preview(&[product]).into_iter().filter(|reason| !of_service.contains(reason));
            problems.extend(found.map(|reason| SceneProblem { shape, product: Some(product.id.clone()), reason }));
        }
        problems.extend(of_service.into_iter().map(|reason| SceneProblem { shape, product: None, reason }));
    }
    problems
}

/// Returns the part of a preview's file names that identifies the shape.
#[must_use]
pub const fn suffix(shape: Shape) -> &'static str {
    crate::scenes::template::shape_suffix(shape)
}

impl Preview<'_> {
    fn film(&self, kit: &SceneKit, motion: SceneMotion) -> Result<(Film, Script), Error> {
        let script = sample_script(self.brand, self.catalogue.bank(), self.products, self.customer);
        let narration = sample_narration(&script);
        let luma = BackgroundLuma::uniform(kit.palette.background.luma());
        let content = SceneContent { script: &script, narration: &narration, brand: self.brand, background: &luma };
        check_glyphs(&kit.fonts, &content)?;
        let frame = Frame::of(self.shape);
        let film = compose(kit, &content, &frame, DrawOptions { scale: self.scale(), motion })?;
        Ok((film, script))
    }

    /// Returns the problems in the scenes.
    fn problems(&self, kit: &SceneKit) -> Vec<String> {
        let (film, script) = match self.film(kit, SceneMotion::Full) {
            Ok(made) => made,
            Err(error) => return vec![error.to_string()],
        };
        let mut problems = Vec::new();
        if let Err(error) = check_placements(&film.placements, &Frame::of(self.shape)) {
            problems.push(error.to_string());
        }
        for (spec, scene) in film.specs.iter().zip(&film.scenes) {
            let cut = scene.cut_texts().iter().map(|slot| format!("{slot} is too long for its box"));
            problems.extend(cut);
            problems.extend(scene.overflow().map(|slot| format!("{slot} extends beyond its box")));
            let has_figure = spec.texts.contains_key("figure-value");
            if has_figure && scene.enters("figure-value").is_none() {
                problems.push("the figure does not fit its boxes, so it is left out".to_owned());
            }
        }
        let claims =
            script.offers.iter().filter_map(|offer| offer.picture.as_ref()).map(|picture| picture.claims.len());
        if claims.max().unwrap_or_default() > 3 {
            problems.push("at most three claims can be shown".to_owned());
        }
        problems
    }

    /// Returns the start of each scene, in seconds.
    pub fn scene_starts(&self) -> Result<Vec<f64>, Error> {
        let kit = SceneKit::load(self.assets, self.brand, self.shape)?;
        let (film, _) = self.film(&kit, self.video.motion)?;
        Ok(film.scenes.iter().map(DrawnScene::start).collect())
    }

    fn scale(&self) -> f64 {
        f64::from(self.video.resolution) / f64::from(LAYOUT_RESOLUTION)
    }

    /// Writes a PNG of each scene at the moment when the most elements are visible, and returns the files.
    pub fn stills(&self, out: &Path) -> Result<Vec<PathBuf>, Error> {
        let kit = SceneKit::load(self.assets, self.brand, self.shape)?;
        let (film, _) = self.film(&kit, self.video.motion)?;
        let colors = FrameColors { background: kit.palette.background, cover: kit.palette.cover };
        let size = self.shape.size(self.video.resolution);
        let mut composer = Composer::new(size, Behind::Ground, colors);
        let mut files = Vec::new();
        for (index, (spec, scene)) in film.specs.iter().zip(&film.scenes).enumerate() {
            let pixels = composer.still(scene, scene.fullest() - spec.start);
            let path = out.join(format!("{}-{}.{}.png", index + 1, spec.kind.name(), suffix(self.shape)));
            write_png(&path, size, pixels)?;
            files.push(path);
        }
        Ok(files)
    }

    /// Writes a silent video, and returns its path.
    pub fn film_without_sound(&self, out: &Path, tools: &Tools, scratch: &Path) -> Result<PathBuf, Error> {
        let absolute = |path: &Path| std::path::absolute(path).map_err(Error::Scratch);
        let assets = absolute(self.assets)?;
        let scratch = absolute(scratch)?;
        let kit = SceneKit::load(&assets, self.brand, self.shape)?;
        let (film, _) = self.film(&kit, self.video.motion)?;
        let runner = FfmpegRunner {
            tools: tools.clone(),
            fonts: assets.join(&self.brand.fonts.folder),
            scratch: scratch.clone(),
            cancel: CancellationToken::new(),
            deadline: Instant::now() + Duration::from_secs(self.video.deadline_seconds),
        };
        let document = scratch.join("captions.ass");
        std::fs::write(&document, &film.document).map_err(Error::Scratch)?;
        let sound = scratch.join("silence.wav");
        runner.ffmpeg("making silence", &graph::silence(film.seconds, &sound), &|_| {})?;
        let video = absolute(out)?.join(format!("preview.{}.mp4", suffix(self.shape)));
        let size = self.shape.size(self.video.resolution);
        let graph = VideoGraph {
            background: None,
            sound: &sound,
            document: Some(&document),
            fonts: &runner.fonts,
            size,
            seconds: film.seconds,
            moments: &[],
            provenance: "A preview without a customer.",
            preset: &self.video.preset,
            crf: self.video.crf,
            output: &video,
        };
        let colors = FrameColors { background: kit.palette.background, cover: kit.palette.cover };
        let feed = |sink: &mut dyn std::io::Write| {
            let mut composer = Composer::new(size, Behind::Ground, colors);
            film.scenes.iter().try_for_each(|scene| composer.write(scene, sink, &|| true))
        };
        runner.ffmpeg_fed("rendering the preview", &graph.arguments(), &|_| {}, feed)?;
        Ok(video)
    }
}

/// Writes opaque RGBA pixels as a PNG.
fn write_png(path: &Path, (width, height): (u32, u32), pixels: Vec<u8>) -> Result<(), Error> {
    let broken = || Error::Scratch(std::io::Error::other("cannot encode a still"));
    let size = resvg::tiny_skia::IntSize::from_wh(width, height).ok_or_else(broken)?;
    let pixmap = resvg::tiny_skia::Pixmap::from_vec(pixels, size).ok_or_else(broken)?;
    let png = pixmap.encode_png().map_err(|_| broken())?;
    std::fs::write(path, png).map_err(Error::Scratch)
}
