//! Calls to the model service, with retries before a deadline.
//!
//! The `backon` crate provides the delays between attempts. The loop itself is our own, because a retry may first drop
//! a parameter, wait for the shared [`Limiter`], or give up early if its delay would exceed the deadline.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use contracts::Digest;
use contracts::settings::ModelSettings;
use outbound::header::{HeaderMap, RETRY_AFTER};
use outbound::{Response, StatusCode, Url};
use policy::disclosure::Gate;
use serde_json::{Map, Value, json};
use storage::secret::{ExposeSecret as _, SecretString};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::limiter::Limiter;
use super::reader::AnswerReader;
use super::service::{ChatRequest, Completion, ErrorBody, RetryDecision, ServiceError};

/// The size limit for an answer in bytes: 1 MiB, far above the size of a 250-token answer.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// The retry policy for a call.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// The delays between attempts. Their number limits the retries.
    pub backoff: ExponentialBuilder,
    /// The pause for all calls after the last attempt, if the service throttles calls without sending a `Retry-After`.
    pub throttled_pause: Duration,
    /// The maximum time between two chunks of an answer.
    pub idle: Duration,
}

impl Default for RetryPolicy {
    /// Waits 250 to 500 ms before the first of four retries, and doubles the delay each time, to 2 to 4 s before the
    /// last.
    fn default() -> Self {
        Self {
            backoff: ExponentialBuilder::new()
                .with_min_delay(Duration::from_millis(250))
                .with_max_delay(Duration::from_secs(4))
                .with_max_times(4)
                .with_jitter(),
            throttled_pause: Duration::from_secs(8),
            idle: Duration::from_secs(4),
        }
    }
}

/// A client for one service, with one deadline for all of its calls. Its creator reserves the first call's slot in the
/// limiter.
pub struct ModelClient<'a> {
    /// The HTTP client.
    pub http: &'a outbound::Client,
    /// The gate for the customer's data. Each call needs its own permit.
    pub gate: &'a Gate,
    /// The settings of the service.
    pub service: &'a ModelSettings,
    /// The service's API key. `None` only for a service on this machine.
    pub key: Option<SecretString>,
    /// The deadline for all calls.
    pub deadline: Instant,
    /// The retry policy for each call.
    pub retries: RetryPolicy,
    /// The process-wide limiter.
    pub limiter: &'a Limiter,
}

/// Returns the digest that identifies the service, the model and the key.
pub(super) fn service_id(service: &ModelSettings, key: Option<&SecretString>) -> Digest {
    let key = key.map(storage::secret::ExposeSecret::expose_secret).unwrap_or_default();
    Digest::of_parts([service.base_url.as_bytes(), service.name.as_bytes(), key.as_bytes()])
}

/// Returns whether a service at this address needs a key. All services need one, except those on this machine.
#[must_use]
pub fn needs_key(base_url: &str) -> bool {
    Url::parse(base_url).map_or(true, |url| !outbound::is_this_machine(&url))
}

