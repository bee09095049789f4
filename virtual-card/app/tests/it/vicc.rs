//! A card in a reader that behaves as the stock driver does.

use std::{
    fs,
    net::TcpStream,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
};

use crate::{
    cards::{Vicc, folder_with_card, make, run, stderr, stdout},
    stock::{ATR, Dialog, Slot},
};

const VERIFY: &[u8] = b"\x00\x20\x00\x00\x0812345678";
const VERIFY_WRONG: &[u8] = b"\x00\x20\x00\x00\x0800000000";
const STATUS: &[u8] = b"\x80\xC0\x02\xE0\x18";

#[test]
fn a_card_answers_as_the_driver_wants_it() {
    let (folder, slot) = (folder_with_card(), Slot::new());
    let _vicc = Vicc::connecting(folder.path(), slot.address(), &[]);
    let mut card = slot.card();
    assert_eq!(
        card.ask(b"\x80\xC0\x02\xE1\x00"),
        [0x6C, 0x10],
        "nothing is resolved on the way"
    );
    assert_eq!(card.ask(VERIFY), [0x90, 0x00]);

    // Without power it tells its answer to reset, and to a command that it is gone.
    card.tell(&[0]);
    assert_eq!(card.ask(&[4]), ATR);
    assert_eq!(card.ask(STATUS), b"");

    // A control that nobody defined, and a message without a byte, have no answer; glued messages have theirs in turn.
    card.write(b"\x00\x01\x03\x00\x00\x00\x01\x02\x00\x01\x04\x00\x05\x80\xC0\x02\xE1\x10");
    assert_eq!(card.hear().unwrap(), ATR);
    assert_eq!(card.hear().unwrap().len(), 18);
}

//= CD-09
#[test]
fn the_longest_message_is_answered_too() {
    let (folder, slot) = (folder_with_card(), Slot::new());
    let _vicc = Vicc::connecting(folder.path(), slot.address(), &[]);
    let mut card = slot.card();
    for len in [2, 3, 261, 65_535] {
        let answer = card.ask(&vec![0; len]);
        assert_eq!(answer.len(), 2, "{len} bytes: {answer:02X?}");
    }
    assert_eq!(card.ask(STATUS).len(), 26);
}

//= CD-08
//= CD-10
#[test]
fn it_comes_back_to_a_reader_that_starts_again_without_power_and_with_its_tries() {
    let (folder, slot) = (folder_with_card(), Slot::new());
    let address = slot.address();
    let mut vicc = Vicc::connecting(folder.path(), address, &[]);
    let mut card = slot.card();
    assert_eq!(card.ask(VERIFY_WRONG), [0x63, 0xC6]);
    drop((card, slot));
    vicc.wait_for("trying again");
    for tries in [0xC5, 0xC4] {
        let slot = Slot::at(address);
        let mut card = slot.card();
        assert_eq!(card.ask(VERIFY_WRONG), [0x63, tries]);
    }
    let slot = Slot::at(address);
    let mut card = slot.card();
    assert_eq!(card.ask(VERIFY), [0x90, 0x00]);
    assert_eq!(card.ask(b"\x00\xA4\x00\x0C\x02\x01\x00"), [0x90, 0x00]);
    assert_eq!(card.ask(b"\x00\xB0\x81\x00\x03"), b"Ana\x90\x00");
    drop(card);
    let mut card = slot.card();
    assert_eq!(card.ask(b"\x00\xA4\x00\x0C\x02\x01\x00"), [0x90, 0x00]);
    assert_eq!(card.ask(b"\x00\xB0\x81\x00\x03"), [0x69, 0x82]);
}

