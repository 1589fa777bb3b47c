//! One call to the model service, tried again within one deadline.

use std::time::Duration;

use contracts::settings::ModelSettings;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode, Url};
use serde_json::{Map, Value};
use storage::secret::{ExposeSecret as _, SecretString};
use tokio::time::{Instant, timeout, timeout_at};

use super::limiter::Limiter;
use super::service::{Answer, Chat, Complaint, Completion, Next, ServiceError};

/// No answer of 250 tokens comes near this.
const LARGEST_ANSWER: usize = 1 << 20;

/// How patiently a call is tried again.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The wait before the first retry, halved at random at most; doubled for each further one.
    pub first_wait: Duration,
    /// The longest wait of our own choosing.
    pub longest_wait: Duration,
    /// How long the service may be silent between two pieces of its answer.
    pub idle: Duration,
    /// How many attempts there are.
    pub attempts: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(8),
            idle: Duration::from_secs(4),
            attempts: 5,
        }
    }
}

/// A client of one service with one deadline for all its calls.
pub struct Client<'a> {
    http: &'a reqwest::Client,
    service: &'a ModelSettings,
    key: Option<SecretString>,
    deadline: Instant,
    pace: Pace,
    limiter: &'a Limiter,
}

/// Whether a service at this address is asked with a key only: any but one of this machine.
#[must_use]
pub fn needs_key(base_url: &str) -> bool {
    let Ok(url) = Url::parse(base_url) else { return true };
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host != "localhost" && !address.is_ok_and(|address| address.is_loopback())
}

impl<'a> Client<'a> {
    /// A client for the service that the settings name, whose caller has taken the first call's turn of `limiter`.
    #[must_use]
    pub fn new(
        http: &'a reqwest::Client,
        service: &'a ModelSettings,
        key: Option<SecretString>,
        deadline: Instant,
        pace: Pace,
        limiter: &'a Limiter,
    ) -> Self {
        Self { http, service, key, deadline, pace, limiter }
    }

    /// Waits for the turn of a further call.
    pub(super) async fn turn(&self) -> Result<(), ServiceError> {
        self.until(self.limiter.turn(self.service), None).await
    }

    /// The service's address without what may be a secret in it: user, password and query.
    pub(super) fn service(&self) -> String {
        let Ok(mut url) = Url::parse(&self.service.base_url) else { return String::new() };
        url.set_query(None);
        url.set_fragment(None);
        if url.set_username("").is_err() || url.set_password(None).is_err() {
            return url.host_str().unwrap_or_default().to_owned();
        }
        url.as_str().trim_end_matches('/').to_owned()
    }

