//! `new`, `inspect`, `apdu`, `completions` and `man`.

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _, path::Path};

use serde_json::Value;

use crate::cards::{folder_with_card, make, run, stderr, stdout};

/// 32 digits, none of which is a byte below 10: what `new` draws.
const CSN: &str = "C0134DC1D56E707A2EF933F25BED9F10";

//= SC-01
#[test]
fn inspect_shows_the_rows_of_the_vendors_screen_and_needs_no_pin() {
    let folder = tempfile::tempdir().unwrap();
    let card = folder.path().join("ana.card");
    make(&card, &["--csn", "15C00000E3A81710006F0000FF000010"]);
    let shown = run(&["inspect"], &[&card]);
    assert_eq!(
        stdout(&shown),
        "ATR        : 3B:7A:94:00:00:80:65:A2:01:01:01:3D:72:D6:43\n\
         CSN        : 15C000E3A8171006F00FF0010\n\
         Family     : Gemplus Generic Product\n\
         Card Name  : GemXpresso Pro R3.x\n\
         Card OS    : OSv09\n\
         Prog Ver   : 01\n\
         Chip Ver   : 38\n\
         LOCK1 byte : 02\n\
         LOCK2 byte : 02\n\
         Card Type  : SmOe\n\
         PIN Locked : no (one more PIN change allowed)\n\
         PIN SCR    : 0\n\
         PIN MMPN   : 7\n\
         Formatted  : yes\n\
         Tries Left : 7\n\
         Shadow     : 0 bytes\n",
        "{shown:?}"
    );
    assert_eq!(shown.status.code(), Some(0));
}

//= CD-02
//= CD-11
#[test]
fn every_field_of_inspect_is_a_value_of_its_maker() {
    let folder = tempfile::tempdir().unwrap();
    let card = folder.path().join("ana.card");
    make(
        &card,
        &[
            "--csn",
            CSN,
            "--mmpn",
            "15",
            "--card-type",
            "Test",
            "--product",
            "a3020a07ff",
        ],
    );
    let shown: Value = serde_json::from_str(&stdout(&run(&["inspect", "--json"], &[&card]))).unwrap();
    let expected = serde_json::json!({
        "atr": "3B:7A:94:00:00:80:65:A2:01:01:01:3D:72:D6:43",
        "blocked": false, "card_name": "unknown (02)", "card_os": "OSv0A", "card_type": "Test",
        "chip_version": "FF", "csn": CSN, "csn_bytes": CSN, "family": "unknown (A3)", "formatted": true,
        "lock1": "02", "lock2": "02", "pin_changes_left": 1, "pin_locked": false, "pin_mmpn": 15, "pin_scr": 0,
        "program_version": "07", "shadow_bytes": 0, "tries_left": 15,
    });
    assert_eq!(shown, expected);
    let mode = fs::metadata(&card).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);

    let virgin = folder.path().join("virgin.card");
    assert!(run(&["new", "--virgin"], &[&virgin]).status.success());
    let shown: Value = serde_json::from_str(&stdout(&run(&["inspect", "--json"], &[&virgin]))).unwrap();
    assert_eq!(
        (&shown["formatted"], &shown["lock1"]),
        (&false.into(), &"00".into())
    );
}

//= CD-02
#[test]
fn no_two_cards_print_alike() {
    let folder = tempfile::tempdir().unwrap();
    let mut prints = BTreeSet::new();
    for number in 0..20 {
        let card = folder.path().join(format!("{number}.card"));
        let made = run(&["new", "--pin-env", "PIN"], &[&card]);
        assert!(prints.insert(stdout(&made).trim().to_owned()), "{made:?}");
    }
    assert!(prints.iter().all(|print| print.len() == 32), "{prints:?}");

    // Two numbers that differ, and print alike.
    let (one, other) = ("0123".repeat(8), format!("{}{}", "1203", "0123".repeat(7)));
    let made = |csn: &str, name: &str| {
        run(
            &["new", "--pin-env", "PIN", "--csn", csn],
            &[&folder.path().join(name)],
        )
    };
    assert_eq!(made(&one, "one.card").status.code(), Some(0));
    let refused = made(&other, "other.card");
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert!(
        stderr(&refused).contains("one.card` prints as 123"),
        "{refused:?}"
    );
    assert!(!folder.path().join("other.card").exists());
}

