//! Tests that run `bespoke serve` as a process and call it over HTTP. They cover a recommendation from the request to a
//! seekable video, a killed server, refused callers, uploads, reviews and recalls.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use bespoke_tests::{Sandbox, report, root};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use wiremock::{Mock, MockServer, Respond, ResponseTemplate, matchers};

/// A legacy secret: it lacks the `whsec_` prefix, so its bytes are the key.
const WEBHOOK_KEY: &str = "0123456789abcdef0123456789abcdef";

/// A server process, which is killed on drop.
struct Server {
    process: Child,
    address: String,
    token: String,
    http: reqwest::Client,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both calls fail if the process has already ended.
        let _killed = self.process.kill();
        let _reaped = self.process.wait();
    }
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new(env!("CARGO_BIN_EXE_bespoke-under-test"));
    let settings = "[voice]\nengine = \"espeak\"\n[video]\nresolution = 180\npreset = \"ultrafast\"\n";
    std::fs::write(sandbox.path().join("bespoke.toml"), settings).unwrap();
    sandbox
}

impl Server {
    fn start(sandbox: &Sandbox, port: &str) -> Self {
        let mut command = sandbox.command(&["serve", "--port", port, "--json"]);
        command.env("BESPOKE_WEBHOOK_KEY", WEBHOOK_KEY);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut printed = String::new();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        while !printed.ends_with('}') {
            printed.push_str(&lines.next().expect("the server ended before it listened").unwrap());
        }
        let printed: Value = serde_json::from_str(&printed).unwrap();
        let text = |field: &str| printed[field].as_str().unwrap().to_owned();
        Self { process, address: text("address"), token: text("token"), http: outbound::builder().build().unwrap() }
    }

    fn port(&self) -> &str {
        self.address.rsplit_once(':').unwrap().1
    }

    /// Asks the server to end, and waits until it has written the records of the runs that ended.
    fn stop(mut self) {
        let asked = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.process.id())]).status().unwrap();
        assert!(asked.success() && self.process.wait().unwrap().success());
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.address)).bearer_auth(&self.token)
    }

    async fn get(&self, path: &str) -> Value {
        let response = self.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    /// Starts a recommendation and returns its path.
    async fn create(&self, key: &str, body: &Value) -> String {
        let call = self.request(Method::POST, "/v1/recommendations").header("Idempotency-Key", key);
        let response = call.json(body).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::ACCEPTED, "{}", response.text().await.unwrap());
        response.headers()["location"].to_str().unwrap().to_owned()
    }

    /// Streams a recommendation's events after number `last`.
    async fn follow(&self, path: &str, last: u64) -> Stream {
        let call = self.request(Method::GET, &format!("{path}/events")).header("Accept", "text/event-stream");
        let response = call.header("Last-Event-ID", last.to_string()).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Stream { response, rest: String::new() }
    }
}

/// A stream of events.
struct Stream {
    response: Response,
    rest: String,
}

impl Stream {
    /// Returns the next event, or `None` once the server has closed the stream.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((message, rest)) = self.rest.split_once("\n\n") {
                let field = |name: &str| message.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let found = field("data: ").zip(field("id: "));
                let length = self.rest.len() - rest.len();
                self.rest.drain(..length);
                let Some((data, id)) = found else { continue };
                let event: Value = serde_json::from_str(&data).unwrap();
                assert_eq!(event["number"].to_string(), id);
                return Some(event);
            }
            let chunk = self.response.chunk().await.ok().flatten()?;
            self.rest.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// Collects events up to the first one that `is_last` accepts.
    async fn until(&mut self, seen: &mut Vec<Value>, is_last: impl Fn(&Value) -> bool) {
        loop {
            let event = self.next().await.expect("the stream ended early");
            let found = is_last(&event);
            seen.push(event);
            if found {
                return;
            }
        }
    }
}