impl ModelClient<'_> {
    /// Waits for the slot for another call.
    pub(super) async fn wait_for_slot(&self) -> Result<(), ServiceError> {
        self.sleep_until(self.limiter.reserve_slot(self.service), None).await
    }

    /// Returns the service's address without parts that may be secret: user, password, query and fragment.
    pub(super) fn service_address(&self) -> String {
        let Ok(mut url) = Url::parse(&self.service.base_url) else { return String::new() };
        url.set_query(None);
        url.set_fragment(None);
        if url.set_username("").is_err() || url.set_password(None).is_err() {
            return url.host_str().unwrap_or_default().to_owned();
        }
        url.as_str().trim_end_matches('/').to_owned()
    }

    /// Returns the digest that identifies this client's service, model and key.
    fn service_id(&self) -> Digest {
        service_id(self.service, self.key.as_ref())
    }

    fn completions_url(&self) -> Result<Url, ServiceError> {
        let mut url = Url::parse(&self.service.base_url).map_err(|_| ServiceError::Address)?;
        let mut path = url.path_segments_mut().map_err(|()| ServiceError::Address)?;
        path.pop_if_empty().extend(["chat", "completions"]);
        drop(path);
        if !self.service.api_version.is_empty() {
            url.query_pairs_mut().append_pair("api-version", &self.service.api_version);
        }
        Ok(url)
    }

    /// Calls the service until it returns a complete answer or a final error, until the retries are used up, or until
    /// the deadline. Never returns part of an incomplete answer, so a retry does not have to withdraw anything.
    pub async fn complete(&self, chat: &ChatRequest<'_>) -> Result<Completion, ServiceError> {
        let url = self.completions_url()?;
        let service = self.service_id();
        let mut body = chat.body();
        let mut steps = self.limiter.learned_steps(service);
        for (at, parameter) in steps.iter().enumerate() {
            step_down(&mut body, parameter, &steps[..at]);
        }
        let mut waits = self.retries.backoff.build();
        loop {
            let (error, decision) = match timeout_at(self.deadline, self.attempt(&url, &body, chat.model)).await {
                Ok(Ok(completion)) => {
                    self.limiter.learn_steps(service, steps);
                    self.limiter.count_tokens(self.service, completion.tokens_read + completion.tokens_written);
                    return Ok(completion);
                }
                Ok(Err(failure)) => failure,
                Err(_) => return Err(ServiceError::Deadline(None)),
            };
            match decision {
                // Each step renames, simplifies or drops a parameter, and none is undone, so this loop ends.
                RetryDecision::RetryWithout(parameter) => {
                    step_down(&mut body, parameter, &steps);
                    steps.push(parameter);
                    self.wait_for_slot().await?;
                }
                RetryDecision::Retry(after) => {
                    let Some(wait) = waits.next() else {
                        if error.is_throttling() {
                            self.limiter.pause(after.unwrap_or(self.retries.throttled_pause));
                        }
                        return Err(error);
                    };
                    self.wait_for_retry(after.map_or(wait, |after| after.max(wait)), error).await?;
                }
                RetryDecision::Stop => {
                    if error.is_hopeless() {
                        self.limiter.give_up(service, &error.to_string());
                    }
                    return Err(error);
                }
            }
        }
    }

    async fn attempt(
        &self,
        url: &Url,
        body: &Map<String, Value>,
        model: &str,
    ) -> Result<Completion, (ServiceError, RetryDecision)> {
        let request = self.http.post(url.clone()).ok_or_else(|| with_decision(ServiceError::Address))?;
        let mut request = request.json(body);
        if let Some(key) = &self.key {
            let key = key.expose_secret().trim();
            request = if self.service.api_version.is_empty() {
                request.bearer_auth(key)
            } else {
                request.header("api-key", key)
            };
        }
        let read_timeout = Duration::from_secs(self.service.read_seconds);
        let permit = self.gate.permit().await.map_err(|withheld| with_decision(withheld.into()))?;
        let response = within(read_timeout, request.send(permit)).await.map_err(with_decision)?;
        let status = response.status();
        let headers = response.headers().clone();
        if status != StatusCode::OK {
            let bytes = self.read_whole(response).await.map_err(with_decision)?;
            return Err(refusal(status, &headers, &bytes, body));
        }
        self.read_answer(response, model).await.map_err(with_decision)
    }

    /// Reads the body of an error response.
    async fn read_whole(&self, mut response: Response) -> Result<Vec<u8>, ServiceError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = within(self.retries.idle, response.chunk()).await? {
            if bytes.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(ServiceError::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// Reads an answer. If an error follows a complete answer, returns the answer.
    async fn read_answer(&self, mut response: Response, model: &str) -> Result<Completion, ServiceError> {
        let mut reader = AnswerReader::default();
        let mut length = 0;
        // A service may send its headers or comments at once, but take a while before the first word.
        let mut time_limit = Duration::from_secs(self.service.read_seconds);
        while !reader.is_done() {
            let chunk = match within(time_limit, response.chunk()).await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(_) if reader.is_whole() => break,
                Err(error) => return Err(error),
            };
            length += chunk.len();
            if length > MAX_ANSWER_BYTES {
                return Err(ServiceError::TooLarge);
            }
            match reader.push(&chunk) {
                Err(_) if reader.is_whole() => break,
                added => added?,
            }
            if reader.has_begun() {
                time_limit = self.retries.idle;
            }
        }
        reader.finish(model)
    }

    /// Waits before the next attempt. Gives up immediately if the delay would exceed the deadline.
    async fn wait_for_retry(&self, wait: Duration, error: ServiceError) -> Result<(), ServiceError> {
        // The service is throttling the account, so all calls must wait.
        if error.is_throttling() {
            self.limiter.pause(wait);
        }
        match Instant::now().checked_add(wait) {
            Some(start) if start < self.deadline => {
                let slot = self.limiter.reserve_slot(self.service);
                self.sleep_until(start.max(slot), Some(error)).await
            }
            _ => Err(ServiceError::Deadline(Some(Box::new(error)))),
        }
    }

    /// Sleeps until `start`. Gives up immediately if the deadline is earlier.
    async fn sleep_until(&self, start: Instant, cause: Option<ServiceError>) -> Result<(), ServiceError> {
        if start >= self.deadline {
            return Err(ServiceError::Deadline(cause.map(Box::new)));
        }
        sleep_until(start).await;
        Ok(())
    }
}

