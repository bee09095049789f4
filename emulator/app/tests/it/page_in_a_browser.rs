//! The bench's page in a headless Chromium, as somebody uses it: hands, eyes, and what a screen reader is told. Pictures
//! of it are kept in the folder `target/tmp/screenshots`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use apdu::Csn;
use browser_bed::{Browser, Colours};
use card_core::{CardImage, Personalisation, profile};
use serde_json::Value;
use tempfile::TempDir;

use crate::{custodian::present, emulator::demo, hand::Bench, manager::Manager};

const PIN: &str = "12345678";
const AXE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../ci/browser/node_modules/axe-core/axe.min.js"
);

/// A bench and a browser on its page.
struct Desk {
    bench: Bench,
    browser: Browser,
    folder: TempDir,
}

impl Desk {
    /// On the state and the cards of a folder, time standing still.
    fn at(folder: TempDir) -> Self {
        let cards = folder.path().join("cards");
        let cards = cards.to_str().expect("it is UTF-8");
        let bench = Bench::start_with(folder.path(), &["--clock", "manual", "--cards", cards]);
        let output = bench.shell(&["page"]);
        let url = String::from_utf8(output.stdout).expect("it is text");
        let mut browser = Browser::start();
        browser.window(1440, 900);
        browser.open(url.trim_end());
        browser.wait_until("document.getElementById('screen')?.textContent.includes('Local Management')");
        // The address says nothing any more, and scripts do not see the cookie.
        assert_eq!(
            browser.evaluate("location.href"),
            format!("http://{}/", bench.address)
        );
        assert_eq!(browser.evaluate("document.cookie"), "");
        Self {
            bench,
            browser,
            folder,
        }
    }

    fn sees(&mut self, selector: &str, text: &str) {
        let (selector, text) = (Value::from(selector), Value::from(text));
        self.browser.wait_until(&format!(
            "document.querySelector({selector})?.textContent.includes({text})"
        ));
    }

    fn screen_shows(&mut self, text: &str) {
        self.sees("#screen", text);
    }

    /// Chooses an entry of the menu, with the arrow keys.
    fn choose(&mut self, entry: &str) {
        /// More than any menu has entries.
        const MOVES_MAX: usize = 16;
        let quoted = Value::from(entry);
        self.browser.wait_until(&format!(
            "document.querySelector('#screen mark') && document.getElementById('screen').textContent.includes({quoted})"
        ));
        for _ in 0..MOVES_MAX {
            let marked = self
                .browser
                .evaluate("document.querySelector('#screen mark').textContent");
            let marked = marked.as_str().expect("a text").to_owned();
            if marked.trim().trim_end_matches([' ', '▸']) == entry {
                self.browser.press("Enter");
                return;
            }
            self.browser.press("ArrowDown");
            self.browser.wait_until(&format!(
                "document.querySelector('#screen mark').textContent !== {}",
                Value::from(marked)
            ));
        }
        panic!("no menu with `{entry}`:\n{}", self.bench.screen());
    }

    fn enter(&mut self, text: &str) {
        self.browser.type_text(text);
        self.browser.press("Enter");
    }

    /// Drags a card into the slot, and goes back to the console.
    fn drag(&mut self, holder: &str) {
        self.browser
            .drag(&format!("[data-card$='/{holder}.card']"), "#slot");
        self.sees("#slot .card", holder);
        self.browser.click("#console");
    }

    fn take_out(&mut self) {
        self.browser.click("#take-out");
        self.sees("#slot", "No card");
        self.browser.click("#console");
    }

    fn screenshot(&mut self, name: &str) {
        self.browser
            .screenshot(&Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("screenshots/{name}.png")));
    }

    /// Nothing went wrong that the page did not expect.
    fn end(mut self) {
        assert_eq!(self.browser.take_errors(), [""; 0]);
    }
}

/// A folder with formatted cards, and no device yet.
fn table(holders: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().expect("there is room");
    let cards = folder.path().join("cards");
    fs::create_dir(&cards).expect("there is room");
    for (number, holder) in (1..).zip(holders) {
        let image = CardImage::personalised(&Personalisation {
            csn: Csn::from_random([number; 16]),
            pin: PIN,
            label: "",
            shadow: &[],
            card_type: profile::CARD_TYPE,
            presentations_max: profile::PRESENTATIONS_MAX,
        });
        let image = image.expect("it is a card").to_text();
        fs::write(cards.join(format!("{holder}.card")), image.as_bytes()).expect("there is room");
    }
    folder
}

fn card(folder: &TempDir, holder: &str) -> PathBuf {
    folder.path().join(format!("cards/{holder}.card"))
}

