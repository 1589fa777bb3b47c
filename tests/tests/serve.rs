//! `bespoke serve` as a process: a customer's recommendation over HTTP from the call to a video that seeks, also when the
//! server is killed in between; and who gets nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use bespoke_tests::{Sandbox, report, root};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use wiremock::{Mock, MockServer, Respond, ResponseTemplate, matchers};

const WEBHOOK_KEY: &str = "whsec-0123456789abcdef0123456789abcdef";

/// A server that runs until it is dropped.
struct Server {
    process: Child,
    address: String,
    token: String,
    http: reqwest::Client,
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended needs no killing.
        let _gone = self.process.kill();
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
        let mut told = String::new();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        while !told.ends_with('}') {
            told.push_str(&lines.next().expect("the server ended before it listened").unwrap());
        }
        let told: Value = serde_json::from_str(&told).unwrap();
        let text = |field: &str| told[field].as_str().unwrap().to_owned();
        Self { process, address: text("address"), token: text("token"), http: outbound::client().unwrap() }
    }

    fn port(&self) -> &str {
        self.address.rsplit_once(':').unwrap().1
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.address)).bearer_auth(&self.token)
    }

    async fn get(&self, path: &str) -> Value {
        let response = self.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    async fn begin(&self, key: &str, body: &Value) -> String {
        let call = self.request(Method::POST, "/v1/recommendations").header("Idempotency-Key", key);
        let response = call.json(body).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::ACCEPTED, "{}", response.text().await.unwrap());
        response.headers()["location"].to_str().unwrap().to_owned()
    }

    async fn follow(&self, place: &str, last: u64) -> Stream {
        let call = self.request(Method::GET, &format!("{place}/events")).header("Accept", "text/event-stream");
        let response = call.header("Last-Event-ID", last.to_string()).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Stream { response, rest: String::new() }
    }
}

/// The events of a response that stays open.
struct Stream {
    response: Response,
    rest: String,
}

impl Stream {
    /// The next event; nothing once the server has closed the stream.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some((message, rest)) = self.rest.split_once("\n\n") {
                let field = |name: &str| message.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let found = field("data: ").zip(field("id: "));
                let length = self.rest.len() - rest.len();
                self.rest.drain(..length);
                let Some((data, id)) = found else { continue };
                let event: Value = serde_json::from_str(&data).unwrap();
                assert_eq!(event["n"].to_string(), id);
                return Some(event);
            }
            let chunk = self.response.chunk().await.ok().flatten()?;
            self.rest.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn until(&mut self, seen: &mut Vec<Value>, wanted: impl Fn(&Value) -> bool) {
        loop {
            let event = self.next().await.expect("the stream ended early");
            let found = wanted(&event);
            seen.push(event);
            if found {
                return;
            }
        }
    }
}

#[tokio::test]
async fn a_server_killed_while_it_renders_goes_on_where_it_was_and_so_do_the_numbers_of_the_events() {
    let sandbox = sandbox();
    let server = Server::start(&sandbox, "0");
    let port = server.port().to_owned();
    let place = server.begin("visit-1", &json!({"customer_id": "0001"})).await;
    let mut seen = Vec::new();
    server.follow(&place, 0).await.until(&mut seen, |event| event["kind"] == "progress").await;
    let read = server.get(&place).await;
    assert_eq!(read["state"], "running");
    assert!(read["text"][0]["body"].as_str().unwrap().contains("José"), "the text is there before the video: {read}");
    assert!(read.get("links").is_none() && read.get("outcome").is_none());
    drop(server);

    let server = Server::start(&sandbox, &port);
    let last = seen.last().unwrap()["n"].as_u64().unwrap();
    server.follow(&place, last).await.until(&mut seen, |event| event["kind"] == "end").await;
    let numbers: Vec<u64> = seen.iter().map(|event| event["n"].as_u64().unwrap()).collect();
    assert!(numbers.iter().zip(1..).all(|(n, expected)| *n == expected), "none lost, none twice: {numbers:?}");
    assert_eq!(server.get(&format!("{place}/events")).await["events"], json!(seen), "by asking, they are the same");
    let kinds: Vec<&str> = seen.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    let place_of = |kind: &str| kinds.iter().position(|other| *other == kind).unwrap();
    assert!(place_of("text") < place_of("progress") && place_of("progress") < place_of("result"), "{kinds:?}");

    let read = server.get(&place).await;
    assert_eq!((&read["state"], &read["outcome"]), (&json!("done"), &json!("published")), "{read}");
    assert!(read["stages"].as_array().unwrap().iter().all(|stage| stage["state"] == "done"), "{}", read["stages"]);
    let offered: Vec<&Value> =
        read["candidates"].as_array().unwrap().iter().filter(|one| one["offered"] == true).collect();
    assert_eq!(offered.len(), read["offers"].as_array().unwrap().len());
    assert!(!read["offers"][0]["reasons"].as_array().unwrap().is_empty());
    assert!(read["checks"].as_array().unwrap().iter().all(|check| check["passed"] == true));
    assert_eq!(server.get("/v1/recommendations").await["items"][0]["outcome"], "published");

    // The video seeks: its link needs no header, and any part of it can be had.
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

    // What control/ says counts from now on, also for links that were given before.
    assert!(sandbox.run(&["suppress", "--customer", "0001"]).status.success());
    assert_eq!(server.http.get(&video).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    let read = server.get(&place).await;
    assert!(
        read.get("text").is_none() && read.get("links").is_none() && read["reason"]["code"] == "suppressed",
        "{read}"
    );
}

#[tokio::test]
async fn a_customer_who_refused_gets_nothing_and_the_reason_is_told() {
    let sandbox = sandbox();
    let server = Server::start(&sandbox, "0");
    let place = server.begin("visit-1", &json!({"customer_id": "0003"})).await;
    let mut seen = Vec::new();
    server.follow(&place, 0).await.until(&mut seen, |event| event["kind"] == "end").await;
    assert!(seen.iter().all(|event| event["kind"] != "text"));
    let read = server.get(&place).await;
    assert_eq!((&read["outcome"], &read["reason"]["code"]), (&json!("skipped"), &json!("no-consent")), "{read}");

    let place = server.begin("visit-2", &json!({"customer_id": "nobody"})).await;
    server.follow(&place, 0).await.until(&mut seen, |event| event["kind"] == "end").await;
    let read = server.get(&place).await;
    assert_eq!(
        (&read["state"], &read["reason"]["code"]),
        (&json!("failed"), &json!("Input.UnknownCustomer")),
        "{read}"
    );
    assert!(!read.to_string().contains("nobody"), "{read}");
}

#[tokio::test]
async fn nobody_without_the_token_or_by_another_name_gets_anything() {
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
    assert!(!page.text().await.unwrap().contains(&server.token), "the page itself knows no token");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let token = sandbox.artifacts().join(".serve/token");
        assert_eq!(token.metadata().unwrap().permissions().mode() & 0o077, 0);
    }
}