/// Awaits a response or its next chunk for at most `time_limit`.
async fn within<T>(
    time_limit: Duration,
    future: impl Future<Output = Result<T, outbound::Error>>,
) -> Result<T, ServiceError> {
    match timeout(time_limit, future).await {
        Ok(Ok(value)) => Ok(value),
        // Drop the address, because it may contain a password.
        Ok(Err(error)) => Err(ServiceError::Unreachable(error.without_url())),
        Err(_) => Err(ServiceError::Silent),
    }
}

fn with_decision(error: ServiceError) -> (ServiceError, RetryDecision) {
    let decision = error.retry_decision();
    (error, decision)
}

/// Simplifies one parameter of a request. `before` lists the earlier steps.
///
/// The answer's format falls back from a schema to any JSON object, and then to none. The token limit is first renamed,
/// and left out if the service accepts neither name.
fn step_down(body: &mut Map<String, Value>, parameter: &str, before: &[&str]) {
    let value = body.remove(parameter);
    let mut rename = |other: &str| {
        if !before.contains(&other) {
            body.extend(value.clone().map(|limit| (other.to_owned(), limit)));
        }
    };
    match parameter {
        "max_completion_tokens" => rename("max_tokens"),
        "max_tokens" => rename("max_completion_tokens"),
        "response_format" if value.is_some_and(|format| format["type"] == "json_schema") => {
            body.insert(parameter.to_owned(), json!({ "type": "json_object" }));
        }
        // The stream options are invalid without a stream.
        "stream" => drop(body.remove("stream_options")),
        _ => {}
    }
}

/// Interprets a response with a status other than 200.
fn refusal(
    status: StatusCode,
    headers: &HeaderMap,
    bytes: &[u8],
    body: &Map<String, Value>,
) -> (ServiceError, RetryDecision) {
    let error_body = ErrorBody::parse(bytes);
    if error_body.is_quota() {
        return (ServiceError::QuotaUsedUp, RetryDecision::Stop);
    }
    let number = status.as_u16();
    let named = matches!(number, 400 | 422 | 500).then(|| error_body.named_parameter(body, number)).flatten();
    // If the service gives no reason, it most likely rejects the newest parameter.
    let guessed =
        (number == 400 && error_body.is_silent() && body.contains_key("response_format")).then_some("response_format");
    let error = ServiceError::Status { status: number, code: error_body.code };
    if let Some(parameter) = named.or(guessed) {
        return (error, RetryDecision::RetryWithout(parameter));
    }
    let should_retry = match headers.get("x-should-retry").and_then(|value| value.to_str().ok()) {
        Some("true") => true,
        Some("false") => false,
        _ => matches!(status.as_u16(), 408 | 409 | 429 | 500..=599),
    };
    (error, if should_retry { RetryDecision::Retry(retry_after(headers)) } else { RetryDecision::Stop })
}

/// Returns the delay that the service requests: `retry-after-ms`, or else `Retry-After` in seconds or as a date (RFC
/// 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let milliseconds = text("retry-after-ms").and_then(|text| text.parse::<f64>().ok());
    if let Some(wait) = milliseconds.and_then(|ms| Duration::try_from_secs_f64(ms / 1000.0).ok()) {
        return Some(wait);
    }
    let value = text(RETRY_AFTER.as_str())?;
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    let wait = date.duration_since(jiff::Timestamp::now());
    Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests;
