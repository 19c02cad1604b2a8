//! A real browser: headless Chromium, driven over WebDriver by its own driver.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::block_in_place;

/// How WebDriver names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Says what has the focus, and what is typed there.
const FOCUS: &str = "const at = document.activeElement; return [at.cloneNode().outerHTML, at.value]";

/// Keys that are no characters, as WebDriver names them.
pub const ENTER: &str = "\u{e007}";
pub const ESCAPE: &str = "\u{e00c}";
pub const TAB: &str = "\u{e004}";

/// A browser with one page.
pub struct Browser {
    driver: Driver,
    session: String,
}

impl Browser {
    /// Starts one with a window of this size.
    pub fn start(width: u32, height: u32) -> Self {
        block_in_place(|| {
            let arguments = [
                "--headless=new".to_owned(),
                // Chromium's own sandbox does not work for root, as whom tests may run.
                "--no-sandbox".to_owned(),
                "--disable-dev-shm-usage".to_owned(),
                "--lang=en-US".to_owned(),
                format!("--window-size={width},{height}"),
            ];
            let wanted = json!({ "capabilities": { "alwaysMatch": {
                "goog:chromeOptions": { "args": arguments },
                "goog:loggingPrefs": { "browser": "ALL" },
                "unhandledPromptBehavior": "ignore",
            } } });
            let browser = begin(&wanted.to_string());
            // A window is wider than its page.
            let metrics =
                json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
            browser.devtools("Emulation.setDeviceMetricsOverride", metrics);
            browser
        })
    }

    /// Opens an address.
    pub fn open(&self, url: &str) {
        self.post("/url", json!({ "url": url }));
    }

    /// What this function of JavaScript returns in the page.
    pub fn script(&self, body: &str, arguments: Value) -> Value {
        self.post("/execute/sync", json!({ "script": body, "args": arguments }))
    }

    /// What a promise in the page comes to; the script calls its last argument with it.
    pub fn script_async(&self, body: &str) -> Value {
        self.post("/execute/async", json!({ "script": body, "args": [] }))
    }

    /// Waits until an expression of JavaScript is true in the page; returns what it is.
    ///
    /// # Panics
    /// After twenty seconds, with what the page shows.
    pub fn wait(&self, expression: &str) -> Value {
        let deadline = Instant::now() + Duration::from_secs(20);
        let body = format!("return {expression}");
        loop {
            let found = self.script(&body, json!([]));
            if !matches!(&found, Value::Null | Value::Bool(false)) {
                return found;
            }
            if Instant::now() > deadline {
                let (shown, at) = (self.text("body"), self.address());
                let focus = self.script(FOCUS, json!([]));
                panic!(
                    "in vain it was waited until {expression}; the page at {at} shows\n{shown}\nwith the focus on {focus}"
                );
            }
            block_in_place(|| std::thread::sleep(Duration::from_millis(30)));
        }
    }

    /// Waits until the page shows a text.
    pub fn sees(&self, text: &str) {
        self.wait(&format!("document.body.innerText.includes({})", json!(text)));
    }

    /// Waits until the page does not show a text.
    pub fn sees_no(&self, text: &str) {
        self.wait(&format!("!document.body.innerText.includes({})", json!(text)));
    }

    /// The text of an element as people see it.
    pub fn text(&self, css: &str) -> String {
        let found = self.script("return document.querySelector(arguments[0])?.innerText ?? ''", json!([css]));
        found.as_str().unwrap_or_default().to_owned()
    }

    /// Clicks the first element that is there, or comes, with this text.
    pub fn click(&self, css: &str, text: &str) {
        let found = format!(
            "[...document.querySelectorAll({})].find((element) => !element.matches(':disabled, [aria-disabled=true]') && element.textContent.trim().startsWith({})) ?? false",
            json!(css),
            json!(text)
        );
        self.on_element(&found, "click", json!({}));
    }

    /// Types into an element.
    pub fn fill(&self, css: &str, text: &str) {
        let found = format!("document.querySelector({}) ?? false", json!(css));
        self.on_element(&found, "value", json!({ "text": text }));
    }

    /// Does something with the element that an expression finds, now or later. What the page draws anew just then is found again.
    fn on_element(&self, found: &str, what: &str, body: Value) {
        for _ in 0..20 {
            let element = self.wait(found);
            let id = element[ELEMENT].as_str().expect("an element");
            let path = format!("/element/{id}/{what}");
            let (status, answer) = block_in_place(|| self.attempt("POST", &path, &body));
            if answer["value"]["error"] != "stale element reference" {
                assert_eq!(status, 200, "{what} {found} {body}: {answer}");
                return;
            }
        }
        panic!("the page draws it anew again and again: {found}");
    }