#[test]
fn it_waits_for_a_reader_that_is_not_there_yet_and_is_ready_when_that_has_spoken() {
    let folder = folder_with_card();
    let address = Slot::new().address();
    let mut vicc = Vicc::connecting(folder.path(), address, &[]);
    vicc.wait_for("trying again");
    assert!(!vicc.ready_file().exists());
    let slot = Slot::at(address);
    let _card = slot.card();
    vicc.wait_for("ready: 1 card is in");
    let ready = vicc.ready();
    assert_eq!(ready["cards"][0]["connect"], address.to_string());
    assert_eq!(
        ready["cards"][0]["card"],
        folder.path().join("ana.card").to_str().unwrap()
    );
    let mode = fs::metadata(vicc.ready_file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn every_signal_that_asks_for_an_end_gets_a_clean_one() {
    for signal in ["-TERM", "-INT", "-HUP"] {
        let (folder, slot) = (folder_with_card(), Slot::new());
        let mut vicc = Vicc::connecting(folder.path(), slot.address(), &[]);
        let mut card = slot.card();
        vicc.wait_for("ready: ");
        vicc.signal(signal);
        assert_eq!(vicc.end().code(), Some(0), "{:?}", vicc.said);
        assert!(card.is_over());
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["ana.card", "ana.card.lock"], "{signal}");
    }
}

#[test]
fn its_owner_takes_a_card_out_and_puts_it_back() {
    let (folder, slot) = (folder_with_card(), Slot::new());
    let path = folder.path().join("ana.card");
    let mut vicc = Vicc::connecting(folder.path(), slot.address(), &[]);
    let mut card = slot.card();
    vicc.wait_for("ready: ");
    let control = fs::metadata(folder.path().join("ana.card.control")).unwrap();
    assert!(control.file_type().is_socket());
    assert_eq!(control.permissions().mode() & 0o7777, 0o600);
    assert_eq!(card.ask(VERIFY), [0x90, 0x00]);

    for _ in 0..2 {
        let removed = run(&["remove"], &[&path]);
        assert_eq!(
            (removed.status.code(), stdout(&removed)),
            (Some(0), "out\n".into())
        );
    }
    assert!(card.is_over());

    // Whoever puts it in hears of it when the reader has spoken with it.
    let inserting = std::thread::spawn(move || run(&["insert"], &[&path]));
    let mut card = slot.card();
    let inserted = inserting.join().unwrap();
    let place = format!("in the reader at {}\n", slot.address());
    assert_eq!(
        (inserted.status.code(), stdout(&inserted)),
        (Some(0), place.clone())
    );
    assert_eq!(card.ask(b"\x00\xA4\x00\x0C\x02\x01\x00"), [0x90, 0x00]);
    assert_eq!(
        card.ask(b"\x00\xB0\x81\x00\x03"),
        [0x69, 0x82],
        "the PIN is forgotten"
    );
    let again = run(&["insert"], &[&folder.path().join("ana.card")]);
    assert_eq!(stdout(&again), place, "it is in already");
}

#[test]
fn a_card_put_in_where_no_reader_is_waits_and_says_so() {
    let (folder, slot) = (folder_with_card(), Slot::new());
    let (address, path) = (slot.address(), folder.path().join("ana.card"));
    let mut vicc = Vicc::connecting(folder.path(), address, &[]);
    drop(slot.card());
    vicc.wait_for("ready: ");
    drop(slot);
    assert_eq!(run(&["remove"], &[&path]).status.code(), Some(0));
    let inserted = run(&["insert"], &[&path]);
    assert_eq!(inserted.status.code(), Some(8), "{inserted:?}");
    assert!(stderr(&inserted).contains("Connection refused"), "{inserted:?}");
    // It goes in by itself.
    let mut card = Slot::at(address).card();
    assert_eq!(card.ask(STATUS).len(), 26);
}

#[test]
fn several_cards_go_into_slots_in_a_row() {
    let (folder, slots) = (folder_with_card(), Slot::pair());
    make(&folder.path().join("bruno.card"), &["--label", "Bruno"]);
    let address = slots[0].address().to_string();
    let mut vicc = Vicc::spawn(
        folder.path(),
        &["ana.card", "bruno.card"],
        &["--connect", &address],
    );
    let mut ana = slots[0].card();
    assert!(!vicc.ready_file().exists(), "one of two is not all");
    let mut bruno = slots[1].card();
    vicc.wait_for("ready: 2 cards are in");
    for (card, label) in [
        (&mut ana, b"Ana\x90\x00".as_slice()),
        (&mut bruno, b"Bruno\x90\x00"),
    ] {
        assert_eq!(card.ask(VERIFY), [0x90, 0x00]);
        assert_eq!(card.ask(b"\x00\xA4\x00\x0C\x02\x01\x00"), [0x90, 0x00]);
        let le = u8::try_from(label.len() - 2).unwrap();
        assert_eq!(card.ask(&[0x00, 0xB0, 0x81, 0x00, le]), label);
    }
    // One is taken out, the other stays.
    assert_eq!(
        run(&["remove"], &[&folder.path().join("ana.card")]).status.code(),
        Some(0)
    );
    assert!(ana.is_over());
    assert_eq!(bruno.ask(STATUS).len(), 26);
}

#[test]
fn a_listening_card_serves_one_reader_after_the_other() {
    let folder = folder_with_card();
    let path = folder.path().join("ana.card");
    let (mut vicc, address) = Vicc::listening(folder.path(), &["--log-level", "debug"]);
    let mut card = Dialog::new(TcpStream::connect(address).unwrap());
    let mut newcomer = TcpStream::connect(address).unwrap();
    vicc.wait_for("another reader has the card");
    assert_eq!(std::io::Read::read(&mut newcomer, &mut [0]).unwrap(), 0);
    assert_eq!(card.ask(STATUS).len(), 26);
    drop(card);
    vicc.wait_for("it closed the connection");
    let mut card = Dialog::new(TcpStream::connect(address).unwrap());

    assert_eq!(run(&["remove"], &[&path]).status.code(), Some(0));
    assert!(card.is_over());
    let refused = TcpStream::connect(address).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    let inserted = run(&["insert"], &[&path]);
    assert_eq!(stdout(&inserted), format!("in the reader at {address}\n"));
    Dialog::new(TcpStream::connect(address).unwrap());
}

#[test]
fn a_reader_that_leaves_in_the_middle_of_a_message_does_no_harm() {
    let (folder, slot) = (folder_with_card(), Slot::new());
    let mut vicc = Vicc::connecting(folder.path(), slot.address(), &[]);
    let mut card = slot.card();
    card.write(b"\x00\x0D\x00\x20\x00");
    drop(card);
    vicc.wait_for("in the middle of a message");
    assert_eq!(slot.card().ask(STATUS).len(), 26);
}

#[test]
fn a_card_with_faults_shows_them_to_its_reader() {
    let (folder, slot) = (folder_with_card(), Slot::new());
    let (path, faults) = (folder.path().join("ana.card"), folder.path().join("faults.toml"));
    let text = "version = 1\n\
                [[fault]]\nkind = \"wrong_status\"\nat = 1\nstatus = \"6F00\"\n\
                [[fault]]\nkind = \"short_answer\"\nat = 2\nbytes = 1\n\
                [[fault]]\nkind = \"slow\"\nat = 3\ndelay_millis = 1\n\
                [[fault]]\nkind = \"torn_out\"\nat = 4\nbytes = 0\n\
                [[fault]]\nkind = \"mute\"\nat = 5\n";
    fs::write(&faults, text).unwrap();
    let mut vicc = Vicc::connecting(
        folder.path(),
        slot.address(),
        &["--fault", faults.to_str().unwrap()],
    );
    let mut card = slot.card();
    assert_eq!(card.ask(STATUS), [0x6F, 0x00]);
    assert_eq!(card.ask(STATUS), [0x01]);
    assert_eq!(card.ask(STATUS).len(), 26);
    card.tell(VERIFY);
    assert!(card.is_over());

    vicc.wait_for("torn out");
    let reinserted = path.clone();
    let inserting = std::thread::spawn(move || run(&["insert"], &[&reinserted]));
    let mut card = slot.card();
    assert_eq!(inserting.join().unwrap().status.code(), Some(0));
    // A mute card says nothing, until it is taken out.
    card.tell(STATUS);
    assert_eq!(run(&["remove"], &[&path]).status.code(), Some(0));
    assert!(card.is_over());
}

//= CD-04
#[test]
fn a_card_whose_disk_fails_says_nothing_more_and_ends_the_program() {
    let (folder, slot) = (folder_with_card(), Slot::new());
    let room = folder.path().join("room");
    fs::create_dir(&room).unwrap();
    make(&room.join("ana.card"), &[]);
    let mut vicc = Vicc::connecting(&room, slot.address(), &[]);
    let mut card = slot.card();
    vicc.wait_for("ready: ");
    fs::rename(&room, folder.path().join("moved")).unwrap();
    card.tell(VERIFY);
    assert!(card.is_over(), "no answer, and no try");
    assert_eq!(vicc.end().code(), Some(5), "{:?}", vicc.said);
    assert!(
        vicc.said.iter().any(|line| line.contains("error: write card `")),
        "{:?}",
        vicc.said
    );
}
