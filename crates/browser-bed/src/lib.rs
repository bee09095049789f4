//! For tests: a headless Chromium with one page and a profile of its own, which is thrown away. It is told what a
//! person does with hands and waits for what a person sees; it never sleeps. Knows no page of ours.
//!
//! The browser is driven over its debugging pipe (Chrome `DevTools` Protocol): there is no port that a stranger could
//! find and no driver whose version must match, and the browser ends when the pipe does, however its owner ended.
//!
//! Everything here panics when the browser does not do what it is told within [`PATIENCE`]: the test has failed.
//!
//! ```no_run
//! use browser_bed::Browser;
//!
//! let mut browser = Browser::start();
//! browser.open("data:text/html,<button onclick='this.textContent=`pressed`'>press</button>");
//! browser.click("button");
//! browser.wait_until("document.querySelector('button').textContent === 'pressed'");
//! assert_eq!(browser.take_errors(), [""; 0]);
//! ```

mod keys;
mod pipe;

use std::{fs, path::Path, time::Duration};

use serde_json::{Value, json};

use pipe::Pipe;

/// How long the browser may take for anything; only a test that fails waits for it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The colours that the person prefers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// Dark letters on a light ground.
    Light,
    /// Light letters on a dark ground.
    Dark,
}

/// A running browser with one page. It ends with this value.
pub struct Browser {
    pipe: Pipe,
}