#[test]
fn from_the_first_boot_to_an_armed_device_a_manager_and_the_end_of_two_minutes() {
    let mut desk = Desk::at(table(&["ana", "bruno", "carla"]));
    desk.screen_shows("fresh/first time HSM boot");
    desk.screenshot("first-boot");

    // A set of two cards is made, each dragged into the slot.
    desk.browser.click("#console");
    desk.browser.press("ArrowRight");
    desk.browser
        .wait_until("document.querySelectorAll('#screen mark')[1]?.textContent.includes('Yes')");
    desk.browser.press("Enter");
    desk.choose("Create Server Master Key");
    desk.screen_shows("M of N scheme");
    desk.enter("2");
    desk.screen_shows("Cards needed, from 2 to 2:");
    desk.enter("2");
    desk.screen_shows("Insert card 1 of 2");
    for (holder, label, then) in [
        ("ana", "first", "Card 1 was written."),
        ("bruno", "second", "The set is complete"),
    ] {
        desk.drag(holder);
        desk.browser.press("Enter");
        desk.screen_shows("PIN");
        desk.enter(PIN);
        desk.screen_shows("abel");
        desk.screenshot(&format!("card-of-{holder}"));
        desk.enter(label);
        desk.screen_shows(then);
        desk.take_out();
    }

    // The set activates the device.
    desk.browser.press("Enter");
    desk.screen_shows("Copy Card");
    desk.browser.press("Escape");
    desk.screen_shows("Do you want to load smart card manager?");
    desk.browser.press("Enter");
    desk.screen_shows("Please, enter start PIN");
    desk.drag("ana");
    desk.enter(PIN);
    desk.screen_shows("next start PIN");
    desk.take_out();
    desk.drag("bruno");
    desk.enter(PIN);
    desk.sees("#lamps", "in memory");
    desk.take_out();

    // Armed: it accepts a manager.
    desk.choose("Remote Management");
    desk.sees("#lamps", "enabled");
    desk.screen_shows("ready to process remote commands");
    desk.screenshot("armed");

    // A manager comes, and a custodian shows a card.
    let mut manager = Manager::connect(desk.bench.emulator.address());
    manager.receive().expect("it greets");
    desk.sees("#manager", "127.0.0.1:");
    desk.screen_shows("active manager: 127.0.0.1");
    present(&mut manager, &card(&desk.folder, "ana"));
    desk.sees("#ceremony", "1 of 2 cards");
    desk.sees("#limits", "Inactivity of the manager");
    desk.screenshot("manager");
    desk.browser.colours(Colours::Dark);
    desk.screenshot("manager-dark");
    desk.browser.colours(Colours::Light);

    // One second less than two minutes, and the rest.
    desk.browser.click("[data-ms='60000']");
    desk.sees("#clock", "60.000 s");
    desk.browser.click("#advance-secs");
    desk.browser.type_text("59.999");
    desk.browser.press("Enter");
    desk.sees("#clock", "119.999 s");
    desk.sees("#limits", "0.001 s");
    desk.sees("#manager", "127.0.0.1:");
    desk.browser.click("[data-ms='1000']");
    desk.sees("#manager", "Nobody");
    desk.sees("#ceremony", "No custodian process");
    desk.sees("#log", "custodian process reset: interval");
    desk.sees("#log", "session ended");
    let last = std::iter::from_fn(|| manager.receive())
        .last()
        .expect("something was said");
    assert_eq!(last["method"], "session.closing", "it ended for the manager, too");
    desk.screenshot("two-minutes-later");
    desk.end();
}

/// What has the focus: its name for a person.
const FOCUSED: &str = "(() => { const now = document.activeElement;
    return now === document.body ? 'the page'
        : now.getAttribute('aria-label') ?? now.labels?.[0]?.textContent.trim() ?? now.textContent.trim().slice(0, 40); })()";

