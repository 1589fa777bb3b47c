//! The product catalog, and the values that requests may use.

use contracts::catalogue::{Catalogue, Category, Product, ProductKind};
use contracts::media::Shape;
use contracts::model::WriterMode;
use contracts::voice::Engine;
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

use crate::role::Role;

use super::names::{CategoryName, ProductKindName, ShapeName, VoiceEngine, WriterName};

/// A prompt that clients may suggest.
pub(crate) const SUGGESTED_PROMPT: &str = "Keep it warm, plain and brief.";

/// A voice that can narrate a recommendation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct VoiceOption {
    /// The engine that provides the voice.
    #[schema(value_type = VoiceEngine)]
    pub engine: Engine,
    /// The complete value for a request's `voice` field: `ENGINE:NAME`, or only `ENGINE`. Send it as it is, without
    /// adding the engine.
    #[schema(example = "kokoro:af_heart")]
    pub name: String,
    /// The name to show to people.
    pub label: String,
    /// Whether the server uses this voice if a request does not specify one. At most one voice is the default. If none is,
    /// the voice in the settings speaks, and the server does not list it.
    pub default: bool,
    /// Whether the voice is ready. If it is not, a request may name it, but `narrate` fails with
    /// `Narrate.EngineMissing`. For an outside service, true means that the settings enable it.
    pub installed: bool,
}

/// A line of business that a request may list.
#[derive(Serialize, ToSchema)]
pub(crate) struct CategoryOption {
    /// The value for a request's `categories` field.
    #[schema(value_type = CategoryName)]
    pub(crate) name: Category,
}

/// The range of speaking rates, in words per minute.
#[derive(Serialize, ToSchema)]
pub(crate) struct SpeakingRateRange {
    /// The rate that the server uses if a request does not specify one, in words per minute.
    pub(crate) default: u16,
    /// The lowest rate: 80 words per minute on every server.
    pub(crate) min: u16,
    /// The highest rate: 220 words per minute on every server.
    pub(crate) max: u16,
}

/// The language model that may write the text.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelAvailability {
    /// Whether the model is enabled. If it is not, the phrasebook replaces the writers `select` and `free`.
    pub(crate) enabled: bool,
    /// The name of the model in the settings. Empty if they have none.
    pub(crate) name: String,
    /// How to enable the model. Present only if its API key is set although the settings disable the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) hint: Option<String>,
}

/// A writer that a request may specify.
#[derive(Serialize, ToSchema)]
pub(crate) struct WriterOption {
    /// The value for a request's `writer` field.
    #[schema(value_type = WriterName)]
    pub(crate) name: WriterMode,
    /// Whether the settings allow the writer. `select` and `free` need an enabled model. Otherwise, the phrasebook replaces
    /// them.
    pub(crate) available: bool,
    /// The reason why the writer is not available. Absent if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) unavailable_reason: Option<&'static str>,
}

impl WriterOption {
    /// Returns all writers.
    pub(crate) fn all(model_enabled: bool) -> Vec<Self> {
        let option = |name: WriterMode| {
            let available = model_enabled || !name.asks_a_model();
            let unavailable_reason = (!available).then_some("the setting writer.model.enabled is false");
            Self { name, available, unavailable_reason }
        };
        [WriterMode::Phrases, WriterMode::Select, WriterMode::Free].map(option).into()
    }
}

/// The values and defaults for requests.
#[derive(Serialize, ToSchema)]
pub(crate) struct RequestOptions {
    /// The name of the bank.
    pub(crate) bank: String,
    /// All lines of business.
    pub(crate) categories: Vec<CategoryOption>,
    /// The lines of business that the server uses if a request does not list any.
    #[schema(value_type = Vec<CategoryName>)]
    pub(crate) default_categories: Vec<Category>,
    /// A prompt that a client may suggest to its user. The server never uses it by itself.
    pub(crate) suggested_prompt: &'static str,
    /// The maximum length of a prompt, in Unicode code points.
    pub(crate) max_prompt_length: usize,
    /// The voices that this server lists, installed ones first. A local server lists the voices that speak the bank's
    /// language. AWS lists only the engines; a request may also specify a voice of Amazon Polly, such as `polly:Joanna`.
    pub(crate) voices: Vec<VoiceOption>,
    /// All aspect ratios.
    #[schema(value_type = Vec<ShapeName>)]
    pub(crate) shapes: [Shape; 3],
    /// The aspect ratio that the server uses if a request does not specify one.
    #[schema(value_type = ShapeName)]
    pub(crate) default_shape: Shape,
    /// The range of speaking rates.
    pub(crate) words_per_minute: SpeakingRateRange,
    /// The language model that may write the text.
    pub(crate) model: ModelAvailability,
    /// All writers.
    pub(crate) writers: Vec<WriterOption>,
    /// The writer that the server uses if a request does not specify one.
    #[schema(value_type = WriterName)]
    pub(crate) default_writer: WriterMode,
    /// Whether this is a local server. Only local servers offer the operations tagged `local`. All request fields work on
    /// every server.
    pub(crate) local: bool,
    /// The caller.
    pub(crate) caller: CallerView,
}

/// The caller of the API.
#[derive(Serialize, ToSchema)]
#[schema(as = Caller)]
pub(crate) struct CallerView {
    /// The name that goes on record with the caller's decisions. On AWS, it is the email address and the id of the user in
    /// Cognito; on a local server, the user of the operating system.
    pub(crate) name: String,
    /// The roles. Other roles' operations answer with status 403.
    pub(crate) roles: Vec<Role>,
}

/// A product that the bank approved for recommendations.
#[derive(Serialize, ToSchema)]
#[schema(as = Product)]
pub(crate) struct ProductView {
    /// The stable id of the product in the catalog.
    id: String,
    /// The name of the product.
    name: String,
    /// The line of business that the product belongs to.
    #[schema(value_type = CategoryName)]
    category: Category,
    /// The legal kind of the product.
    #[schema(value_type = ProductKindName)]
    kind: ProductKind,
    /// The bank's description of the product in one or two sentences.
    summary: String,
    /// The claims that a text may make about the product.
    approved_claims: Vec<String>,
    /// The rates and terms that accompany every offer of the product.
    rates_and_terms: Vec<String>,
    /// The disclosures that accompany every offer of the product.
    disclosures: Vec<String>,
    /// The first day, in UTC, on which the product may be offered. Absent if there is no such limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date, nullable = false)]
    valid_from: Option<Date>,
    /// The last day, in UTC, on which the product may be offered. Absent if there is no such limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = Date, nullable = false)]
    valid_until: Option<Date>,
}

impl From<&Product> for ProductView {
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

/// The bank's catalog of approved products. It also lists products outside their validity dates.
#[derive(Serialize, ToSchema)]
pub(crate) struct Catalog {
    /// The name of the bank.
    bank: String,
    /// The version of the catalog, as the bank numbers it.
    version: String,
    /// The products in the catalog's order.
    products: Vec<ProductView>,
}

impl From<&Catalogue> for Catalog {
    fn from(catalogue: &Catalogue) -> Self {
        Self {
            bank: catalogue.bank().to_owned(),
            version: catalogue.version().to_owned(),
            products: catalogue.products().iter().map(ProductView::from).collect(),
        }
    }
}
