//! Limits the number of open connections, and the time to wait for the headers of a request.
//!
//! Connections that never send a request would use up the process's open files. Beyond the maximum, new connections wait in
//! the system's queue until another one ends.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// The limits on connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The maximum number of open connections. Many systems allow a process only about 1,000 open files.
    pub connections: usize,
    /// The time within which a client must send the headers of a request.
    pub headers: Duration,
    /// The maximum time for open responses to end after the server is stopped.
    pub stop: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 256, headers: Duration::from_secs(5), stop: Duration::from_secs(10) }
    }
}

/// Answers connections until `stop` is canceled, and then waits for open responses.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let shutdown = GracefulShutdown::new();
    loop {
        let accept = async {
            let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accept => accepted,
            () = stop.cancelled() => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "failed to accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let mut protocol = http1::Builder::new();
        protocol.timer(TokioTimer::new()).header_read_timeout(limits.headers);
        let connection = protocol.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
        let connection = shutdown.watch(connection);
        tokio::spawn(async move {
            // A client that closes the connection early is not a server error.
            let _ended = connection.await;
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(limits.stop, shutdown.shutdown()).await.is_err() {
        tracing::warn!("closed connections before their responses had ended");
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;

    /// Connections with half a request use up the limit. A complete request is answered once they time out.
    #[tokio::test]
    async fn half_open_requests_do_not_block_the_server() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits = Limits { connections: 8, headers: Duration::from_millis(200), stop: Duration::from_millis(100) };
        let router = Router::new().route("/", get(async || "answered"));
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, router, limits, stop.clone()));
        let mut half_open = Vec::new();
        for _ in 0..40 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n").await.unwrap();
            half_open.push(stream);
        }
        let mut real = TcpStream::connect(address).await.unwrap();
        real.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        let reading = real.read_to_string(&mut answer);
        tokio::time::timeout(Duration::from_secs(20), reading).await.unwrap().unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("answered"), "{answer}");
        stop.cancel();
        serving.await.unwrap();
    }
}
