//! Builds the HTTP clients with which Bespoke calls outside services.
//!
//! **Invariant:** every client uses one TLS stack, rustls over ring. A client for a service that receives customer data
//! never follows a redirect: the request's headers and body would go to another origin.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};

/// The time within which a service must accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Returns a client for services that receive customer data: models, voices, webhooks. It does not follow redirects.
pub fn client() -> reqwest::Result<Client> {
    builder().redirect(Policy::none()).connect_timeout(CONNECT_TIMEOUT).build()
}

/// Returns a builder for any other client, with the TLS stack chosen.
pub fn builder() -> ClientBuilder {
    // A second installation fails because the provider is already installed, which is fine.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_can_build_many_clients() {
        client().unwrap();
        client().unwrap();
        builder().build().unwrap();
    }
}
