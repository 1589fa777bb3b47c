//! An S3 server that runs inside the test.

use std::path::PathBuf;
use std::sync::Arc;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use bespoke_aws::s3::S3Store;
use hyper::Method;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Mutex;

const BUCKET: &str = "bespoke-tests";

/// A server that stores objects in a folder of its own. It stops when the test's runtime stops.
pub struct Server {
    folder: TempDir,
    endpoint: String,
}

impl Server {
    /// Listens on a free loopback port.
    pub async fn start() -> Self {
        let folder = TempDir::new().expect("a folder");
        std::fs::create_dir(folder.path().join(BUCKET)).expect("a bucket");
        let mut service = S3ServiceBuilder::new(FileSystem::new(folder.path()).expect("a file system"));
        service.set_auth(SimpleAuth::from_single("id", "secret"));
        let service = service.build();

        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        // s3s-fs first checks whether the object exists, and writes it later. S3 does both atomically, so this server must
        // as well.
        let one_write = Arc::new(Mutex::new(()));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (service, one_write) = (service.clone(), one_write.clone());
                let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                    let (service, one_write) = (service.clone(), one_write.clone());
                    async move {
                        let _alone = if request.method() == Method::PUT { Some(one_write.lock().await) } else { None };
                        Service::call(&service, request).await
                    }
                });
                tokio::spawn(async move {
                    Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await
                });
            }
        });
        Self { folder, endpoint }
    }

    /// Returns the bucket's folder.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join(BUCKET)
    }

    /// Returns the store with the right secret.
    pub fn store(&self) -> S3Store {
        self.store_with("secret")
    }

    /// Returns the store with a secret of the test's choice.
    pub fn store_with(&self, secret: &str) -> S3Store {
        store_at(&self.endpoint, secret)
    }
}

/// Returns the store at any endpoint.
pub fn store_at(endpoint: &str, secret: &str) -> S3Store {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .credentials_provider(Credentials::new("id", secret, None, None, "tests"))
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .http_client(bespoke_aws::host::https_client())
        .force_path_style(true)
        .build();
    S3Store::new(aws_sdk_s3::Client::from_conf(config), BUCKET)
}
