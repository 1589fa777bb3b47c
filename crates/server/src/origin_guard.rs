//! Who may come in: pages of this server and programs of this machine, and not too many at once.
//!
//! A page of somebody else's may have its own name point to 127.0.0.1 ("DNS rebinding"): its requests then carry that
//! name as their host, and are refused. So is whatever another origin sends.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use api::Problem;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};

/// Calls that change something: so many at once, and so many a second from then on.
const WRITES: (f64, f64) = (60.0, 10.0);
/// All calls.
const CALLS: (f64, f64) = (2_000.0, 500.0);

/// `router` behind the door of the server at `port`.
pub fn guarded(router: Router, port: u16) -> Router {
    let door = Arc::new(Door { port, writes: Bucket::new(WRITES), calls: Bucket::new(CALLS) });
    router.layer(middleware::from_fn_with_state(door, enter))
}

struct Door {
    port: u16,
    writes: Bucket,
    calls: Bucket,
}

async fn enter(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    match door.look_at(request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

impl Door {
    fn look_at(&self, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
        let names = ["127.0.0.1", "localhost"].map(|name| format!("{name}:{}", self.port));
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let host = text(header::HOST).unwrap_or_default();
        if !names.iter().any(|name| host.eq_ignore_ascii_case(name)) {
            let status = StatusCode::MISDIRECTED_REQUEST;
            return Err(Problem::with_status(status, "this server answers to 127.0.0.1 and localhost alone"));
        }
        let own =
            |origin: &str| origin.strip_prefix("http://").is_some_and(|origin| names.iter().any(|name| name == origin));
        if text(header::ORIGIN).is_some_and(|origin| !own(origin)) {
            return Err(Problem::with_status(StatusCode::FORBIDDEN, "another origin may not call this server"));
        }
        let writes = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        if !self.calls.take() || (writes && !self.writes.take()) {
            return Err(Problem::with_status(StatusCode::TOO_MANY_REQUESTS, "too many calls at once"));
        }
        Ok(())
    }
}

/// A token bucket: what is not taken fills it again, up to its size.
struct Bucket {
    size: f64,
    a_second: f64,
    state: Mutex<(f64, Instant)>,
}

impl Bucket {
    fn new((size, a_second): (f64, f64)) -> Self {
        Self { size, a_second, state: Mutex::new((size, Instant::now())) }
    }

    fn take(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let there = (state.0 + now.duration_since(state.1).as_secs_f64() * self.a_second).min(self.size);
        let taken = there >= 1.0;
        *state = (if taken { there - 1.0 } else { there }, now);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(method: &Method, headers: &[(&'static str, &str)]) -> Result<(), u16> {
        let door = Door { port: 5000, writes: Bucket::new(WRITES), calls: Bucket::new(CALLS) };
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        door.look_at(method, &headers).map_err(|problem| problem.into_response().status().as_u16())
    }

    #[test]
    fn a_name_that_was_made_to_point_here_is_refused() {
        assert_eq!(look(&Method::GET, &[("host", "127.0.0.1:5000")]), Ok(()));
        assert_eq!(look(&Method::GET, &[("host", "localhost:5000")]), Ok(()));
        for host in ["evil.example:5000", "127.0.0.1", "127.0.0.1:80", "127.0.0.1.evil.example:5000", ""] {
            assert_eq!(look(&Method::GET, &[("host", host)]), Err(421), "{host}");
        }
        assert_eq!(look(&Method::GET, &[]), Err(421));
    }

    #[test]
    fn another_origin_is_refused_whatever_it_asks() {
        let host = ("host", "localhost:5000");
        assert_eq!(look(&Method::POST, &[host, ("origin", "http://localhost:5000")]), Ok(()));
        for origin in ["null", "http://localhost:5001", "https://localhost:5000", "http://evil.example"] {
            assert_eq!(look(&Method::POST, &[host, ("origin", origin)]), Err(403), "{origin}");
            assert_eq!(look(&Method::GET, &[host, ("origin", origin)]), Err(403), "{origin}");
        }
    }

    #[test]
    fn too_many_at_once_are_refused() {
        let bucket = Bucket::new((2.0, 0.001));
        assert_eq!([bucket.take(), bucket.take(), bucket.take()], [true, true, false]);
    }
}