#[test]
fn everything_can_be_done_with_the_keyboard_alone() {
    let mut desk = Desk::at(demo());
    let mut stops = Vec::new();
    loop {
        desk.browser.press("Tab");
        let stop = desk.browser.evaluate(FOCUSED);
        let stop = stop.as_str().expect("a text").to_owned();
        if stop == "the page" || stops.contains(&stop) {
            break;
        }
        let is_seen = "(() => { const look = getComputedStyle(document.activeElement);
            return look.outlineStyle === 'solid' && parseFloat(look.outlineWidth) >= 3; })()";
        assert_eq!(
            desk.browser.evaluate(is_seen),
            true,
            "it is not seen that `{stop}` has the focus"
        );
        stops.push(stop);
    }
    insta::with_settings!({omit_expression => true, prepend_module_to_snapshot => false}, {
        insta::assert_snapshot!("page-focus-order", stops.join("\n"));
    });

    // A card goes in and comes out.
    let go_to = |desk: &mut Desk, name: &str| {
        for _ in 0..100 {
            if desk.browser.evaluate(FOCUSED) == name {
                return;
            }
            desk.browser.press("Tab");
        }
        panic!("nobody comes to `{name}` with Tab");
    };
    go_to(&mut desk, "Put in ana");
    desk.browser.press("Enter");
    desk.sees("#slot .card", "ana");
    go_to(&mut desk, "Take out");
    desk.browser.press("Enter");
    desk.sees("#slot", "No card");

    // The console takes keys and lets go; its own Tab is Ctrl+I.
    go_to(&mut desk, "Console, 80 by 25 characters");
    desk.browser.type_text("1");
    desk.screen_shows("*");
    desk.browser.press("Backspace");
    desk.browser
        .wait_until("!document.getElementById('screen').textContent.includes('*')");
    desk.browser.press("Ctrl+i");
    assert_eq!(desk.browser.evaluate(FOCUSED), "Console, 80 by 25 characters");
    desk.browser.press("Shift+Tab");
    assert_ne!(desk.browser.evaluate(FOCUSED), "Console, 80 by 25 characters");

    // Time, power and faults.
    go_to(&mut desk, "+1 s");
    desk.browser.press("Enter");
    desk.sees("#clock", "1.000 s");
    go_to(&mut desk, "A write takes at least, ms");
    desk.browser.type_text("500");
    desk.browser.press("Enter");
    desk.sees("#wrong", "A write takes");
    go_to(&mut desk, "Nothing goes wrong");
    desk.browser.press("Enter");
    desk.sees("#wrong", "Nothing goes wrong");
    go_to(&mut desk, "Pull the cable");
    desk.browser.press("Enter");
    desk.sees("#lamps", "no mains");
    go_to(&mut desk, "Mains back");
    desk.browser.press("Enter");
    desk.sees("#lamps li", "on");
    desk.end();
}

#[test]
fn nobody_is_shut_out_by_the_look_of_it() {
    let mut desk = Desk::at(demo());
    let mut manager = Manager::connect(desk.bench.emulator.address());
    manager.receive().expect("it greets");
    present(&mut manager, &card(&desk.folder, "ana"));
    desk.sees("#ceremony", "1 of 2 cards");
    desk.browser.click("summary");
    for (colours, name) in [(Colours::Light, "light"), (Colours::Dark, "dark")] {
        desk.browser.colours(colours);
        for (width, height, window) in [(1440, 900, "wide"), (1024, 768, "middle"), (360, 640, "phone")] {
            desk.browser.window(width, height);
            let found = desk.browser.accessibility_violations(Path::new(AXE));
            assert_eq!(found, [""; 0], "{name}, {window}");
            assert_eq!(
                desk.browser
                    .evaluate("document.documentElement.scrollWidth <= innerWidth"),
                true,
                "{name}, {window}: it does not fit"
            );
            desk.screenshot(&format!("{window}-{name}"));
        }
    }
    desk.browser.window(1440, 900);
    // The way in, for somebody who has no session.
    let mut stranger = Browser::start();
    stranger.open(&format!("http://{}/", desk.bench.address));
    assert_eq!(stranger.accessibility_violations(Path::new(AXE)), [""; 0]);
    stranger.screenshot(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots/way-in.png"));
    assert_eq!(stranger.take_errors(), [""; 0]);
    desk.end();
}

#[test]
fn what_other_hands_do_is_seen_and_a_refusal_is_told() {
    let mut desk = Desk::at(demo());
    desk.bench.keys(&["Esc"]);
    desk.sees("#log", "remote management disabled by Esc");
    desk.bench.faults(&serde_json::json!({"write_hangs": true}));
    desk.sees("#wrong", "Writes hang.");
    desk.bench.faults(&serde_json::json!({}));
    desk.sees("#wrong", "Nothing goes wrong.");
    desk.browser.click("[data-power=on]");
    desk.sees(
        "#notice",
        "change the power: expected a device that is off, got one that is not",
    );
    // Answers that are errors are told by the browser, too.
    let errors = desk.browser.take_errors();
    assert!(errors.len() == 1 && errors[0].contains("409"), "{errors:?}");
    desk.browser.click("[data-power=cut]");
    desk.sees("#lamps", "no mains");
    assert_eq!(
        desk.browser
            .evaluate("document.getElementById('notice').textContent"),
        ""
    );
    desk.browser
        .wait_until("document.getElementById('screen').textContent.trim() === ''");
    // The emulator ends under the page.
    desk.bench.emulator.signal("-TERM");
    assert!(desk.bench.emulator.end().success());
    desk.sees("#notice", "Does the emulator still run?");
}

#[test]
fn an_address_opens_the_page_once() {
    let folder = demo();
    let bench = Bench::start(folder.path());
    let url = String::from_utf8(bench.shell(&["page"]).stdout).expect("it is text");
    let mut first = Browser::start();
    first.open(url.trim_end());
    first.wait_until("document.getElementById('console')");
    // Read anew, it is the page still.
    first.open(&format!("http://{}/", bench.address));
    first.wait_until("document.getElementById('console')");
    let mut second = Browser::start();
    second.open(url.trim_end());
    second.wait_until(
        "document.getElementById('notice').textContent.includes('expected an address that was not used yet')",
    );
    assert_eq!(second.evaluate("location.hash"), "");
}
