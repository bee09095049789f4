//! Images of every released version: all load, and the cards in them are what they were. A new version adds files and
//! changes none.

mod bench;

use std::{fs, path::PathBuf};

use bench::{Bench, QUERY, SELECT_APPLET, VERIFY_RIGHT};
use card_core::CardImage;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/images")
}

fn text(name: &str) -> String {
    fs::read_to_string(folder().join(name)).expect("a kept image")
}

fn card(name: &str) -> Bench {
    Bench::powered(CardImage::from_text(&text(name)).expect(name))
}

#[test]
fn every_image_of_every_version_loads_and_says_what_it_said() {
    let mut names: Vec<_> = fs::read_dir(folder())
        .expect("the folder of kept images")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("a name")
        })
        .collect();
    names.sort();
    let mut said = Vec::new();
    for name in &names {
        let mut bench = card(name);
        let status = bench.sends("80C002E018");
        let query = bench.sends(QUERY);
        bench.sends(SELECT_APPLET);
        let verify = bench.sends(VERIFY_RIGHT);
        said.push((
            name.as_str(),
            status[..14].to_owned(),
            query,
            verify,
            bench.sends("00B0810005"),
            bench.sends("00B0820004"),
        ));
    }
    let expected = [
        // Life cycle, LOCK1, LOCK2, SCR, MMPN, changes left; then the query, a right PIN, label and shadow.
        (
            "v1-blocked.card",
            "01810202070701",
            "6983",
            "6983",
            "6982",
            "6982",
        ),
        (
            "v1-demo.card",
            "01010202000701",
            "63C7",
            "9000",
            "616E616282",
            "53564D4B",
        ),
        (
            "v1-formatted.card",
            "01010202020701",
            "63C5",
            "9000",
            "416C696365",
            "DEADBEEF",
        ),
        (
            "v1-sealed.card",
            "01020302020700",
            "63C5",
            "9000",
            "416C696282",
            "DEADBEEF",
        ),
        ("v1-virgin.card", "01000000000700", "6985", "6985", "6982", "6982"),
        (
            "v2-change-cut-off.card",
            "01010202020701",
            "63C5",
            "9000",
            "416C696365",
            "DEADBEEF",
        ),
        (
            "v2-formatted.card",
            "01010202020701",
            "63C5",
            "9000",
            "416C696365",
            "DEADBEEF",
        ),
        (
            "v2-sealed-erasable.card",
            "01020302020F00",
            "63CD",
            "9000",
            "416C696282",
            "DEADBEEF",
        ),
        (
            "v2-sealed.card",
            "01020302020700",
            "63C5",
            "9000",
            "416C696282",
            "DEADBEEF",
        ),
        (
            "v2-update-cut-off.card",
            "01010202020701",
            "63C5",
            "9000",
            "6282",
            "6282",
        ),
        ("v2-virgin.card", "01000000000700", "6985", "6985", "6982", "6982"),
    ];
    for (said, expected) in said.iter().zip(expected) {
        let (name, status, query, verify, label, shadow) = said;
        assert_eq!(
            (*name, &status[..], &query[..], &verify[..]),
            (expected.0, expected.1, expected.2, expected.3)
        );
        for (read, expected) in [(label, expected.4), (shadow, expected.5)] {
            assert!(read.starts_with(expected), "{name}: {read}");
        }
    }
    assert_eq!(
        said.len(),
        expected.len(),
        "an image was added or lost: {names:?}"
    );
}

#[test]
fn an_image_of_this_version_is_written_back_to_the_byte_and_an_older_one_becomes_it() {
    for entry in fs::read_dir(folder()).expect("the folder of kept images") {
        let name = entry
            .expect("an entry")
            .file_name()
            .into_string()
            .expect("a name");
        let image = CardImage::from_text(&text(&name)).expect(&name);
        let written = image.to_text();
        assert!(written.contains("\nversion = 2\n"));
        assert_eq!(CardImage::from_text(&written), Ok(image));
        if name.starts_with("v2-") {
            assert_eq!(written, text(&name), "{name}");
        }
    }
}

/// The PIN of version 1 counts in either state, and can be changed where it could.
#[test]
fn a_pin_of_version_1_can_be_changed_once() {
    let change = "8024000008 12345678 11223344";
    let mut bench = card("v1-formatted.card");
    assert_eq!(bench.sends(change), "9000");
    assert_eq!(bench.cut().sends(VERIFY_RIGHT), "63C6");
    assert_eq!(card("v1-sealed.card").sends(change), "6985");
}
