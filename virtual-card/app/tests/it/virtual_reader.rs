//! Our side of vpcd: a reader into which other programs put cards.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use apdu::{Atr, ReaderAnswer, ReaderCommand, StatusWord};
use virtual_card::{Reach, VirtualReader};

use crate::{
    cards::{PATIENCE, Vicc, folder_with_card, run},
    stock::ATR,
};

fn listening() -> VirtualReader {
    VirtualReader::listen("127.0.0.1:0".parse().unwrap(), Reach::ThisComputer).unwrap()
}

fn transmit(bytes: &[u8]) -> ReaderCommand {
    ReaderCommand::Transmit(bytes.to_vec())
}

fn atr() -> ReaderAnswer {
    ReaderAnswer::Atr(Atr::try_from(ATR).unwrap())
}

#[test]
fn a_card_of_ours_goes_into_a_reader_of_ours() {
    let folder = folder_with_card();
    let mut reader = listening();
    assert_eq!(reader.answer(&ReaderCommand::PowerOn), ReaderAnswer::CardAbsent);
    assert!(!reader.wait_for_card(Duration::ZERO).unwrap());
    let _vicc = Vicc::connecting(folder.path(), reader.address().unwrap(), &[]);
    assert!(reader.wait_for_card(PATIENCE).unwrap());
    assert_eq!(reader.answer(&ReaderCommand::PowerOn), atr());
    let verify = transmit(b"\x00\x20\x00\x00\x0812345678");
    assert_eq!(
        reader.answer(&verify),
        ReaderAnswer::Response(StatusWord::OK.into())
    );
    assert_eq!(reader.answer(&ReaderCommand::PowerOff), ReaderAnswer::PoweredOff);
    assert_eq!(reader.answer(&ReaderCommand::PowerOn), atr());

    // Taken out in the middle of a dialog, and put back.
    let path = folder.path().join("ana.card");
    assert!(run(&["remove"], &[&path]).status.success());
    assert_eq!(reader.answer(&verify), ReaderAnswer::CardRemoved);
    assert_eq!(reader.answer(&ReaderCommand::PowerOn), ReaderAnswer::CardAbsent);
    let inserting = thread::spawn(move || run(&["insert"], &[&path]));
    assert!(reader.wait_for_card(PATIENCE).unwrap());
    assert_eq!(reader.answer(&ReaderCommand::PowerOn), atr());
    assert!(inserting.join().unwrap().status.success());
}

#[test]
fn a_reader_reaches_out_for_a_card_that_listens() {
    let folder = folder_with_card();
    let (mut vicc, address) = Vicc::listening(folder.path(), &[]);
    let mut reader = VirtualReader::connect(address);
    assert_eq!(reader.answer(&ReaderCommand::PowerOn), atr());
    let status = reader.answer(&transmit(b"\x80\xC0\x02\xE0\x18"));
    assert!(matches!(status, ReaderAnswer::Response(response) if response.data.len() == 24));
    vicc.kill();
    assert_eq!(
        reader.answer(&transmit(b"\x80\xC0\x02\xE0\x18")),
        ReaderAnswer::CardRemoved
    );
    assert_eq!(reader.answer(&ReaderCommand::PowerOn), ReaderAnswer::CardAbsent);
    assert!(!reader.wait_for_card(Duration::from_millis(1)).unwrap());
}

/// A card that does as its test says.
fn puppet(reader: &VirtualReader, act: impl FnOnce(TcpStream) + Send + 'static) -> thread::JoinHandle<()> {
    let address = reader.address().unwrap();
    thread::spawn(move || act(TcpStream::connect(address).unwrap()))
}

/// Reads `power on` and `answer to reset?`, and answers.
fn wake(stream: &mut TcpStream) {
    let mut asked = [0; 6];
    stream.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"\x00\x01\x01\x00\x01\x04");
    stream.write_all(&[b"\x00\x0F", ATR].concat()).unwrap();
}

#[test]
fn a_card_that_does_not_answer_in_time_is_mute_and_loses_its_place() {
    let mut reader = listening().with_answer_wait(Duration::from_millis(50));
    let card = puppet(&reader, |mut stream| {
        wake(&mut stream);
        let mut command = [0; 7];
        stream.read_exact(&mut command).unwrap();
        // Half an answer is none.
        stream.write_all(b"\x00\x02\x90").unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "the reader closes");
    });
    assert!(reader.wait_for_card(PATIENCE).unwrap());
    assert_eq!(reader.answer(&ReaderCommand::PowerOn), atr());
    assert_eq!(
        reader.answer(&transmit(b"\x00\x84\x00\x00\x08")),
        ReaderAnswer::CardMute
    );
    card.join().unwrap();
    assert_eq!(reader.answer(&ReaderCommand::PowerOn), ReaderAnswer::CardAbsent);
}

#[test]
fn a_card_that_speaks_unasked_loses_its_place_and_the_next_one_takes_it() {
    let mut reader = listening();
    let card = puppet(&reader, |mut stream| {
        wake(&mut stream);
        stream.write_all(b"\x00\x02\x90\x00").unwrap();
        assert!(
            matches!(stream.read(&mut [0]), Ok(0) | Err(_)),
            "the reader closes"
        );
    });
    assert!(reader.wait_for_card(PATIENCE).unwrap());
    assert_eq!(reader.answer(&ReaderCommand::PowerOn), atr());
    // Its word arrives in a moment; until then the reader holds it.
    while reader.wait_for_card(Duration::ZERO).unwrap() {
        thread::yield_now();
    }
    card.join().unwrap();
    let folder = folder_with_card();
    let _vicc = Vicc::connecting(folder.path(), reader.address().unwrap(), &[]);
    assert!(reader.wait_for_card(PATIENCE).unwrap());
    assert_eq!(reader.answer(&ReaderCommand::PowerOn), atr());
}

#[test]
fn a_second_card_waits_until_the_slot_is_free() {
    let (ana, bruno) = (folder_with_card(), folder_with_card());
    let mut reader = listening();
    let first = Vicc::connecting(ana.path(), reader.address().unwrap(), &[]);
    assert!(reader.wait_for_card(PATIENCE).unwrap());
    assert_eq!(reader.answer(&ReaderCommand::PowerOn), atr());
    let mut second = Vicc::connecting(bruno.path(), reader.address().unwrap(), &[]);
    let status = transmit(b"\x80\xC0\x02\xE1\x10");
    let of_first = reader.answer(&status);
    assert_eq!(reader.answer(&status), of_first);
    drop(first);
    while reader.answer(&ReaderCommand::PowerOn) != atr() {
        assert!(reader.wait_for_card(PATIENCE).unwrap());
    }
    second.wait_for("ready: ");
    assert_ne!(reader.answer(&status), of_first);
}

#[test]
fn only_this_computer_reaches_a_reader_unless_somebody_says_otherwise() {
    let everywhere = "0.0.0.0:0".parse().unwrap();
    let refused = VirtualReader::listen(everywhere, Reach::ThisComputer).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::PermissionDenied);
    VirtualReader::listen(everywhere, Reach::Everybody).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = VirtualReader::listen(taken.local_addr().unwrap(), Reach::ThisComputer).unwrap_err();
    assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
}
