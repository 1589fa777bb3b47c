//! The types of the public API: requests, responses, and the vocabulary that they share.
//!
//! The doc comments here become the descriptions in `docs/openapi.json`. Write them for readers who do not have the
//! code: state the unit, the format, and when a field is absent.

mod campaign;
mod catalog;
mod control;
mod deserialize;
mod event;
mod forecast;
mod names;
mod page;
mod recommendation;
mod review;
mod schedule;
mod upload;

pub use campaign::{CampaignCounts, CampaignProgress};
pub use catalog::VoiceOption;
pub use event::{RunEvent, RunEventKind, StageStatus};

pub(crate) use campaign::{
    Campaign, CampaignAccepted, CampaignCustomer, CampaignCustomerPage, CampaignPage, CreateCampaignRequest,
    CustomerQuery, CustomerStatus,
};
pub(crate) use catalog::{
    CallerView, Catalog, CategoryOption, ModelAvailability, RequestOptions, SUGGESTED_PROMPT, SpeakingRateRange,
    WriterOption,
};
pub(crate) use control::{CustomerRequest, Erasure, ErasureState, Letter, LetterRequest, Objection};
pub(crate) use event::{EventQuery, RunEventList, StageProgress};
pub(crate) use names::{OutcomeName, RunStatus};
pub(crate) use page::PageQuery;
pub(crate) use recommendation::{
    CreateRecommendationRequest, MAX_PROMPT_LENGTH, Recommendation, RecommendationAccepted, RecommendationContent,
    RecommendationPage, RecommendationSummary, ResultLinks, SPEAKING_RATES, StatusReason, VideoMeasurements,
    validate_options,
};
pub(crate) use review::{DecisionRequest, DecisionResult, PendingReview, PendingReviewList, RecallRequest};
pub(crate) use schedule::{ScheduleList, ScheduleRequest, ScheduleView};
pub(crate) use upload::{CreateUploadRequest, Upload, UploadSlot, WorkbookName};
