//! What the program does not do, and how it says so.

use std::{fs, net::TcpListener, path::Path};

use crate::{
    cards::{Vicc, folder_with_card, make, run, stderr},
    stock::Slot,
};

fn check(words: &[&str], paths: &[&Path], code: i32, said: &str) {
    let output = run(words, paths);
    assert_eq!(output.status.code(), Some(code), "{words:?}: {output:?}");
    assert!(stderr(&output).contains(said), "{words:?}: {output:?}");
    assert!(output.stdout.is_empty(), "{words:?}: {output:?}");
}

#[test]
fn a_card_is_in_one_reader_at_a_time() {
    let (folder, slot) = (folder_with_card(), Slot::new());
    let path = folder.path().join("ana.card");
    let mut vicc = Vicc::connecting(folder.path(), slot.address(), &[]);
    let mut card = slot.card();
    vicc.wait_for("ready: ");
    let in_use = "it is in use by another program\nhint: end the program that holds the card";
    check(&["vicc", "--listen", "127.0.0.1:0"], &[&path], 7, in_use);
    check(&["apdu"], &[&path, Path::new("00A40000")], 7, in_use);
    let looked = run(&["inspect"], &[&path]);
    assert!(looked.status.success(), "looking is free: {looked:?}");
    // Whoever was refused has taken nothing away.
    assert!(folder.path().join("ana.card.control").exists());
    assert_eq!(card.ask(b"\x80\xC0\x02\xE0\x18").len(), 26);
}

#[test]
fn what_a_card_cannot_go_into_is_told_before_it_is_tried() {
    let folder = folder_with_card();
    let path = &*folder.path().join("ana.card");
    check(
        &["vicc"],
        &[path],
        2,
        "<--connect <HOST[:PORT]>|--listen <ADDR:PORT>>",
    );
    check(
        &["vicc", "--listen", "0.0.0.0:0"],
        &[path],
        2,
        "expected an address of this computer alone",
    );
    check(
        &["vicc", "--connect", "a:b:c"],
        &[path],
        2,
        "expected `HOST` or `HOST:PORT`",
    );
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut vicc = Vicc::spawn(folder.path(), &["ana.card"], &["--listen", &address]);
    assert_eq!(vicc.end().code(), Some(7), "{:?}", vicc.said);

    check(
        &["vicc", "--listen", "127.0.0.1:0"],
        &[Path::new("/nonexistent/ana.card")],
        5,
        "there is no such file",
    );
    let damaged = folder.path().join("damaged.card");
    fs::write(&damaged, "version = 1\n").unwrap();
    check(
        &["vicc", "--listen", "127.0.0.1:0"],
        &[&damaged],
        6,
        "damaged.card",
    );
    check(&["inspect"], &[&damaged], 6, "damaged.card");

    let faults = folder.path().join("faults.toml");
    fs::write(&faults, "version = 1\n[[fault]]\nkind = \"bored\"\n").unwrap();
    let words = [
        "vicc",
        "--listen",
        "127.0.0.1:0",
        "--fault",
        faults.to_str().unwrap(),
    ];
    check(&words, &[path], 2, "line 3");
    fs::write(&faults, " ".repeat(65_537)).unwrap();
    check(&words, &[path], 2, "expected at most 65536 bytes, got more");
}

#[test]
fn a_reader_has_sixteen_slots_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..17).map(|card| format!("{card}.card")).collect();
    for name in &names {
        make(&folder.path().join(name), &[]);
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut vicc = Vicc::spawn(folder.path(), &names[..16], &["--listen", "127.0.0.1:0"]);
    vicc.wait_for("ready: 16 cards are in");
    drop(vicc);
    let mut vicc = Vicc::spawn(folder.path(), &names, &["--listen", "127.0.0.1:0"]);
    assert_eq!(vicc.end().code(), Some(2), "{:?}", vicc.said);
    assert!(
        vicc.said
            .iter()
            .any(|line| line.contains("expected at most 16 cards"))
    );
    let mut vicc = Vicc::spawn(folder.path(), &names[..2], &["--connect", "127.0.0.1:65535"]);
    assert_eq!(vicc.end().code(), Some(2), "{:?}", vicc.said);
}

#[test]
fn a_card_that_no_program_holds_is_not_moved() {
    let folder = folder_with_card();
    let path = &*folder.path().join("ana.card");
    for word in ["insert", "remove"] {
        check(&[word], &[path], 5, "no program holds it in a reader");
    }
    // Nor one whose program was killed; the next program is not hindered by what that left.
    let slot = Slot::new();
    let mut vicc = Vicc::connecting(folder.path(), slot.address(), &[]);
    drop(slot.card());
    vicc.kill();
    assert!(folder.path().join("ana.card.control").exists());
    check(&["remove"], &[path], 5, "no program holds it in a reader");
    let mut vicc = Vicc::connecting(folder.path(), slot.address(), &[]);
    let _card = slot.card();
    vicc.wait_for("ready: ");
    assert_eq!(run(&["remove"], &[path]).status.code(), Some(0));
}

#[test]
fn a_file_in_the_place_of_the_control_socket_is_left_alone() {
    let folder = folder_with_card();
    let control = folder.path().join("ana.card.control");
    fs::write(&control, "mine").unwrap();
    check(
        &["vicc", "--listen", "127.0.0.1:0"],
        &[&folder.path().join("ana.card")],
        5,
        "no socket",
    );
    assert_eq!(fs::read_to_string(control).unwrap(), "mine");
}