#[test]
fn a_card_is_made_whole_or_not_at_all() {
    let folder = folder_with_card();
    let card = folder.path().join("bruno.card");
    let (pin, short) = (folder.path().join("pin"), folder.path().join("short"));
    fs::write(&pin, "12345678\nand more\n").unwrap();
    fs::write(&short, "1234567\n").unwrap();
    for (words, said) in [
        (
            ["--pin-file", short.to_str().unwrap()],
            "expected a PIN of 8 digits",
        ),
        (["--pin-env", "NO_SUCH_PIN"], "no text `NO_SUCH_PIN`"),
        (["--pin-file", "/nonexistent"], "read PIN file `/nonexistent`"),
        (["--mmpn", "16"], "expected an MMPN of 1 to 15, got 16"),
        (["--csn", "00"], "expected 32 hexadecimal digits"),
        (["--card-type", "Sm\"e"], "expected 4 letters or digits"),
        (["--product", "A2"], "expected 10 hexadecimal digits"),
    ] {
        let pin_words: &[&str] = if words[0].starts_with("--pin") {
            &[]
        } else {
            &["--pin-env", "PIN"]
        };
        let refused = run(&[&["new"], &words[..], pin_words].concat(), &[&card]);
        assert!(matches!(refused.status.code(), Some(2 | 5)), "{refused:?}");
        assert!(stderr(&refused).contains(said), "{refused:?}");
        assert!(!card.exists(), "{words:?}");
    }
    let label = "x".repeat(65);
    let refused = run(&["new", "--pin-env", "PIN", "--label", &label], &[&card]);
    assert!(
        stderr(&refused).contains("at most 64 bytes, got 65"),
        "{refused:?}"
    );
    let made = run(
        &[
            "new",
            "--pin-file",
            pin.to_str().unwrap(),
            "--label",
            &label[..64],
        ],
        &[&card],
    );
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    let text = fs::read_to_string(&card).unwrap();
    let again = run(&["new", "--pin-env", "PIN"], &[&card]);
    assert_eq!(again.status.code(), Some(5));
    assert!(stderr(&again).contains("there is a file already"), "{again:?}");
    assert_eq!(fs::read_to_string(&card).unwrap(), text);
}

#[test]
fn apdus_are_sent_as_they_stand_and_shown_with_their_answers_but_never_a_pin() {
    let folder = folder_with_card();
    let card = folder.path().join("ana.card");
    let script = folder.path().join("script");
    fs::write(
        &script,
        "# the label\n\n00 A4 00 0C 02 0100   # the directory\n00:20:00:00:08:31:32:33:34:35:36:37:38\n\
         00b0810003\nreset\n00B08100 03\n",
    )
    .unwrap();
    let sent = run(&["apdu", "--script", script.to_str().unwrap()], &[&card]);
    let atr = "< 3B:7A:94:00:00:80:65:A2:01:01:01:3D:72:D6:43";
    let expected = format!(
        "reset\n{atr}\n> 00A4000C020100\n< 9000 (done)\n> 0020000008 (8 bytes not shown)\n< 9000 (done)\n\
         > 00B0810003\n< 416E61 9000 (done)\nreset\n{atr}\n> 00B0810003\n< "
    );
    assert!(stdout(&sent).starts_with(&expected), "{sent:?}");
    assert_eq!(sent.status.code(), Some(0));
    assert!(!stdout(&sent).contains("3132333435"), "{sent:?}");

    let words = [
        "apdu",
        card.to_str().unwrap(),
        "80 C0 02 E1 00",
        "00200000083030303030303030",
    ];
    let sent = run(&words, &[]);
    assert!(
        stdout(&sent).ends_with("< 6C10 (ask again with Le 16)\n> 0020000008 (8 bytes not shown)\n< 63C6 (wrong PIN, 6 tries left)\n"),
        "{sent:?}"
    );
}

#[test]
fn a_script_that_is_not_understood_reaches_no_card() {
    let folder = folder_with_card();
    let card = folder.path().join("ana.card");
    let script = folder.path().join("script");
    let before = fs::read_to_string(&card).unwrap();
    let wrong = "00200000083030303030303030\n";
    let long = format!("{wrong}{}", "00".repeat(4_097));
    let endless = format!("{wrong}#{}", "x".repeat(1_048_576));
    for (text, said) in [
        (format!("{wrong}00A4x0\n"), "script`, line 2: decode hex"),
        (format!("{wrong}00A\n"), "script`, line 2: decode hex"),
        (long, "line 2: expected 1 to 4096 bytes, got 4097"),
        (endless, "expected at most 1048576 bytes, got more"),
    ] {
        fs::write(&script, text).unwrap();
        let refused = run(&["apdu", "--script", script.to_str().unwrap()], &[&card]);
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(stderr(&refused).contains(said), "{refused:?}");
        assert!(refused.stdout.is_empty());
    }
    assert_eq!(fs::read_to_string(&card).unwrap(), before);
    let none = run(&["apdu", "--script", "/nonexistent"], &[&card]);
    assert_eq!(none.status.code(), Some(5), "{none:?}");
}

#[test]
fn completions_and_pages_are_printed_for_every_command() {
    let script = stdout(&run(&["completions", "bash"], &[]));
    for command in ["new", "inspect", "vicc", "insert", "remove", "apdu"] {
        assert!(
            script.contains(&format!(
                "        virtual__card__subcmd__{command})\n            opts="
            )),
            "{command}: {script}"
        );
        let page = stdout(&run(&["man"], &[Path::new(command)]));
        assert!(
            page.contains(&format!("virtual\\-card\\-{command}")),
            "{command}: {page}"
        );
    }
    assert!(stdout(&run(&["man"], &[])).contains("virtual\\-card"));
    assert_eq!(run(&["man", "none"], &[]).status.code(), Some(2));
}
