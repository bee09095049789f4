//! The HTTP console in a headless Chromium, as somebody uses it. Pictures of it are kept in the folder
//! `target/tmp/screenshots`.

use std::path::Path;

use browser_bed::{Browser, Colours};
use serde_json::Value;

use crate::http_console::{Console, PASSWORD, administrator};

const AXE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../ci/browser/node_modules/axe-core/axe.min.js"
);

fn sees(browser: &mut Browser, text: &str) {
    let text = Value::from(text);
    browser.wait_until(&format!(
        "document.querySelector('main')?.textContent.includes({text})"
    ));
}

/// Axe finds nothing in either colours, on a desk and on a phone, where nothing is cut off.
fn judge(browser: &mut Browser, name: &str) {
    for (width, height, size) in [(1280, 800, "desk"), (360, 740, "phone")] {
        for colours in [Colours::Light, Colours::Dark] {
            browser.window(width, height);
            browser.colours(colours);
            let found = browser.accessibility_violations(Path::new(AXE));
            assert_eq!(found, [""; 0], "{name}, {size}, {colours:?}");
        }
        browser.colours(Colours::Light);
        assert_eq!(
            browser.evaluate("document.documentElement.scrollWidth <= innerWidth"),
            true,
            "{name}, {size}"
        );
        let picture = format!("screenshots/http-{name}-{size}.png");
        browser.screenshot(&Path::new(env!("CARGO_TARGET_TMPDIR")).join(picture));
    }
    browser.window(1280, 800);
}

fn log_in(browser: &mut Browser, password: &str) {
    browser.click("#name");
    browser.type_text("master");
    browser.press("Tab");
    browser.type_text(password);
    browser.press("Enter");
}

//= HC-01
//= HC-02
//= HT-01
#[test]
fn from_the_managers_address_to_a_login_a_new_password_five_idle_minutes_and_the_services_end() {
    let folder = tempfile::tempdir().expect("there is room");
    let mut console = Console::start(folder.path());
    let told = console.manager.ask("http_console.url").expect("it answers");
    let mut browser = Browser::start();
    browser.believe_any_certificate();
    browser.open(told["result"]["url"].as_str().expect("an address"));
    sees(&mut browser, "Login");
    judge(&mut browser, "login");

    log_in(&mut browser, "wrong words");
    sees(&mut browser, "Error 5002");
    judge(&mut browser, "refused");
    // The name stands there still.
    browser.click("#password");
    browser.type_text(PASSWORD);
    browser.press("Enter");
    sees(&mut browser, "Logged in from");
    assert_eq!(
        browser.evaluate("document.cookie"),
        "",
        "no script sees the cookie"
    );
    judge(&mut browser, "session");

    browser.click("nav a[href='/password']");
    sees(&mut browser, "Present password");
    browser.click("#old");
    for text in [PASSWORD, "other words", "other words"] {
        browser.type_text(text);
        browser.press("Tab");
    }
    browser.press("Enter");
    sees(&mut browser, "The password is changed.");
    judge(&mut browser, "password");

    browser.click("nav a[href='/users']");
    browser.click("#created");
    browser.type_text("ana");
    browser.press("Tab");
    browser.type_text("a password");
    browser.press("Enter");
    sees(&mut browser, "The user is created.");
    judge(&mut browser, "users");

    browser.click("nav a[href='/log']");
    sees(&mut browser, "user ana created");
    judge(&mut browser, "log");

    console.bench.advance(300_000);
    browser.click("nav a[href='/']");
    sees(&mut browser, "Login");
    log_in(&mut browser, "other words");
    sees(&mut browser, "Logged in from");

    // What was refused on the way was told to the browser as an error; nothing else was.
    let errors = browser.take_errors();
    assert!(errors.iter().all(|error| error.contains("403")), "{errors:?}");

    // The manager was as idle.
    console.manager = administrator(&console.bench);
    let answer = console.manager.ask("ops.stop_service").expect("it answers");
    assert!(answer.get("result").is_some(), "{answer}");
    console.bench.emulator.wait_for("HTTP console closed");
    browser.click("nav a[href='/log']");
    browser.wait_until("location.protocol === 'chrome-error:'");
    browser.screenshot(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots/http-stopped.png"));
}