impl Browser {
    /// Starts one. Its window has 1280 × 800 points and the light colours.
    ///
    /// # Panics
    ///
    /// If there is no `chromium` on the path (Debian package `chromium`).
    pub fn start() -> Self {
        let mut browser = Self { pipe: Pipe::start() };
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            browser.pipe.ask(domain, &json!({}));
        }
        // Their width differs from one desktop to the next.
        browser
            .pipe
            .ask("Emulation.setScrollbarsHidden", &json!({"hidden": true}));
        browser.window(1280, 800);
        browser.colours(Colours::Light);
        browser
    }

    /// The id of the browser's process.
    pub fn process_id(&self) -> u32 {
        self.pipe.process_id()
    }

    /// Shows also pages whose certificate nobody signed.
    pub fn believe_any_certificate(&mut self) {
        self.pipe
            .ask("Security.setIgnoreCertificateErrors", &json!({"ignore": true}));
    }

    /// Goes to an address and waits until the page is loaded.
    pub fn open(&mut self, url: &str) {
        let loads = self.pipe.count("Page.loadEventFired");
        let answer = self.pipe.ask("Page.navigate", &json!({"url": url}));
        assert!(answer["errorText"].is_null(), "{url} does not open: {answer}");
        // Another place of the same page is there at once.
        if answer.get("loaderId").is_some() {
            self.pipe.wait_for_event("Page.loadEventFired", loads);
        }
    }

    /// The value of an expression in the page; a promise is waited for.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        match self.try_evaluate(expression) {
            Ok(value) => value,
            Err(why) => panic!("evaluate `{expression}`: {why}"),
        }
    }

    /// Waits until an expression is true, and gives its value. It may go wrong before, while a page goes to another.
    pub fn wait_until(&mut self, expression: &str) -> Value {
        // The page looks each time it is drawn. The answer is late only if the page went away meanwhile.
        let millis = PATIENCE.as_millis();
        let patient = format!(
            "new Promise(done => {{ const end = performance.now() + {millis}; const look = () => {{
                let seen; try {{ seen = ({expression}); }} catch {{ seen = false; }}
                if (seen) done(seen); else if (performance.now() > end) done(null); else requestAnimationFrame(look);
            }}; look(); }})"
        );
        let mut pages_left = 8;
        loop {
            match self.try_evaluate(&patient) {
                Ok(Value::Null) => panic!("it never was: {expression}\n{}", self.text()),
                Ok(value) => return value,
                Err(why) => {
                    pages_left -= 1;
                    assert!(pages_left > 0, "wait for `{expression}`: {why}");
                }
            }
        }
    }

    /// What can be read on the page.
    pub fn text(&mut self) -> String {
        let text = self.evaluate("document.body ? document.body.innerText : ''");
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Clicks into the middle of an element, once it can be seen.
    pub fn click(&mut self, selector: &str) {
        let (x, y) = self.middle_of(selector);
        self.mouse("mouseMoved", x, y, false);
        self.mouse("mousePressed", x, y, true);
        self.mouse("mouseReleased", x, y, false);
    }

    /// Drags one element onto another.
    pub fn drag(&mut self, from: &str, to: &str) {
        let (from_x, from_y) = self.middle_of(from);
        self.pipe
            .ask("Input.setInterceptDrags", &json!({"enabled": true}));
        let drags = self.pipe.count("Input.dragIntercepted");
        self.mouse("mouseMoved", from_x, from_y, false);
        self.mouse("mousePressed", from_x, from_y, true);
        // A hand that trembles drags nothing: it must move some points.
        self.mouse("mouseMoved", from_x + 4.0, from_y + 4.0, true);
        let drag = self.pipe.wait_for_event("Input.dragIntercepted", drags);
        let (x, y) = self.place_of(to);
        for kind in ["dragEnter", "dragOver", "drop"] {
            self.pipe.ask(
                "Input.dispatchDragEvent",
                &json!({"type": kind, "x": x, "y": y, "data": drag["data"]}),
            );
        }
        self.mouse("mouseReleased", x, y, false);
        self.pipe
            .ask("Input.setInterceptDrags", &json!({"enabled": false}));
    }

    /// Presses a key, such as `Enter`, `F10`, `a`, `Shift+Tab` or `Ctrl+i`.
    ///
    /// # Panics
    ///
    /// If the keyboard has no such key.
    pub fn press(&mut self, key: &str) {
        for event in keys::stroke(key) {
            self.pipe.ask("Input.dispatchKeyEvent", &event);
        }
    }

    /// Types a text, key by key.
    pub fn type_text(&mut self, text: &str) {
        for character in text.chars() {
            self.press(character.encode_utf8(&mut [0; 4]));
        }
    }

    /// Makes the window so many points wide and high: 360 wide is a phone.
    pub fn window(&mut self, width: u32, height: u32) {
        self.pipe.ask(
            "Emulation.setDeviceMetricsOverride",
            &json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}),
        );
    }

    /// Says which colours the person prefers.
    pub fn colours(&mut self, colours: Colours) {
        let value = match colours {
            Colours::Light => "light",
            Colours::Dark => "dark",
        };
        self.pipe.ask(
            "Emulation.setEmulatedMedia",
            &json!({"features": [{"name": "prefers-color-scheme", "value": value}]}),
        );
    }

    /// Writes a picture of the whole page as PNG, and makes the folder for it.
    pub fn screenshot(&mut self, path: &Path) {
        let taken = self.pipe.ask(
            "Page.captureScreenshot",
            &json!({"format": "png", "captureBeyondViewport": true}),
        );
        let text = taken["data"].as_str().unwrap_or_default();
        let png = data_encoding::BASE64
            .decode(text.as_bytes())
            .expect("the browser encodes what it takes");
        let written = path
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(path, png));
        if let Err(error) = written {
            panic!("write screenshot `{}`: {error}", path.display());
        }
    }

    /// What went wrong in the page since the last call: exceptions nobody caught, errors on its console, what its
    /// policies forbade, answers that were errors.
    pub fn take_errors(&mut self) -> Vec<String> {
        // Whatever was said before this answer has come with it.
        self.evaluate("0");
        self.pipe.take_errors()
    }

    /// What axe-core finds wrong for people who see, hear or move little: one line a finding. `axe` is its `axe.min.js`.
    ///
    /// # Panics
    ///
    /// If that file cannot be read.
    pub fn accessibility_violations(&mut self, axe: &Path) -> Vec<String> {
        let source = fs::read_to_string(axe).unwrap_or_else(|error| {
            panic!(
                "read axe-core `{}`: {error}; `npm ci` in ci/browser",
                axe.display()
            )
        });
        self.evaluate(&format!("{source};0"));
        let found = self.evaluate(
            "axe.run(document).then(result => result.violations.flatMap(rule => rule.nodes.map(node =>
                `${rule.id}: ${node.target.join(' ')}: ${node.failureSummary.replace(/\\s+/g, ' ')}`)))",
        );
        let found = found.as_array().expect("axe gives a list").iter();
        found
            .map(|line| line.as_str().unwrap_or_default().to_owned())
            .collect()
    }

    fn try_evaluate(&mut self, expression: &str) -> Result<Value, String> {
        let asked = self.pipe.try_ask(
            "Runtime.evaluate",
            &json!({"expression": expression, "awaitPromise": true, "returnByValue": true}),
        )?;
        match asked.get("exceptionDetails") {
            Some(why) => Err(pipe::exception(why)),
            None => Ok(asked["result"]["value"].clone()),
        }
    }

    /// Waits for an element, brings it into view, and gives its middle.
    fn middle_of(&mut self, selector: &str) -> (f64, f64) {
        let quoted = Value::from(selector);
        self.wait_until(&format!(
            "document.querySelector({quoted})?.getClientRects().length > 0"
        ));
        self.evaluate(&format!(
            "document.querySelector({quoted}).scrollIntoView({{block: 'center', behavior: 'instant'}})"
        ));
        self.place_of(selector)
    }

    fn place_of(&mut self, selector: &str) -> (f64, f64) {
        let quoted = Value::from(selector);
        let place = self.evaluate(&format!(
            "(() => {{ const box = document.querySelector({quoted}).getBoundingClientRect();
                return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        ));
        let along = |axis: usize| place[axis].as_f64().expect("a box has a middle");
        (along(0), along(1))
    }

    fn mouse(&mut self, kind: &str, x: f64, y: f64, is_held: bool) {
        self.pipe.ask(
            "Input.dispatchMouseEvent",
            &json!({
                "type": kind, "x": x, "y": y,
                "button": if kind == "mouseMoved" && !is_held { "none" } else { "left" },
                "buttons": i32::from(is_held),
                "clickCount": i32::from(kind != "mouseMoved"),
            }),
        );
    }
}