#[tokio::test]
async fn expire_and_forget_work_beside_the_server() {
    let sandbox = sandbox();
    let server = Server::start(&sandbox, "0");
    let path = server.create("k", &json!({"customer_id": "0001", "video": false})).await;
    let mut events = server.follow(&path, 0).await;
    while events.next().await.is_some() {}
    assert!(sandbox.run(&["expire", "--json"]).status.success());
    assert!(sandbox.run(&["forget", "--customer", "0001", "--json"]).status.success());
    assert_eq!(server.request(Method::GET, &path).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    server.stop();
}

/// Without this limit, a run that crashes the server would crash it again after each restart.
#[tokio::test]
async fn run_that_crashed_the_server_twice_is_given_up() {
    let sandbox = sandbox();
    let server = Server::start(&sandbox, "0");
    let path = server.create("k", &json!({"customer_id": "0001", "video": false})).await;
    let mut events = server.follow(&path, 0).await;
    while events.next().await.is_some() {}
    let folder = sandbox.artifacts().join(".serve/executions");
    let mut files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let record = files.find(|path| path.extension().is_some_and(|extension| extension == "json")).unwrap();
    let read = || -> Value { serde_json::from_slice(&std::fs::read(&record).unwrap()).unwrap() };
    server.stop();
    let mut job = read();
    // Put the record into the state that two kills of the server leave.
    assert_eq!(job["open_attempts"], 0, "a run that ended no longer counts");
    job["open_attempts"] = 2.into();
    job["ended"] = Value::Null;
    std::fs::write(&record, job.to_string()).unwrap();
    let server = Server::start(&sandbox, "0");
    let mut events = server.follow(&path, 0).await;
    while events.next().await.is_some() {}
    server.stop();
    let job = read();
    assert_eq!(job["ended"]["error"][0], "Run.Crashed", "{job}");
}

#[tokio::test]
async fn killed_server_resumes_its_run_and_event_numbers_after_restart() {
    let sandbox = sandbox();
    let server = Server::start(&sandbox, "0");
    let port = server.port().to_owned();
    let path = server.create("visit-1", &json!({"customer_id": "0001"})).await;
    let mut seen = Vec::new();
    server.follow(&path, 0).await.until(&mut seen, |event| event["kind"] == "progress").await;
    let read = server.get(&path).await;
    assert_eq!(read["status"], "running");
    assert!(read["text"][0]["body"].as_str().unwrap().contains("José"), "the text precedes the video: {read}");
    assert!(read.get("links").is_none() && read.get("outcome").is_none());
    drop(server);

    let server = Server::start(&sandbox, &port);
    let last = seen.last().unwrap()["number"].as_u64().unwrap();
    server.follow(&path, last).await.until(&mut seen, |event| event["kind"] == "end").await;
    let numbers: Vec<u64> = seen.iter().map(|event| event["number"].as_u64().unwrap()).collect();
    assert!(numbers.iter().zip(1..).all(|(n, expected)| *n == expected), "no event is lost or repeated: {numbers:?}");
    assert_eq!(
        server.get(&format!("{path}/events")).await["events"],
        json!(seen),
        "the list and the stream have the same events"
    );
    let kinds: Vec<&str> = seen.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    let position = |kind: &str| kinds.iter().position(|other| *other == kind).unwrap();
    assert!(position("text") < position("progress") && position("progress") < position("result"), "{kinds:?}");

    let read = server.get(&path).await;
    assert_eq!((&read["status"], &read["outcome"]), (&json!("done"), &json!("published")), "{read}");
    assert!(read["stages"].as_array().unwrap().iter().all(|stage| stage["status"] == "done"), "{}", read["stages"]);
    let offered: Vec<&Value> =
        read["candidates"].as_array().unwrap().iter().filter(|candidate| candidate["offered"] == true).collect();
    assert_eq!(offered.len(), read["offers"].as_array().unwrap().len());
    assert!(!read["offers"][0]["reasons"].as_array().unwrap().is_empty());
    assert!(read["checks"].as_array().unwrap().iter().all(|check| check["passed"] == true));
    assert_eq!(server.get("/v1/recommendations").await["items"][0]["outcome"], "published");

    // The video is seekable: its link does not need a token, and serves ranges.
    let video = format!("{}{}", server.address, read["links"]["video"].as_str().unwrap());
    let whole = server.http.get(&video).send().await.unwrap();
    assert_eq!(whole.headers()["content-type"], "video/mp4");
    assert_eq!(whole.headers()["accept-ranges"], "bytes");
    let whole = whole.bytes().await.unwrap();
    assert_eq!(&whole[4..8], b"ftyp");
    let ranged = server.http.get(&video).header("Range", "bytes=1000-1999").send().await.unwrap();
    assert_eq!(ranged.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(ranged.headers()["content-range"], format!("bytes 1000-1999/{}", whole.len()));
    assert_eq!(ranged.bytes().await.unwrap(), whole[1000..2000]);
    let beyond = server.http.get(&video).header("Range", "bytes=999999999-").send().await.unwrap();
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    for (name, kind) in
        [("captions", "text/vtt; charset=utf-8"), ("poster", "image/jpeg"), ("text", "text/plain; charset=utf-8")]
    {
        let address = format!("{}{}", server.address, read["links"][name].as_str().unwrap());
        let response = server.http.get(address).send().await.unwrap();
        assert_eq!((response.status(), response.headers()["content-type"].to_str().unwrap()), (StatusCode::OK, kind));
    }

    // A suppression takes effect immediately, even for earlier links.
    assert!(sandbox.run(&["suppress", "--customer", "0001"]).status.success());
    assert_eq!(server.http.get(&video).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    let read = server.get(&path).await;
    assert!(
        read.get("text").is_none() && read.get("links").is_none() && read["reason"]["code"] == "suppressed",
        "{read}"
    );
}

#[tokio::test]
async fn responses_for_refusals_and_unknown_customers_have_reasons() {
    let sandbox = sandbox();
    let server = Server::start(&sandbox, "0");
    let path = server.create("visit-1", &json!({"customer_id": "0003"})).await;
    let mut seen = Vec::new();
    server.follow(&path, 0).await.until(&mut seen, |event| event["kind"] == "end").await;
    assert!(seen.iter().all(|event| event["kind"] != "text"));
    let read = server.get(&path).await;
    assert_eq!((&read["outcome"], &read["reason"]["code"]), (&json!("skipped"), &json!("no-consent")), "{read}");

    let path = server.create("visit-2", &json!({"customer_id": "nobody"})).await;
    server.follow(&path, 0).await.until(&mut seen, |event| event["kind"] == "end").await;
    let read = server.get(&path).await;
    assert_eq!(
        (&read["status"], &read["reason"]["code"]),
        (&json!("failed"), &json!("Input.UnknownCustomer")),
        "{read}"
    );
    assert!(!read.to_string().contains("nobody"), "{read}");
}

#[tokio::test]
async fn missing_token_foreign_host_and_foreign_origin_are_refused() {
    let sandbox = sandbox();
    let server = Server::start(&sandbox, "0");
    let options = format!("{}/v1/options", server.address);
    let status = async |request: RequestBuilder| request.send().await.unwrap().status();
    assert_eq!(status(server.request(Method::GET, "/v1/options")).await, StatusCode::OK);
    assert_eq!(status(server.http.get(&options)).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(server.http.get(&options).bearer_auth("0".repeat(64))).await, StatusCode::UNAUTHORIZED);
    let rebound = server.request(Method::GET, "/v1/options").header("Host", "evil.example");
    assert_eq!(status(rebound).await, StatusCode::MISDIRECTED_REQUEST);
    let foreign = server.request(Method::GET, "/").header("Origin", "http://evil.example");
    assert_eq!(status(foreign).await, StatusCode::FORBIDDEN);
    let page = server.http.get(&server.address).send().await.unwrap();
    assert_eq!(page.status(), StatusCode::OK);
    assert!(!page.text().await.unwrap().contains(&server.token), "the page does not contain the token");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let token = sandbox.artifacts().join(".serve/token");
        assert_eq!(token.metadata().unwrap().permissions().mode() & 0o077, 0);
    }
}

#[tokio::test]
async fn uploads_are_stored_and_second_server_is_refused() {
    let sandbox = sandbox();
    let server = Server::start(&sandbox, "0");
    let response = server.request(Method::POST, "/v1/uploads").json(&json!({})).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let upload: Value = response.json().await.unwrap();
    for file in upload["files"].as_array().unwrap() {
        let bytes = std::fs::read(root().join("data").join(file["name"].as_str().unwrap())).unwrap();
        let put = server.request(Method::PUT, file["url"].as_str().unwrap()).body(bytes.clone()).send().await.unwrap();
        assert_eq!(put.status(), StatusCode::NO_CONTENT);
        let path = sandbox.artifacts().join("incoming").join(upload["id"].as_str().unwrap());
        assert_eq!(std::fs::read(path.join(file["name"].as_str().unwrap())).unwrap(), bytes);
    }
    for path in ["/v1/uploads/upload-none/customer_profile.xlsx", "/v1/uploads/local/customer_profile.xlsx"] {
        let put = server.request(Method::PUT, path).body("rows").send().await.unwrap();
        assert_eq!(put.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let second = sandbox.run(&["serve", "--port", "0"]);
    assert_eq!(second.status.code(), Some(5));
    assert!(String::from_utf8_lossy(&second.stderr).contains("error[Run.Busy]"));
}

/// A fake of the bank's system. It accepts every notification and passes its outcome on to the test.
struct Receiver(UnboundedSender<String>);

impl Respond for Receiver {
    fn respond(&self, request: &wiremock::Request) -> ResponseTemplate {
        let notification: Value = request.body_json().unwrap();
        self.0.send(notification["outcome"].as_str().unwrap().to_owned()).unwrap();
        ResponseTemplate::new(204)
    }
}

#[tokio::test]
async fn decisions_and_recalls_through_the_api_take_full_effect() {
    let (sender, mut outcomes) = unbounded_channel();
    let bank = MockServer::start().await;
    Mock::given(matchers::method("POST")).respond_with(Receiver(sender)).mount(&bank).await;
    let sandbox = sandbox();
    let path = sandbox.path().join("bespoke.toml");
    let settings = std::fs::read_to_string(&path).unwrap();
    let more = format!(
        "[local]\napprove_own = true\n[review]\nfirst = 1\n[delivery.webhook]\nurl = \"{}/notices\"\n",
        bank.uri()
    );
    std::fs::write(&path, format!("{settings}{more}")).unwrap();
    let run_command = || {
        let mut command = sandbox.command(&["run", "--customer", "0002", "--no-video", "--json"]);
        report(&command.env("BESPOKE_WEBHOOK_KEY", WEBHOOK_KEY).output().unwrap())["run"].as_str().unwrap().to_owned()
    };
    let run = run_command();
    assert_eq!(outcomes.recv().await.unwrap(), "in-review");

    let server = Server::start(&sandbox, "0");
    let review = server.get("/v1/reviews").await["items"][0].clone();
    assert!(review["text"][0]["body"].is_string() && review.get("links").is_none(), "{review}");
    let path = format!("/v1/reviews/{run}/{}", review["customer_ref"].as_str().unwrap());
    let decision = json!({"decision": "approve", "content_digest": review["content_digest"]});
    let decided = server.request(Method::POST, &path).json(&decision).send().await.unwrap();
    assert_eq!(decided.json::<Value>().await.unwrap(), json!({"decision": "approve", "outcome": "published"}));
    assert_eq!(outcomes.recv().await.unwrap(), "published");
    drop(server);
    assert_eq!(run_command(), run, "the repeated run reuses the approved result and writes a copy");
    let copy = sandbox.artifacts().join("output/recommendations.txt");
    assert!(copy.exists());

    let server = Server::start(&sandbox, "0");
    let path = format!("/v1/recommendations/{run}/recall");
    let reason = json!({"reason": "A wrong rate."});
    for time in ["first", "second"] {
        let recalled = server.request(Method::POST, &path).json(&reason).send().await.unwrap();
        assert_eq!(recalled.status(), StatusCode::NO_CONTENT, "the {time} recall");
        assert!(!copy.exists(), "the copy is removed before the response is sent");
    }
    loop {
        match outcomes.recv().await.unwrap().as_str() {
            "recalled" => break,
            // The killed server may not have recorded that it sent this notification, so it may send it again.
            repeated => assert_eq!(repeated, "published"),
        }
    }
    assert!(sandbox.files().iter().any(|path| path.ends_with("evidence.json")), "the evidence stays");
}