    /// Chooses from a list.
    pub fn choose(&self, css: &str, value: &str) {
        let option = format!("{css} option[value={}]", json!(value));
        self.wait(&format!("document.querySelector({}) ? true : false", json!(option)));
        let choose = "const list = document.querySelector(arguments[0]); list.value = arguments[1]; \
                      list.dispatchEvent(new Event('change', { bubbles: true }))";
        self.script(choose, json!([css, value]));
    }

    /// Presses keys where the focus is, one after the other.
    pub fn press(&self, keys: &str) {
        let each = keys.chars().flat_map(|key| {
            ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key.to_string() }))
        });
        let actions: Vec<Value> = each.collect();
        self.post("/actions", json!({ "actions": [{ "type": "key", "id": "keys", "actions": actions }] }));
    }

    /// Types a text where the focus is, and waits until it stands there whole.
    pub fn type_text(&self, text: &str) {
        self.press(text);
        self.wait(&format!("document.activeElement.value?.endsWith({}) ?? false", json!(text)));
    }

    /// The address of the page.
    pub fn address(&self) -> String {
        self.get("/url").as_str().unwrap_or_default().to_owned()
    }

    /// Goes back, as by the browser's button.
    pub fn back(&self) {
        self.post("/back", json!({}));
    }

    /// Asks what the developer tools can do.
    pub fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.post("/goog/cdp/execute", json!({ "cmd": command, "params": parameters }))
    }

    /// Takes the network away, or gives it back.
    pub fn set_network(&self, is_there: bool) {
        let speed =
            json!({ "offline": !is_there, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
        self.devtools("Network.enable", json!({}));
        self.devtools("Network.emulateNetworkConditions", speed);
    }

    /// What the browser complained about since it was asked last, but for answers that are no success: scripts that failed, and
    /// what the policy for content forbade.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", json!({ "type": "browser" }));
        let entries = log.as_array().cloned().unwrap_or_default();
        let bad = entries.iter().filter(|entry| entry["level"] == "SEVERE" && entry["source"] != "network");
        let texts = bad.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned());
        texts.filter(|text| !text.contains("WebSocket connection")).collect()
    }

    fn post(&self, path: &str, body: Value) -> Value {
        block_in_place(|| self.ask("POST", path, body))
    }

    fn get(&self, path: &str) -> Value {
        block_in_place(|| self.ask("GET", path, Value::Null))
    }

    fn ask(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.attempt(method, path, &body);
        let sent = || body.to_string().chars().take(500).collect::<String>();
        assert_eq!(status, 200, "{method} {path} {}: {answer}", sent());
        answer["value"].clone()
    }

    /// The status and the answer.
    fn attempt(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let path = format!("/session/{}{path}", self.session);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.driver.exchange(method, &path, &body)
    }
}

/// Begins a session. While others keep all processors busy, a browser may not come up within the time that its driver gives it: then
/// another one is started.
fn begin(wanted: &str) -> Browser {
    let mut refusal = Value::Null;
    for _ in 0..3 {
        let driver = start_driver();
        let (status, answer) = driver.exchange("POST", "/session", wanted);
        if status == 200 {
            let session = answer["value"]["sessionId"].as_str().expect("a session").to_owned();
            return Browser { driver, session };
        }
        refusal = answer;
    }
    panic!("no browser starts: {refusal}");
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver ends its browser with the session.
        let path = format!("/session/{}", self.session);
        block_in_place(|| self.driver.exchange("DELETE", &path, ""));
    }
}

/// The program that drives a browser; it ends with it.
struct Driver {
    child: Child,
    address: String,
}

impl Driver {
    /// Sends a request, and reads the answer, after which the driver keeps the connection.
    fn exchange(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).expect("the driver listens");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("it is set");
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(format!("{head}{body}").as_bytes()).expect("the request goes out");
        let mut reader = BufReader::new(stream);
        let (mut status, mut length) = (0, 0);
        for line in reader.by_ref().lines().map(|line| line.expect("a line of the answer")) {
            if line.is_empty() {
                break;
            }
            if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                status = rest[..3].parse().expect("a status");
            } else if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut answer = vec![0; length];
        reader.read_exact(&mut answer).expect("the answer comes");
        (status, serde_json::from_slice(&answer).unwrap_or_default())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start_driver() -> Driver {
    // It ends at once if another one takes the port that it has found.
    (0..5).find_map(|_| driver_that_listens()).expect("it says its port")
}

fn driver_that_listens() -> Option<Driver> {
    let mut child = Command::new("chromedriver")
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver is there: scripts/test installs it (Debian: apt-get install chromium chromium-driver)");
    let mut lines = BufReader::new(child.stdout.take().expect("an output")).lines();
    let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
        Some(line.split("started successfully on port ").nth(1)?.trim_end_matches('.').to_owned())
    });
    let Some(port) = port else {
        let _ = child.wait();
        return None;
    };
    Some(Driver { child, address: format!("127.0.0.1:{port}") })
}
