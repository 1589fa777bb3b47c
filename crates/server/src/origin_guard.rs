//! The guard in front of the router. It admits only requests from this server's own pages and from programs on this
//! machine, at a limited rate.
//!
//! Another site can make its own host name point to 127.0.0.1 ("DNS rebinding"). Requests from its pages have that name in
//! the `Host` header, so the guard refuses them. It also refuses every request from another origin.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use api::Problem;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};

/// The rate limit for calls that change something.
const WRITES: Rate = Rate { burst: 60.0, per_second: 10.0 };
/// The rate limit for all calls.
const CALLS: Rate = Rate { burst: 2_000.0, per_second: 500.0 };

/// Puts the guard in front of `router`, for the server at `port`.
pub fn guarded(router: Router, port: u16) -> Router {
    let guard = Arc::new(OriginGuard { port, writes: Bucket::new(WRITES), calls: Bucket::new(CALLS) });
    router.layer(middleware::from_fn_with_state(guard, enter))
}

struct OriginGuard {
    port: u16,
    writes: Bucket,
    calls: Bucket,
}

async fn enter(State(guard): State<Arc<OriginGuard>>, request: Request, next: Next) -> Response {
    match guard.check(request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

impl OriginGuard {
    fn check(&self, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
        let names = ["127.0.0.1", "localhost"].map(|name| format!("{name}:{}", self.port));
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let host = text(header::HOST).unwrap_or_default();
        if !names.iter().any(|name| host.eq_ignore_ascii_case(name)) {
            let status = StatusCode::MISDIRECTED_REQUEST;
            return Err(Problem::with_status(status, "this server can be reached only as 127.0.0.1 or localhost"));
        }
        let own =
            |origin: &str| origin.strip_prefix("http://").is_some_and(|origin| names.iter().any(|name| name == origin));
        if text(header::ORIGIN).is_some_and(|origin| !own(origin)) {
            return Err(Problem::with_status(StatusCode::FORBIDDEN, "requests from other origins are not allowed"));
        }
        let writes = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        if !self.calls.take() || (writes && !self.writes.take()) {
            return Err(Problem::with_status(
                StatusCode::TOO_MANY_REQUESTS,
                "too many requests at once; try again in a second",
            ));
        }
        Ok(())
    }
}

/// The rate of a token bucket: how many calls may arrive at once, and how many per second after that.
#[derive(Clone, Copy)]
struct Rate {
    burst: f64,
    per_second: f64,
}

/// A token bucket. Unused tokens fill it up to its burst size.
struct Bucket {
    rate: Rate,
    state: Mutex<BucketState>,
}

struct BucketState {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn new(rate: Rate) -> Self {
        Self { rate, state: Mutex::new(BucketState { tokens: rate.burst, at: Instant::now() }) }
    }

    /// Takes a token. Returns false if the bucket is empty.
    fn take(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let refill = now.duration_since(state.at).as_secs_f64() * self.rate.per_second;
        let tokens = (state.tokens + refill).min(self.rate.burst);
        let taken = tokens >= 1.0;
        *state = BucketState { tokens: if taken { tokens - 1.0 } else { tokens }, at: now };
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &Method, headers: &[(&'static str, &str)]) -> Result<(), u16> {
        let guard = OriginGuard { port: 5000, writes: Bucket::new(WRITES), calls: Bucket::new(CALLS) };
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        guard.check(method, &headers).map_err(|problem| problem.into_response().status().as_u16())
    }

    #[test]
    fn foreign_host_name_is_refused() {
        assert_eq!(check(&Method::GET, &[("host", "127.0.0.1:5000")]), Ok(()));
        assert_eq!(check(&Method::GET, &[("host", "localhost:5000")]), Ok(()));
        for host in ["evil.example:5000", "127.0.0.1", "127.0.0.1:80", "127.0.0.1.evil.example:5000", ""] {
            assert_eq!(check(&Method::GET, &[("host", host)]), Err(421), "{host}");
        }
        assert_eq!(check(&Method::GET, &[]), Err(421));
    }

    #[test]
    fn other_origins_are_refused() {
        let host = ("host", "localhost:5000");
        assert_eq!(check(&Method::POST, &[host, ("origin", "http://localhost:5000")]), Ok(()));
        for origin in ["null", "http://localhost:5001", "https://localhost:5000", "http://evil.example"] {
            assert_eq!(check(&Method::POST, &[host, ("origin", origin)]), Err(403), "{origin}");
            assert_eq!(check(&Method::GET, &[host, ("origin", origin)]), Err(403), "{origin}");
        }
    }

    #[test]
    fn call_is_refused_when_the_bucket_is_empty() {
        let bucket = Bucket::new(Rate { burst: 2.0, per_second: 0.001 });
        assert_eq!([bucket.take(), bucket.take(), bucket.take()], [true, true, false]);
    }
}
