//! The HTTP console in a headless Chromium, as somebody uses it. Pictures of it are kept in the folder
//! `target/tmp/screenshots`.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use browser_bed::{Browser, Colours};
use serde_json::Value;
use terminal_bed::TerminalBed;

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

/// The client of this build, which no test of this crate would build.
fn client() -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--bins", "-p", "hsm-client-app"])
        .args((!cfg!(debug_assertions)).then_some("--release"))
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
        .status();
    assert!(
        built.expect("cargo runs this test").success(),
        "the client is built"
    );
    Path::new(env!("CARGO_BIN_EXE_hsm-emulator")).with_file_name("hsm-client")
}

/// A person at the client, who opens the fourth tab: the address that the opener was started with.
fn opened_by_the_client(console: &Console) -> String {
    let bed = TerminalBed::new(80, 24, "screen");
    let folder = bed.folder().display().to_string();
    let opener = bed.folder().join("opener");
    // The file is there when it is whole.
    let script = format!("#!/bin/sh\nprintf '%s' \"$*\" > {folder}/new && mv {folder}/new {folder}/opened\n");
    fs::write(&opener, script).expect("there is room");
    fs::set_permissions(&opener, PermissionsExt::from_mode(0o700)).expect("it is ours");
    bed.run(&format!(
        "XDG_CONFIG_HOME={folder} {} --opener {folder}/opener console {}",
        client().display(),
        console.bench.emulator.address()
    ));
    bed.wait_for("[ Connect ]");
    bed.keys(&["Enter"]);
    bed.wait_for("First use");
    bed.wait_for("Service  running");
    bed.keys(&["Enter"]);
    bed.wait_until("the question is gone", |screen| !screen.contains("First use"));
    bed.keys(&["4"]);
    bed.wait_for("▸ [ Open HTTP console ]");
    bed.keys(&["Enter"]);
    let opened = bed.folder().join("opened");
    // Whoever starts a browser does not wait for it, so that no screen says when it was.
    bed.wait_until("the opener was started", |_| opened.exists());
    let address = fs::read_to_string(opened).expect("it was seen");
    bed.keys(&["x"]);
    bed.wait_for("ended-with-0");
    address
}

//= HC-01
//= HC-02
//= HT-01
#[test]
fn from_the_clients_fourth_tab_to_a_key_a_new_password_five_idle_minutes_and_the_services_end() {
    let folder = tempfile::tempdir().expect("there is room");
    let mut console = Console::start(folder.path());
    // There is room for one manager: this one leaves for the client.
    let left = console.manager.ask("session.close").expect("it answers");
    assert!(left.get("result").is_some(), "{left}");
    console.bench.emulator.wait_for("session ended");
    let address = opened_by_the_client(&console);
    assert_eq!(address, format!("https://{}/", console.address));
    console.bench.emulator.wait_for("session ended");
    let mut browser = Browser::start();
    browser.believe_any_certificate();
    browser.open(&address);
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

    // A key, by keyboard alone from its name on.
    browser.click("nav a[href='/keys']");
    sees(&mut browser, "There is no key here.");
    judge(&mut browser, "no-keys");
    browser.click("#created");
    browser.type_text("signing-2026");
    browser.press("Tab");
    // The kinds of keys, the curve P-256 by its first letters.
    browser.type_text("ec");
    browser.press("Tab");
    browser.type_text("Invoices <b>");
    browser.press("Enter");
    sees(&mut browser, "The key is created.");
    sees(&mut browser, "signing-2026");
    sees(&mut browser, "Invoices <b>");
    judge(&mut browser, "keys");
    browser.click("td a");
    sees(&mut browser, "-----BEGIN PUBLIC KEY-----");
    judge(&mut browser, "key");
    browser.click("form[action='/keys/block'] button");
    sees(&mut browser, "The key is blocked.");
    judge(&mut browser, "key-blocked");
    browser.click("form[action='/keys/release'] button");
    sees(&mut browser, "The key is released.");
    // The browser itself asks for the tick.
    browser.click("form[action='/keys/remove'] button");
    assert_eq!(
        browser.evaluate("document.querySelector('[name=sure]').validity.valueMissing"),
        true
    );
    sees(&mut browser, "The key is released.");

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
    browser.click("td a[href='/users/user?name=ana']");
    sees(&mut browser, "Block");
    judge(&mut browser, "user");
    browser.click("form[action='/users/block'] button");
    sees(&mut browser, "The user is blocked.");
    judge(&mut browser, "user-blocked");

    browser.click("nav a[href='/log']");
    sees(&mut browser, "user ana created");
    judge(&mut browser, "log");
    browser.click("a[href='/log/follow']");
    sees(&mut browser, "New lines come");
    assert_eq!(console.try_login("nobody", "wrong+words").status, 403);
    sees(&mut browser, "login of nobody refused");
    judge(&mut browser, "log-followed");

    console.bench.advance(300_000);
    sees(&mut browser, "No more lines come here.");
    browser.click("nav a[href='/']");
    sees(&mut browser, "Login");
    log_in(&mut browser, "other words");
    sees(&mut browser, "Logged in from");
    browser.click("nav a[href='/keys']");
    sees(&mut browser, "signing-2026");

    // What was refused on the way was told to the browser as an error; nothing else was.
    let errors = browser.take_errors();
    assert!(errors.iter().all(|error| error.contains("403")), "{errors:?}");

    console.manager = administrator(&console.bench);
    let answer = console.manager.ask("ops.stop_service").expect("it answers");
    assert!(answer.get("result").is_some(), "{answer}");
    console.bench.emulator.wait_for("HTTP console closed");
    browser.click("nav a[href='/log']");
    // The browser's own page, laid out: it has no width while it comes.
    browser.wait_until(
        "location.protocol === 'chrome-error:' && document.readyState === 'complete' \
         && document.body.scrollWidth > 0 && document.body.innerText.trim() !== ''",
    );
    browser.screenshot(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots/http-stopped.png"));
}