#[tokio::test]
async fn workbooks_are_put_one_by_one_and_a_second_server_is_refused() {
    let sandbox = sandbox();
    let server = Server::start(&sandbox, "0");
    let response = server.request(Method::POST, "/v1/uploads").json(&json!({})).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let upload: Value = response.json().await.unwrap();
    for file in upload["files"].as_array().unwrap() {
        let bytes = std::fs::read(root().join("data").join(file["name"].as_str().unwrap())).unwrap();
        let put = server.request(Method::PUT, file["put"].as_str().unwrap()).body(bytes.clone()).send().await.unwrap();
        assert_eq!(put.status(), StatusCode::NO_CONTENT);
        let path = sandbox.artifacts().join("incoming").join(upload["upload"].as_str().unwrap());
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

/// The bank's own system: takes every notice and tells its outcome.
struct Receiver(UnboundedSender<String>);

impl Respond for Receiver {
    fn respond(&self, request: &wiremock::Request) -> ResponseTemplate {
        let notice: Value = request.body_json().unwrap();
        self.0.send(notice["outcome"].as_str().unwrap().to_owned()).unwrap();
        ResponseTemplate::new(204)
    }
}

#[tokio::test]
async fn a_decision_and_a_recall_by_the_api_do_what_the_commands_do() {
    let (told, mut outcomes) = unbounded_channel();
    let bank = MockServer::start().await;
    Mock::given(matchers::method("POST")).respond_with(Receiver(told)).mount(&bank).await;
    let sandbox = sandbox();
    let path = sandbox.path().join("bespoke.toml");
    let settings = std::fs::read_to_string(&path).unwrap();
    let more = format!("[review]\nfirst = 1\n[delivery.webhook]\nurl = \"{}/notices\"\n", bank.uri());
    std::fs::write(&path, format!("{settings}{more}")).unwrap();
    let make = || {
        let mut command = sandbox.command(&["run", "--customer", "0002", "--no-video", "--json"]);
        report(&command.env("BESPOKE_WEBHOOK_KEY", WEBHOOK_KEY).output().unwrap())["run"].as_str().unwrap().to_owned()
    };
    let run = make();
    assert_eq!(outcomes.recv().await.unwrap(), "in-review");

    let server = Server::start(&sandbox, "0");
    let waiting = server.get("/v1/reviews").await["items"][0].clone();
    assert!(waiting["text"][0]["body"].is_string() && waiting.get("links").is_none(), "{waiting}");
    let place = format!("/v1/reviews/{run}/{}", waiting["customer_ref"].as_str().unwrap());
    let decision = json!({"decision": "approve", "seen": waiting["seen"]});
    let decided = server.request(Method::POST, &place).json(&decision).send().await.unwrap();
    assert_eq!(decided.json::<Value>().await.unwrap(), json!({"decision": "approve", "outcome": "published"}));
    assert_eq!(outcomes.recv().await.unwrap(), "published");
    drop(server);
    assert_eq!(make(), run, "the same run finds what was approved, and leaves a copy of it");
    let copy = sandbox.artifacts().join("output/recommendations.txt");
    assert!(copy.exists());

    let server = Server::start(&sandbox, "0");
    let place = format!("/v1/recommendations/{run}/recall");
    let why = json!({"reason": "A wrong rate."});
    for time in ["first", "second"] {
        let recalled = server.request(Method::POST, &place).json(&why).send().await.unwrap();
        assert_eq!(recalled.status(), StatusCode::NO_CONTENT, "the {time} time");
        assert!(!copy.exists(), "the copy is gone as soon as the answer is there");
    }
    loop {
        match outcomes.recv().await.unwrap().as_str() {
            "recalled" => break,
            // The server was killed, perhaps before it knew that this notice had arrived.
            again => assert_eq!(again, "published"),
        }
    }
    assert!(sandbox.files().iter().any(|path| path.ends_with("evidence.json")), "the evidence stays");
}