    fn address(&self) -> Result<Url, ServiceError> {
        let mut url = Url::parse(&self.service.base_url).map_err(|_| ServiceError::Address)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ServiceError::Address);
        }
        let mut path = url.path_segments_mut().map_err(|()| ServiceError::Address)?;
        path.pop_if_empty().extend(["chat", "completions"]);
        drop(path);
        if !self.service.api_version.is_empty() {
            url.query_pairs_mut().append_pair("api-version", &self.service.api_version);
        }
        Ok(url)
    }

    /// Asks until there is a whole answer, the service says to stop, or the deadline is near. Nothing of an answer is given
    /// out before it is whole, so that a retry has nothing to take back.
    pub async fn complete(&self, chat: &Chat<'_>) -> Result<Completion, ServiceError> {
        let url = self.address()?;
        let mut body = chat.body();
        let mut attempt = 1;
        loop {
            let (error, next) = match timeout_at(self.deadline, self.exchange(&url, &body, chat.model)).await {
                Ok(Ok(completion)) => {
                    self.limiter.used(self.service, completion.tokens_read + completion.tokens_written);
                    return Ok(completion);
                }
                Ok(Err(failure)) => failure,
                Err(_) => return Err(ServiceError::Deadline(None)),
            };
            match next {
                // Each can be left out once.
                Next::Without(parameter) => {
                    drop_parameter(&mut body, parameter);
                    self.turn().await?;
                }
                Next::Retry(after) if attempt < self.pace.attempts => {
                    self.wait(attempt, after, error).await?;
                    attempt += 1;
                }
                Next::Retry(after) => {
                    if error.is_throttling() {
                        self.limiter.back_off(after.unwrap_or(self.pace.longest_wait));
                    }
                    return Err(error);
                }
                Next::Stop => return Err(error),
            }
        }
    }

    async fn exchange(
        &self,
        url: &Url,
        body: &Map<String, Value>,
        model: &str,
    ) -> Result<Completion, (ServiceError, Next)> {
        let mut request = self.http.post(url.clone()).json(body);
        if let Some(key) = &self.key {
            let key = key.expose_secret().trim();
            request = if self.service.api_version.is_empty() {
                request.bearer_auth(key)
            } else {
                request.header("api-key", key)
            };
        }
        let read = Duration::from_secs(self.service.read_seconds);
        let response = in_time(read, request.send()).await.map_err(retry)?;
        let (status, headers) = (response.status(), response.headers().clone());
        if status != StatusCode::OK {
            let bytes = self.whole(response).await.map_err(retry)?;
            return Err(refusal(status, &headers, &bytes, body));
        }
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let answered = if content_type.starts_with("text/event-stream") {
            self.streamed(response, model).await
        } else {
            self.whole(response).await.and_then(|bytes| {
                let mut answer = Answer::default();
                answer.add(&bytes)?;
                answer.end(model)
            })
        };
        answered.map_err(retry)
    }

    /// The body of an answer in one piece.
    async fn whole(&self, mut response: Response) -> Result<Vec<u8>, ServiceError> {
        let mut bytes = Vec::new();
        while let Some(chunk) = in_time(self.pace.idle, response.chunk()).await? {
            if bytes.len() + chunk.len() > LARGEST_ANSWER {
                return Err(ServiceError::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// An answer that comes as server-sent events, each a line `data: JSON`, the last one `data: [DONE]`.
    async fn streamed(&self, mut response: Response, model: &str) -> Result<Completion, ServiceError> {
        let (mut answer, mut line, mut length) = (Answer::default(), Vec::new(), 0);
        // A service may send its headers at once and think before the first word.
        let mut patience = Duration::from_secs(self.service.read_seconds);
        while let Some(chunk) = in_time(patience, response.chunk()).await? {
            patience = self.pace.idle;
            length += chunk.len();
            if length > LARGEST_ANSWER {
                return Err(ServiceError::TooLarge);
            }
            for byte in chunk {
                if byte != b'\n' {
                    line.push(byte);
                    continue;
                }
                match line.strip_prefix(b"data:").map(<[u8]>::trim_ascii) {
                    Some(b"[DONE]") => return answer.end(model),
                    Some(json) => answer.add(json)?,
                    // A comment that keeps the connection alive, an event's name, an empty line.
                    None => {}
                }
                line.clear();
            }
        }
        answer.end(model)
    }

    /// Waits before the next attempt, or gives up at once if the deadline would pass meanwhile.
    async fn wait(&self, attempt: u32, after: Option<Duration>, error: ServiceError) -> Result<(), ServiceError> {
        let doubled = self.pace.first_wait.saturating_mul(1 << (attempt - 1).min(16)).min(self.pace.longest_wait);
        let jittered = doubled.mul_f64(rand::random_range(0.5..=1.0));
        let wait = after.map_or(jittered, |after| after.max(jittered));
        // The service means the account, and so everybody who asks with it.
        if error.is_throttling() {
            self.limiter.back_off(wait);
        }
        match Instant::now().checked_add(wait) {
            Some(then) if then < self.deadline => {
                self.until(then.max(self.limiter.turn(self.service)), Some(error)).await
            }
            _ => Err(ServiceError::Deadline(Some(Box::new(error)))),
        }
    }

    /// Sleeps until `then`, or gives up at once if the deadline comes before it.
    async fn until(&self, then: Instant, after: Option<ServiceError>) -> Result<(), ServiceError> {
        if then >= self.deadline {
            return Err(ServiceError::Deadline(after.map(Box::new)));
        }
        tokio::time::sleep_until(then).await;
        Ok(())
    }
}

/// What the service sends next, unless it is silent for too long.
async fn in_time<T>(
    patience: Duration,
    next: impl Future<Output = Result<T, reqwest::Error>>,
) -> Result<T, ServiceError> {
    match timeout(patience, next).await {
        Ok(Ok(next)) => Ok(next),
        // The address is the bank's own, but a user's password may stand in it.
        Ok(Err(error)) => Err(ServiceError::Unreachable(error.without_url())),
        Err(_) => Err(ServiceError::Silent),
    }
}

/// A failure that says itself what to do about it.
fn retry(error: ServiceError) -> (ServiceError, Next) {
    let next = error.next();
    (error, next)
}

/// Without the parameter; the newer name of the token limit gives way to the older one, which other services know.
fn drop_parameter(body: &mut Map<String, Value>, parameter: &str) {
    let dropped = body.remove(parameter);
    match parameter {
        "max_completion_tokens" => body.extend(dropped.map(|limit| ("max_tokens".to_owned(), limit))),
        // It belongs to a stream.
        "stream" => drop(body.remove("stream_options")),
        _ => {}
    }
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
