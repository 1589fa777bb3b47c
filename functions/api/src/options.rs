//! What there is to choose from, and the catalogue.

use axum::Json;
use axum::extract::State;
use contracts::catalogue::{Category, Product};
use contracts::media::Shape;
use contracts::voice::Engine;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

use crate::asked::Caller;
use crate::recommendations::{CategoryName, LONGEST_PROMPT, RATES, ShapeName};
use crate::{Problem, Problems, Shared};

/// What a page may suggest as a wish.
const PROMPT: &str = "Keep it warm, plain and brief.";

/// A voice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Voice {
    /// The engine.
    #[schema(value_type = String, example = "kokoro")]
    pub engine: Engine,
    /// What to ask for it with, as `voice`.
    pub name: String,
    /// What it is called.
    pub label: String,
    /// Whether it speaks when none is asked for.
    pub default: bool,
    /// Whether it can speak now.
    pub installed: bool,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct Choice {
    #[schema(value_type = CategoryName)]
    name: Category,
}

/// The speaking rates there are, words a minute.
#[derive(Serialize, ToSchema)]
pub(crate) struct Rates {
    default: u16,
    least: u16,
    most: u16,
}

/// The model.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelShown {
    /// Whether it is switched on; a wish is for it alone.
    enabled: bool,
    name: String,
}

/// What there is to choose from.
#[derive(Serialize, ToSchema)]
pub(crate) struct Options {
    bank: String,
    categories: Vec<Choice>,
    #[schema(value_type = Vec<CategoryName>)]
    default_categories: Vec<Category>,
    /// A wish that may be suggested.
    prompt_default: &'static str,
    /// Characters.
    prompt_longest: usize,
    voices: Vec<Voice>,
    #[schema(value_type = Vec<ShapeName>)]
    shapes: [Shape; 3],
    #[schema(value_type = ShapeName)]
    default_shape: Shape,
    words_per_minute: Rates,
    model: ModelShown,
    /// Whether this is a server on the caller's own machine.
    local: bool,
}

/// What there is to choose from
#[utoipa::path(
    get, path = "/v1/options", operation_id = "readOptions", tag = "material",
    responses((status = 200, description = "The options", body = Options), Problems)
)]
pub(crate) async fn options(State(host): State<Shared>, _: Caller) -> Result<Json<Options>, Problem> {
    let (settings, catalogue) = (host.settings().await?, host.catalogue().await?);
    Ok(Json(Options {
        bank: catalogue.bank().to_owned(),
        categories: Category::ALL.map(|name| Choice { name }).into(),
        default_categories: settings.offers.categories,
        prompt_default: PROMPT,
        prompt_longest: LONGEST_PROMPT,
        voices: host.voices().await,
        shapes: [Shape::Wide, Shape::Tall, Shape::Square],
        default_shape: settings.video.shape,
        words_per_minute: Rates { default: settings.voice.words_per_minute, least: RATES.0, most: RATES.1 },
        model: ModelShown { enabled: settings.writer.model.enabled, name: settings.writer.model.name },
        local: host.machine().is_some(),
    }))
}

/// A product, for people.
#[derive(Serialize, ToSchema)]
pub(crate) struct ProductShown {
    id: String,
    name: String,
    #[schema(value_type = CategoryName)]
    category: Category,
    /// What it is in law.
    #[schema(value_type = String)]
    kind: contracts::catalogue::ProductKind,
    summary: String,
    approved_claims: Vec<String>,
    rates_and_terms: Vec<String>,
    disclosures: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    valid_from: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date)]
    valid_until: Option<Date>,
}

impl From<&Product> for ProductShown {
    fn from(product: &Product) -> Self {
        let product = product.clone();
        Self {
            id: product.id.to_string(),
            name: product.name,
            category: product.category,
            kind: product.kind,
            summary: product.summary,
            approved_claims: product.approved_claims,
            rates_and_terms: product.rates_and_terms,
            disclosures: product.disclosures,
            valid_from: product.valid_from,
            valid_until: product.valid_until,
        }
    }
}

/// The approved products.
#[derive(Serialize, ToSchema)]
pub(crate) struct CatalogueShown {
    bank: String,
    version: String,
    products: Vec<ProductShown>,
}

/// The approved products
#[utoipa::path(
    get, path = "/v1/catalogue", operation_id = "readCatalogue", tag = "material",
    responses((status = 200, description = "The catalogue", body = CatalogueShown), Problems)
)]
pub(crate) async fn catalogue(State(host): State<Shared>, _: Caller) -> Result<Json<CatalogueShown>, Problem> {
    let catalogue = host.catalogue().await?;
    Ok(Json(CatalogueShown {
        bank: catalogue.bank().to_owned(),
        version: catalogue.version().to_owned(),
        products: catalogue.products().iter().map(ProductShown::from).collect(),
    }))
}
