//! The values that requests may use, and the product catalog.

use axum::Json;
use axum::extract::State;
use contracts::catalogue::Category;
use contracts::media::Shape;

use crate::access::Caller;
use crate::backend::SharedBackend;
use crate::problem::{Problem, ReadProblems};
use crate::view::{
    CallerView, Catalog, CategoryOption, MAX_PROMPT_LENGTH, ModelAvailability, RequestOptions, SPEAKING_RATES,
    SUGGESTED_PROMPT, SpeakingRateRange, WriterOption,
};

/// Returns the options for requests
///
/// Returns the allowed values for request fields, and the defaults from the settings.
#[utoipa::path(
    get, path = "/v1/options", operation_id = "getOptions", tag = "options",
    responses((status = 200, description = "The options", body = RequestOptions), ReadProblems)
)]
pub(super) async fn options(
    State(backend): State<SharedBackend>,
    caller: Caller,
) -> Result<Json<RequestOptions>, Problem> {
    let settings = backend.settings().await?;
    let catalogue = backend.catalogue().await?;
    Ok(Json(RequestOptions {
        bank: catalogue.bank().to_owned(),
        categories: Category::ALL.map(|name| CategoryOption { name }).into(),
        default_categories: settings.offers.categories,
        suggested_prompt: SUGGESTED_PROMPT,
        max_prompt_length: MAX_PROMPT_LENGTH,
        voices: backend.voices().await,
        shapes: [Shape::Wide, Shape::Tall, Shape::Square],
        default_shape: settings.video.shape,
        words_per_minute: SpeakingRateRange {
            default: settings.voice.words_per_minute,
            min: *SPEAKING_RATES.start(),
            max: *SPEAKING_RATES.end(),
        },
        default_writer: settings.writer.mode,
        writers: WriterOption::all(settings.writer.model.enabled),
        model: ModelAvailability {
            enabled: settings.writer.model.enabled,
            name: settings.writer.model.name,
            hint: backend.model_hint().await,
        },
        local: backend.is_local(),
        caller: CallerView { name: caller.name().to_owned(), roles: caller.roles().iter().copied().collect() },
    }))
}

/// Returns the product catalog
///
/// Returns the bank's products with their claims, rates, terms and disclosures, even while the catalog lacks an approval and
/// no run can start. The path has the British spelling of *catalog*.
#[utoipa::path(
    get, path = "/v1/catalogue", operation_id = "getCatalog", tag = "options",
    responses((status = 200, description = "The catalog", body = Catalog), ReadProblems)
)]
pub(super) async fn catalog(State(backend): State<SharedBackend>) -> Result<Json<Catalog>, Problem> {
    Ok(Json(Catalog::from(&backend.catalogue().await?)))
}
