//! The bed itself, with pages that are made up here.

use std::{fs, net::TcpListener, path::Path};

use browser_bed::{Browser, Colours};

fn page(html: &str) -> String {
    let encoded = data_encoding::BASE64.encode(html.as_bytes());
    format!("data:text/html;charset=utf-8;base64,{encoded}")
}

#[test]
fn hands_are_seen_by_the_page() {
    let mut browser = Browser::start();
    browser.open(&page(
        "<title>t</title><input id=a><button id=b onclick='this.textContent=a.value'>press</button>",
    ));
    browser.press("Tab");
    browser.type_text("Hi 7.");
    browser.click("#b");
    browser.wait_until("b.textContent === 'Hi 7.'");
    browser.press("Shift+Tab");
    browser.press("End");
    browser.press("Backspace");
    browser.press("Tab");
    browser.press("Enter");
    browser.wait_until("b.textContent === 'Hi 7'");
    assert_eq!(browser.take_errors(), [""; 0]);
}

#[test]
fn something_is_dragged_where_it_may_be_dropped() {
    let mut browser = Browser::start();
    browser.open(&page(
        "<p draggable=true ondragstart='event.dataTransfer.setData(`text/plain`, `ace`)'>card</p>
         <div style='height:2000px'></div>
         <div id=slot ondragover='event.preventDefault()'
            ondrop='event.preventDefault(); this.textContent=event.dataTransfer.getData(`text/plain`)'>slot</div>",
    ));
    browser.window(800, 2400);
    browser.drag("p", "#slot");
    browser.wait_until("slot.textContent === 'ace'");
}

#[test]
fn what_goes_wrong_in_a_page_is_told_once() {
    let mut browser = Browser::start();
    browser.open(&page(
        "<meta http-equiv=Content-Security-Policy content=\"script-src 'unsafe-inline'; img-src 'none'\">
         <img src='http://127.0.0.1:9/x'><script>console.error('alas'); setTimeout(() => { throw new Error('oh') })</script>",
    ));
    browser.wait_until("true");
    let mut errors = browser.take_errors();
    while errors.len() < 3 {
        errors.extend(browser.take_errors());
    }
    let all = errors.join("\n");
    assert!(
        all.contains("alas") && all.contains("Error: oh") && all.contains("Content Security Policy"),
        "{all}"
    );
    assert_eq!(browser.take_errors(), [""; 0]);
}

#[test]
fn the_window_and_the_colours_are_those_that_were_chosen() {
    let mut browser = Browser::start();
    let dark = "matchMedia('(prefers-color-scheme: dark)').matches";
    assert_eq!(browser.evaluate(dark), false);
    browser.colours(Colours::Dark);
    browser.window(360, 640);
    assert_eq!(browser.evaluate(dark), true);
    assert_eq!(browser.evaluate("innerWidth"), 360);
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("made/for it.png");
    browser.screenshot(&path);
    let png = fs::read(&path).expect("it was written");
    // The signature of PNG, and width and height of its first chunk.
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    assert_eq!(&png[16..24], &[0, 0, 1, 104, 0, 0, 2, 128]);
}

#[test]
fn axe_finds_what_nobody_could_read() {
    let axe = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../ci/browser/node_modules/axe-core/axe.min.js"
    ));
    let mut browser = Browser::start();
    browser.open(&page(
        "<!doctype html><html lang=en><title>t</title><main><h1>h</h1><img src='data:,'></main>",
    ));
    let found = browser.accessibility_violations(axe);
    assert!(
        found.len() == 1 && found[0].starts_with("image-alt: "),
        "{found:?}"
    );
}

#[test]
fn an_address_that_nobody_serves_is_told() {
    let free = TcpListener::bind("127.0.0.1:0")
        .expect("a port is free")
        .local_addr()
        .expect("it has one");
    let told = std::panic::catch_unwind(|| Browser::start().open(&format!("http://{free}/")));
    let told = told.expect_err("nobody is there");
    let told = told.downcast_ref::<String>().expect("it is a sentence");
    assert!(told.contains("does not open"), "{told}");
}

/// Whether a process of this group is there, and is no corpse.
fn lives(group: u32) -> bool {
    let processes = fs::read_dir("/proc").expect("there is one").flatten();
    let stats = processes.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    // After the name in parentheses: state, parent, group.
    stats
        .filter_map(|stat| stat.rsplit_once(") ").map(|(_, rest)| rest.to_owned()))
        .any(|rest| {
            let fields: Vec<_> = rest.split(' ').take(3).collect();
            fields[0] != "Z" && fields[2] == group.to_string()
        })
}

#[test]
fn nothing_of_a_browser_outlives_it() {
    let browser = Browser::start();
    let group = browser.process_id();
    assert!(lives(group));
    drop(browser);
    // What was killed needs a moment to go.
    while lives(group) {}
}
