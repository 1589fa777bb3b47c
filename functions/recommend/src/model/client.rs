//! One call to the model service, tried again within one deadline.

use std::time::Duration;

use contracts::secret::{ExposeSecret as _, SecretString};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode, Url};
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};

use super::service::{self, Chat, Complaint, Completion, Next, ServiceError};

/// No answer of 250 tokens comes near this.
const LARGEST_ANSWER: usize = 1 << 20;

/// How patiently a call is tried again.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The wait before the first retry, halved at random at most; doubled for each further one.
    pub first_wait: Duration,
    /// The longest wait of our own choosing.
    pub longest_wait: Duration,
    /// How long one attempt may take.
    pub attempt: Duration,
    /// How many attempts there are.
    pub attempts: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(8),
            attempt: Duration::from_secs(15),
            attempts: 5,
        }
    }
}

/// A client of one service with one deadline for all its calls.
pub struct Client<'a> {
    http: &'a reqwest::Client,
    base_url: &'a str,
    key: Option<SecretString>,
    deadline: Instant,
    pace: Pace,
}

/// Whether the address is one of this machine, where a service needs no key.
pub(super) fn is_loopback(base_url: &str) -> bool {
    let Ok(url) = Url::parse(base_url) else { return false };
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

impl<'a> Client<'a> {
    /// A client for the service at `base_url`, up to and without `/chat/completions`.
    #[must_use]
    pub fn new(
        http: &'a reqwest::Client,
        base_url: &'a str,
        key: Option<SecretString>,
        deadline: Instant,
        pace: Pace,
    ) -> Self {
        Self { http, base_url, key, deadline, pace }
    }

    /// The service's address without what may be a secret in it: user, password and query.
    pub(super) fn service(&self) -> String {
        let Ok(mut url) = Url::parse(self.base_url) else { return String::new() };
        url.set_query(None);
        url.set_fragment(None);
        if url.set_username("").is_err() || url.set_password(None).is_err() {
            return url.host_str().unwrap_or_default().to_owned();
        }
        url.as_str().trim_end_matches('/').to_owned()
    }

    fn address(&self) -> Result<Url, ServiceError> {
        let mut url = Url::parse(self.base_url).map_err(|_| ServiceError::Address)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ServiceError::Address);
        }
        let mut path = url.path_segments_mut().map_err(|()| ServiceError::Address)?;
        path.pop_if_empty().extend(["chat", "completions"]);
        drop(path);
        Ok(url)
    }

    /// Asks until there is a whole answer, the service says to stop, or the deadline is near.
    pub async fn complete(&self, chat: &Chat<'_>) -> Result<Completion, ServiceError> {
        let url = self.address()?;
        let mut body = chat.body();
        let mut dropped = false;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let (error, next) = match self.attempt(&url, &body, chat.model).await {
                Ok(completion) => return Ok(completion),
                Err(failure) => failure,
            };
            match next {
                Next::Without(parameter) if !dropped => {
                    dropped = true;
                    drop_parameter(&mut body, &parameter);
                }
                Next::Retry(after) if attempt < self.pace.attempts => self.wait(attempt, after, error).await?,
                Next::Retry(_) | Next::Without(_) | Next::Stop => return Err(error),
            }
        }
    }

    async fn attempt(
        &self,
        url: &Url,
        body: &Map<String, Value>,
        model: &str,
    ) -> Result<Completion, (ServiceError, Next)> {
        let until = self.deadline.min(Instant::now() + self.pace.attempt);
        match timeout_at(until, self.exchange(url, body, model)).await {
            Ok(result) => result,
            Err(_) => Err((ServiceError::Deadline(None), Next::Retry(None))),
        }
    }

    async fn exchange(
        &self,
        url: &Url,
        body: &Map<String, Value>,
        model: &str,
    ) -> Result<Completion, (ServiceError, Next)> {
        // The address is the bank's own, but a user's password may stand in it.
        let unreachable = |error: reqwest::Error| (ServiceError::Unreachable(error.without_url()), Next::Retry(None));
        let mut request = self.http.post(url.clone()).json(body);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key.expose_secret().trim());
        }
        let response = request.send().await.map_err(unreachable)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = match read(response).await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err((ServiceError::TooLarge, Next::Stop)),
            Err(error) => return Err(unreachable(error)),
        };
        if status == StatusCode::OK {
            return service::completion(&bytes, model).map_err(|error| (error, Next::Stop));
        }
        Err(refusal(status, &headers, &bytes, body))
    }

    /// Waits before the next attempt, or gives up at once if the deadline would pass meanwhile.
    async fn wait(&self, attempt: u32, after: Option<Duration>, error: ServiceError) -> Result<(), ServiceError> {
        let doubled = self.pace.first_wait.saturating_mul(1 << (attempt - 1).min(16)).min(self.pace.longest_wait);
        let jittered = doubled.mul_f64(rand::random_range(0.5..=1.0));
        let wait = after.map_or(jittered, |after| after.max(jittered));
        let now = Instant::now();
        match now.checked_add(wait) {
            Some(then) if then < self.deadline => tokio::time::sleep_until(then).await,
            _ => return Err(ServiceError::Deadline(Some(Box::new(error)))),
        }
        Ok(())
    }
}

/// Without the parameter; the newer name of the token limit gives way to the older one, which other services know.
fn drop_parameter(body: &mut Map<String, Value>, parameter: &str) {
    if let Some(limit) = body.remove(parameter).filter(|_| parameter == "max_completion_tokens") {
        body.insert("max_tokens".to_owned(), limit);
    }
}

/// The body, or nothing if it is too large.
async fn read(mut response: Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > LARGEST_ANSWER {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}

/// What an answer other than 200 means.
fn refusal(status: StatusCode, headers: &HeaderMap, bytes: &[u8], body: &Map<String, Value>) -> (ServiceError, Next) {
    let complaint = Complaint::read(bytes);
    if complaint.is_quota() {
        return (ServiceError::QuotaUsedUp, Next::Stop);
    }
    let unsupported = (status == StatusCode::BAD_REQUEST).then(|| complaint.unsupported(body)).flatten();
    let error = ServiceError::Status { status: status.as_u16(), code: complaint.code };
    if let Some(parameter) = unsupported {
        return (error, Next::Without(parameter));
    }
    let ours = matches!(status.as_u16(), 408 | 409 | 429 | 500..=599);
    let retry = match headers.get("x-should-retry").and_then(|value| value.to_str().ok()) {
        Some("true") => true,
        Some("false") => false,
        _ => ours,
    };
    (error, if retry { Next::Retry(retry_after(headers)) } else { Next::Stop })
}

/// When the service wants to be asked again: `retry-after-ms`, then `Retry-After` in seconds or as a date
/// (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let milliseconds = text("retry-after-ms").and_then(|text| text.parse::<f64>().ok());
    if let Some(after) = milliseconds.and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok()) {
        return Some(after);
    }
    let after = text(RETRY_AFTER.as_str())?;
    if let Ok(seconds) = after.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let then = jiff::fmt::rfc2822::parse(after).ok()?.timestamp();
    let from_now = then.duration_since(jiff::Timestamp::now());
    Some(Duration::try_from(from_now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests;
