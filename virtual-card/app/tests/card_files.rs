//! Cards on disk: who may open one, what is refused, and what is left of a file afterwards.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]
#![expect(clippy::print_stderr, reason = "a skip says why")]

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::Path,
};

use apdu::{Csn, ReaderAnswer, ReaderCommand};
use card_core::{CardImage, Personalisation, profile};
use program::ExitCode;
use virtual_card::{CardFile, IMAGE_BYTES_MAX};

const RIGHT: &[u8] = b"\x00\x20\x00\x00\x0812345678";
const WRONG: &[u8] = b"\x00\x20\x00\x00\x0800000000";

fn image() -> CardImage {
    CardImage::personalised(&Personalisation {
        csn: Csn(*b"a card of tests!"),
        pin: "12345678",
        label: "Ana",
        shadow: &[],
        card_type: profile::CARD_TYPE,
        presentations_max: profile::PRESENTATIONS_MAX,
    })
    .unwrap()
}

fn present(card: &mut CardFile, tpdu: &[u8]) -> String {
    match card.answer(&ReaderCommand::Transmit(tpdu.to_vec())) {
        ReaderAnswer::Response(response) => response.status.to_string(),
        other => format!("{other:?}"),
    }
}

fn check_refused(path: &Path, exit_code: ExitCode, said: &str) {
    let refused = CardFile::open(path).expect_err("it is no card to open");
    let shown = refused.to_string();
    assert!(shown.contains(said), "{shown}");
    assert!(shown.contains(&path.display().to_string()), "{shown}");
    assert_eq!(refused.exit_code(), exit_code, "{shown}");
}

//= CD-10
#[test]
fn tries_survive_the_program_and_the_right_pin_clears_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ana.card");
    let mut card = CardFile::create(&path, image()).unwrap();
    card.answer(&ReaderCommand::PowerOn);
    assert_eq!(present(&mut card, WRONG), "63C6 (wrong PIN, 6 tries left)");
    drop(card);

    let mut card = CardFile::open(&path).unwrap();
    assert_eq!(
        present(&mut card, WRONG),
        "CardMute",
        "without power it hears nothing"
    );
    card.answer(&ReaderCommand::PowerOn);
    assert_eq!(present(&mut card, WRONG), "63C5 (wrong PIN, 5 tries left)");
    assert_eq!(present(&mut card, RIGHT), "9000 (done)");
    assert_eq!(card.answer(&ReaderCommand::PowerOff), ReaderAnswer::PoweredOff);
    drop(card);

    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(CardImage::from_text(&text).unwrap(), image());
}

#[test]
fn a_card_is_held_by_one_program() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ana.card");
    let card = CardFile::create(&path, image()).unwrap();
    check_refused(&path, ExitCode::InUse, "in use by another program");
    // The same card by another way to its folder.
    let roundabout = folder.path().join(".").join("ana.card");
    check_refused(&roundabout, ExitCode::InUse, "in use by another program");
    drop(card);
    CardFile::open(&path).unwrap();
}

#[test]
fn a_new_card_is_private_and_never_takes_the_place_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ana.card");
    CardFile::create(&path, image()).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    let again = CardFile::create(&path, CardImage::virgin(Csn([0; 16]))).unwrap_err();
    assert!(again.to_string().contains("there is a file already"), "{again}");
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(CardImage::from_text(&text).unwrap(), image());
}

#[test]
fn a_rewritten_card_keeps_its_mode() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ana.card");
    drop(CardFile::create(&path, image()).unwrap());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let mut card = CardFile::open(&path).unwrap();
    card.answer(&ReaderCommand::PowerOn);
    present(&mut card, WRONG);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
}

#[test]
fn a_damaged_card_is_refused_with_its_line_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ana.card");
    let text = image().to_text();
    let long = "#".repeat(usize::try_from(IMAGE_BYTES_MAX).unwrap() + 1);
    for (contents, said) in [
        (
            text.replace("try_counter = 0", "try_counter = 16").as_bytes(),
            "line 11",
        ),
        (text.replace("version = 2", "version = 9").as_bytes(), "line 2"),
        (&text.as_bytes()[..text.len() / 2], "line "),
        (b"".as_slice(), "line 1"),
        (b"# fine\n\xFF\n".as_slice(), "line 2: expected UTF-8"),
        (long.as_bytes(), "expected at most 65536 bytes"),
    ] {
        fs::write(&path, contents).unwrap();
        check_refused(&path, ExitCode::WrongState, said);
        assert_eq!(fs::read(&path).unwrap(), contents, "{said}");
    }
}

