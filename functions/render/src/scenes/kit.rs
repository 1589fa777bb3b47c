//! A brand's templates, drawings and images, loaded once for a shape.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use contracts::brand::{Brand, MotionTokens};
use contracts::media::Shape;
use resvg::tiny_skia::Pixmap;
use resvg::usvg::{Options, Transform, Tree};

use crate::canvas::Palette;
use crate::error::Error;
use crate::font::FontSet;
use crate::scenes::template::{Template, shape_suffix};
use crate::scenes::timeline::Timeline;
use crate::scenes::{SceneError, SceneKind};

/// The brand's templates, drawings and images for one shape.
#[derive(Debug)]
pub struct SceneKit {
    pub(crate) fonts: FontSet,
    pub(crate) palette: Palette,
    pub(crate) motion: MotionTokens,
    pub(crate) corner: u32,
    templates: BTreeMap<SceneKind, (Template, Timeline)>,
    art: PathBuf,
    art_name: String,
    pub(crate) logo: Pixmap,
    pub(crate) mark: Pixmap,
}

/// The number of pixels to which the longer side of a vector logo is drawn.
const LOGO_PIXELS: f32 = 1400.0;

fn broken(file: &str, reason: &dyn ToString) -> Error {
    Error::AssetBroken { file: file.to_owned(), reason: reason.to_string() }
}

fn read(assets: &Path, file: &str) -> Result<Vec<u8>, Error> {
    std::fs::read(assets.join(file)).map_err(|error| broken(file, &error.kind()))
}

fn read_text(assets: &Path, file: &str) -> Result<String, Error> {
    String::from_utf8(read(assets, file)?).map_err(|_| broken(file, &"not UTF-8"))
}

/// Loads a PNG or SVG image. Text in an SVG image uses the brand's fonts.
fn image(assets: &Path, file: &str, fonts: &FontSet) -> Result<Pixmap, Error> {
    let bytes = read(assets, file)?;
    if !Path::new(file).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("svg")) {
        return Pixmap::decode_png(&bytes).map_err(|_| broken(file, &"not a picture"));
    }
    let options = Options {
        font_family: "title".to_owned(),
        font_resolver: fonts.resolver(),
        fontdb: fonts.database(),
        ..Options::default()
    };
    let tree = Tree::from_data(&bytes, &options).map_err(|error| broken(file, &error))?;
    let scale = LOGO_PIXELS / tree.size().width().max(tree.size().height());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most LOGO_PIXELS")]
    let side = |length: f32| (length * scale).round().max(1.0) as u32;
    let mut pixmap = Pixmap::new(side(tree.size().width()), side(tree.size().height()))
        .ok_or_else(|| broken(file, &"not a picture"))?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    Ok(pixmap)
}

impl SceneKit {
    /// Loads the templates of a brand for a shape. Fails with the name of the first faulty file.
    pub fn load(assets: &Path, brand: &Brand, shape: Shape) -> Result<Self, Error> {
        let mut templates = BTreeMap::new();
        for kind in SceneKind::ALL {
            templates.insert(kind, Self::template(assets, brand, kind, shape)?);
        }
        let fonts = FontSet::load(assets, brand)?;
        Ok(Self {
            palette: Palette::of(brand)?,
            motion: brand.motion.clone(),
            corner: brand.corner,
            templates,
            art: assets.join(&brand.scenes).join("art"),
            art_name: format!("{}/art", brand.scenes),
            logo: image(assets, &brand.logo, &fonts)?,
            mark: image(assets, &brand.mark, &fonts)?,
            fonts,
        })
    }

    fn template(assets: &Path, brand: &Brand, kind: SceneKind, shape: Shape) -> Result<(Template, Timeline), Error> {
        let svg = format!("{}/{}.{}.svg", brand.scenes, kind.name(), shape_suffix(shape));
        let toml = format!("{}/{}.toml", brand.scenes, kind.name());
        let template = Template::parse(&svg, &read_text(assets, &svg)?, brand.corner)?;
        let timeline = Timeline::parse(&toml, &read_text(assets, &toml)?)?;
        let fault = |reason: String| SceneError { file: svg.clone(), reason };
        if let Some(missing) = kind.required_slots().iter().find(|slot| template.layer(slot).is_none()) {
            return Err(fault(format!("needs an element with the id {missing}")).into());
        }
        let size = crate::layout::Frame::of(shape).dimensions();
        if template.size != size {
            return Err(fault(format!("the viewBox must be 0 0 {} {}", size.0, size.1)).into());
        }
        if let Some(enter) = timeline.enter.iter().find(|enter| template.layer(&enter.element).is_none()) {
            let reason = format!("{svg} has no element with the id {}", enter.element);
            return Err(SceneError { file: toml, reason }.into());
        }
        Ok((template, timeline))
    }

    /// Returns the template and the timeline of a scene.
    pub(crate) fn scene(&self, kind: SceneKind) -> &(Template, Timeline) {
        &self.templates[&kind]
    }

    /// Returns the SVG source of a drawing.
    pub(crate) fn art(&self, name: &str) -> Result<String, Error> {
        let file = format!("{}/{name}.svg", self.art_name);
        std::fs::read_to_string(self.art.join(format!("{name}.svg"))).map_err(|error| broken(&file, &error.kind()))
    }

    /// Returns whether the brand has a drawing of this name.
    #[must_use]
    pub fn has_art(&self, name: &str) -> bool {
        self.art.join(format!("{name}.svg")).is_file()
    }
}
