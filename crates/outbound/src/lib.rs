//! Builds the HTTP clients that Bespoke uses to call outside services.
//!
//! **Invariant:** every client uses the same TLS stack, rustls with ring. Customer data leaves only through [`Client`],
//! which requires a [`Permit`] for each request. The client never follows a redirect, because the request's headers and
//! body could then reach another origin. It sends only to HTTPS addresses or to this machine.

use std::net::IpAddr;
use std::time::Duration;

use policy::disclosure::Permit;
use reqwest::redirect::Policy;
use reqwest::{ClientBuilder, RequestBuilder};
use serde::Serialize;

pub use reqwest::{Error, Response, StatusCode, Url, header};

/// The time limit for establishing a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// A client for services that receive customer data: models, voices, the bank's own system.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
}

impl Client {
    /// Creates a client.
    pub fn new() -> Result<Self, Error> {
        let http = builder().redirect(Policy::none()).connect_timeout(CONNECT_TIMEOUT).build()?;
        Ok(Self { http })
    }

    /// Starts a POST request. Returns `None` if the request could be read in transit (see [`is_confidential`]).
    #[must_use]
    pub fn post(&self, url: Url) -> Option<Post> {
        is_confidential(&url).then(|| Post { request: self.http.post(url) })
    }
}

/// A POST request that may contain customer data.
#[derive(Debug)]
#[must_use = "the request is not sent until `send` is called"]
pub struct Post {
    request: RequestBuilder,
}

impl Post {
    /// Adds a header.
    pub fn header(self, name: &str, value: &str) -> Self {
        Self { request: self.request.header(name, value) }
    }

    /// Adds a key as a bearer token.
    pub fn bearer_auth(self, key: &str) -> Self {
        Self { request: self.request.bearer_auth(key) }
    }

    /// Sets the body to a value, serialized as JSON.
    pub fn json(self, value: &impl Serialize) -> Self {
        Self { request: self.request.json(value) }
    }

    /// Sets the body.
    pub fn body(self, body: String) -> Self {
        Self { request: self.request.body(body) }
    }

    /// Limits the time from the start of the request to the end of the response.
    pub fn timeout(self, limit: Duration) -> Self {
        Self { request: self.request.timeout(limit) }
    }

    /// Sends the request. The permit is used up, so it is valid for one request only.
    pub async fn send(self, permit: Permit) -> Result<Response, Error> {
        let Self { request } = self;
        let response = request.send().await;
        drop(permit);
        response
    }
}

/// Returns whether requests to the address are safe from eavesdropping: it uses HTTPS, or HTTP on this machine.
#[must_use]
pub fn is_confidential(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_this_machine(url))
}

/// Returns whether the address is on this machine: `localhost` or a loopback IP address.
#[must_use]
pub fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Returns a builder for clients that never send customer data. It uses the same TLS stack.
pub fn builder() -> ClientBuilder {
    // If a provider is already installed, the call fails, which is fine.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_can_build_many_clients() {
        Client::new().unwrap();
        Client::new().unwrap();
        builder().build().unwrap();
    }

    #[test]
    fn only_https_or_this_machine_gets_a_request() {
        let client = Client::new().unwrap();
        for (address, allowed) in [
            ("https://model.example/v1", true),
            ("http://127.0.0.1:8080/v1", true),
            ("http://[::1]:8080/v1", true),
            ("http://localhost/v1", true),
            ("http://model.example/v1", false),
            ("http://127.0.0.1.example/v1", false),
            ("http://localhost.example/v1", false),
            ("http://10.0.0.7/v1", false),
            ("ftp://127.0.0.1/v1", false),
        ] {
            assert_eq!(client.post(Url::parse(address).unwrap()).is_some(), allowed, "{address}");
        }
    }
}