#[test]
fn what_is_no_file_of_ours_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ana.card");
    check_refused(&path, ExitCode::InputOutput, "there is no such file");
    let names = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(names, 0, "a name that nobody has leaves no lock behind");
    check_refused(folder.path(), ExitCode::InputOutput, "got a folder");

    drop(CardFile::create(&path, image()).unwrap());
    let link = folder.path().join("link.card");
    symlink(&path, &link).unwrap();
    check_refused(&link, ExitCode::InputOutput, "got a symbolic link");
    check_refused(Path::new("/dev/null"), ExitCode::InputOutput, "got a device");

    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&path).is_ok() {
        eprintln!("skipped: whoever runs this test may read every file, so that no file can be forbidden");
        return;
    }
    check_refused(&path, ExitCode::InputOutput, "no permission");
}

//= CD-04
#[test]
fn a_card_that_cannot_be_written_falls_silent_and_gives_no_try() {
    let folder = tempfile::tempdir().unwrap();
    let room = folder.path().join("cards");
    fs::create_dir(&room).unwrap();
    let path = room.join("ana.card");
    let mut card = CardFile::create(&path, image()).unwrap();
    card.answer(&ReaderCommand::PowerOn);
    // A folder that is gone refuses everybody, root too.
    fs::rename(&room, folder.path().join("moved")).unwrap();

    assert_eq!(present(&mut card, RIGHT), "CardMute");
    let failure = card.failure().expect("it says why").to_string();
    assert!(failure.starts_with("write card `"), "{failure}");
    fs::rename(folder.path().join("moved"), &room).unwrap();
    assert_eq!(present(&mut card, RIGHT), "CardMute", "until it is opened again");
    assert_eq!(card.image(), None);
    drop(card);

    let mut card = CardFile::open(&path).unwrap();
    card.answer(&ReaderCommand::PowerOn);
    assert_eq!(present(&mut card, RIGHT), "9000 (done)");
}

//= CD-04
#[test]
fn the_faults_beside_a_card_go_with_it_and_begin_when_it_is_put_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ana.card");
    drop(CardFile::create(&path, image()).unwrap());
    let faults = folder.path().join("ana.card.fault");
    fs::write(
        &faults,
        "version = 1\n[[fault]]\nkind = \"loses_contact\"\nwrites = 1\n",
    )
    .unwrap();
    for tries in 1..=2 {
        let mut card = CardFile::open(&path).unwrap();
        card.answer(&ReaderCommand::PowerOn);
        assert_eq!(present(&mut card, RIGHT), "CardRemoved", "at each time");
        let counted = card.image().unwrap().try_counter();
        assert_eq!(counted, tries, "the try was counted and not forgotten");
    }
    fs::remove_file(&faults).unwrap();
    let mut card = CardFile::open(&path).unwrap();
    card.answer(&ReaderCommand::PowerOn);
    assert_eq!(present(&mut card, RIGHT), "9000 (done)");
}

#[test]
fn faults_that_cannot_be_read_keep_the_card_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ana.card");
    drop(CardFile::create(&path, image()).unwrap());
    let faults = folder.path().join("ana.card.fault");
    let check = |said: &str| check_refused(&path, ExitCode::WrongState, said);
    fs::write(&faults, "version = 1\n[[fault]]\nkind = \"bored\"\n").unwrap();
    check("ana.card.fault`: read faults of a card, line 3");
    fs::write(&faults, [0xFF]).unwrap();
    check("expected UTF-8");
    let text = "version = 1\n";
    let padded = |len: usize| text.to_owned() + &" ".repeat(len - text.len());
    fs::write(&faults, padded(65_536)).unwrap();
    drop(CardFile::open(&path).unwrap());
    fs::write(&faults, padded(65_537)).unwrap();
    check("expected at most 65536 bytes, got more");
    fs::remove_file(&faults).unwrap();
    fs::create_dir(&faults).unwrap();
    check("expected a file, got something else");
}
