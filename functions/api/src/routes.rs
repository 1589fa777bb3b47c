//! The routes that every backend serves.

mod brand;
mod campaigns;
mod control;
mod customer_links;
mod events;
mod options;
mod page;
mod page_events;
mod recommendations;
mod reviews;
mod schedules;
mod uploads;

use axum::Router;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::backend::SharedBackend;

/// Returns the routes that the `OpenAPI` document describes.
pub(crate) fn documented() -> OpenApiRouter<SharedBackend> {
    OpenApiRouter::new()
        .routes(routes!(recommendations::create, recommendations::list))
        .routes(routes!(recommendations::get))
        .routes(routes!(events::list))
        .routes(routes!(campaigns::create, campaigns::list))
        .routes(routes!(campaigns::get))
        .routes(routes!(campaigns::customers))
        .routes(routes!(schedules::list))
        .routes(routes!(schedules::put, schedules::get, schedules::delete))
        .routes(routes!(schedules::pause))
        .routes(routes!(schedules::resume))
        .routes(routes!(reviews::list))
        .routes(routes!(reviews::decide))
        .routes(routes!(reviews::recall))
        .routes(routes!(control::erase))
        .routes(routes!(control::suppress))
        .routes(routes!(control::letter))
        .routes(routes!(uploads::create))
        .routes(routes!(options::options))
        .routes(routes!(options::catalog))
}

/// Returns the routes of the page for staff.
pub(crate) fn page() -> Router<SharedBackend> {
    page::router()
}

/// Returns the routes of customers' links. They set their own security headers, and record events if the run has an
/// effect plan.
pub(crate) fn customer_links(backend: &SharedBackend) -> Router<SharedBackend> {
    page_events::recorded(customer_links::router(), backend)
}
