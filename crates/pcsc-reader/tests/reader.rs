//! A reader of PC/SC against cards of a few lines, through the stock daemon: what it says when all goes well, when a card
//! is taken out, and when one never answers.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpStream,
    sync::mpsc,
    thread,
    time::Duration,
};

use apdu::{Atr, ReaderAnswer, ReaderCommand, ResponseApdu};
use pcsc_bed::{Bed, Reader, test_inside};
use pcsc_reader::{ABANDONED_MAX, PcscReader, Presence, await_card, reader_names};

/// Longer than anything here takes; only a hang is as long.
const LONG: Duration = Duration::from_secs(30);

/// How long a command may take that is never answered.
const SHORT: Duration = Duration::from_millis(50);

/// Historical bytes, T=0: ISO/IEC 7816-3, section 8.
const ATR: [u8; 4] = [0x3B, 0x02, 0x14, 0x50];

/// What a card of this test does with a command.
enum Does {
    Answer(Vec<u8>),
    StayMute,
    LeaveTheReader,
}

/// What a card of this test was told: `01` power on, `02` reset, or a command. Source: vsmartcard, `vpcd.h`.
type Told = mpsc::Receiver<Vec<u8>>;

/// A card by the protocol of vsmartcard, in this reader now.
fn insert(reader: &Reader, mut does: impl FnMut(&[u8]) -> Does + Send + 'static) -> Told {
    let mut stream = TcpStream::connect(("127.0.0.1", reader.port)).expect("the reader waits for a card");
    let (tell, told) = mpsc::channel();
    thread::spawn(move || -> io::Result<()> {
        loop {
            let mut len = [0; 2];
            stream.read_exact(&mut len)?;
            let mut message = vec![0; u16::from_be_bytes(len).into()];
            stream.read_exact(&mut message)?;
            let answer = match message[..] {
                [4] => Does::Answer(ATR.into()),
                [0..=2] => Does::StayMute,
                _ => does(&message),
            };
            if message.len() > 1 || matches!(message[0], 1 | 2) {
                // The test may not care.
                let _ = tell.send(message);
            }
            match answer {
                Does::Answer(bytes) => {
                    let len = u16::try_from(bytes.len()).expect("it is short");
                    stream.write_all(&[&len.to_be_bytes()[..], &bytes].concat())?;
                }
                Does::StayMute => {}
                Does::LeaveTheReader => return Ok(()),
            }
        }
    });
    assert!(await_card(&reader.name, Presence::Inserted, LONG).expect("the daemon runs"));
    told
}

/// The reader of a bed, once the daemon has looked into it: before that it is unavailable.
fn reader_of(bed: &Bed) -> Reader {
    let reader = bed.readers()[0].clone();
    assert!(await_card(&reader.name, Presence::Removed, LONG).expect("the daemon runs"));
    reader
}

fn transmit(tpdu: &[u8]) -> ReaderCommand {
    ReaderCommand::Transmit(tpdu.to_vec())
}

fn atr() -> ReaderAnswer {
    ReaderAnswer::Atr(Atr::try_from(&ATR[..]).expect("it is right"))
}

fn response(bytes: &[u8]) -> ReaderAnswer {
    ReaderAnswer::Response(ResponseApdu::try_from(bytes).expect("it is right"))
}

#[test]
fn a_card_is_reset_and_answers_as_it_stands() {
    test_inside(1, |bed| {
        let reader = reader_of(bed);
        assert!(reader_names().expect("the daemon runs").contains(&reader.name));
        let mut pcsc = PcscReader::new(&reader.name).expect("a name");
        assert_eq!(pcsc.answer(&ReaderCommand::PowerOn), ReaderAnswer::CardAbsent);
        let told = insert(&reader, |_| Does::Answer(vec![0x61, 0x1C]));
        assert_eq!(pcsc.answer(&ReaderCommand::PowerOn), atr());
        // 61xx comes through: whoever drives the card resolves it.
        assert_eq!(
            pcsc.answer(&transmit(b"\x00\xA4\x04\x00\x00")),
            response(b"\x61\x1C")
        );
        assert_eq!(pcsc.answer(&ReaderCommand::PowerOn), atr());
        assert_eq!(pcsc.answer(&ReaderCommand::PowerOff), ReaderAnswer::PoweredOff);
        assert_eq!(
            pcsc.answer(&transmit(b"\x00\xA4\x04\x00\x00")),
            ReaderAnswer::CardRemoved
        );
        let told: Vec<Vec<u8>> = told.try_iter().collect();
        let before = told
            .iter()
            .position(|message| message.len() > 1)
            .expect("the command came");
        assert!(before >= 1, "power on comes before a command: {told:?}");
        assert_eq!(told[before], b"\x00\xA4\x04\x00\x00");
        // The warm reset of the second power on, and that of the end.
        assert_eq!(told[before + 1..], [[2], [2]]);
    });
}

#[test]
fn a_reader_belongs_to_one_program_at_a_time() {
    test_inside(1, |bed| {
        let reader = reader_of(bed);
        let _told = insert(&reader, |_| Does::Answer(vec![0x90, 0]));
        let mut one = PcscReader::new(&reader.name).expect("a name");
        let mut other = PcscReader::new(&reader.name).expect("a name");
        assert_eq!(one.answer(&ReaderCommand::PowerOn), atr());
        assert_eq!(
            other.answer(&ReaderCommand::PowerOn),
            ReaderAnswer::ReaderUnavailable
        );
        assert_eq!(one.answer(&ReaderCommand::PowerOff), ReaderAnswer::PoweredOff);
        assert_eq!(other.answer(&ReaderCommand::PowerOn), atr());
    });
}

#[test]
fn a_card_that_is_taken_out_in_the_middle_of_a_command_is_told_from_one_that_is_mute() {
    test_inside(1, |bed| {
        let reader = reader_of(bed);
        let _told = insert(&reader, |_| Does::LeaveTheReader);
        let mut pcsc = PcscReader::new(&reader.name).expect("a name");
        assert_eq!(pcsc.answer(&ReaderCommand::PowerOn), atr());
        assert_eq!(
            pcsc.answer(&transmit(b"\x00\xA4\x04\x00\x00")),
            ReaderAnswer::CardRemoved
        );
        assert!(await_card(&reader.name, Presence::Removed, LONG).expect("the daemon runs"));
        assert_eq!(pcsc.answer(&ReaderCommand::PowerOff), ReaderAnswer::PoweredOff);
        assert_eq!(pcsc.answer(&ReaderCommand::PowerOn), ReaderAnswer::CardAbsent);
        // And back again.
        let _told = insert(&reader, |_| Does::Answer(vec![0x90, 0]));
        assert_eq!(pcsc.answer(&ReaderCommand::PowerOn), atr());
    });
}

#[test]
fn nobody_waits_for_a_card_that_never_answers() {
    test_inside(1, |bed| {
        let reader = reader_of(bed);
        let _told = insert(&reader, |_| Does::StayMute);
        let mut pcsc = PcscReader::new(&reader.name).expect("a name").with_patience(LONG);
        assert_eq!(pcsc.answer(&ReaderCommand::PowerOn), atr());
        let mut pcsc = pcsc.with_patience(SHORT);
        assert_eq!(
            pcsc.answer(&transmit(b"\x00\xA4\x04\x00\x00")),
            ReaderAnswer::CardMute
        );
        // The stuck thread keeps the card, so each new one finds the reader in use, or is stuck as well.
        let mut last = ReaderAnswer::CardMute;
        for _ in 0..=ABANDONED_MAX {
            last = pcsc.answer(&ReaderCommand::PowerOn);
            assert!(
                matches!(last, ReaderAnswer::CardMute | ReaderAnswer::ReaderUnavailable),
                "{last:?}"
            );
        }
        assert_eq!(
            last,
            ReaderAnswer::ReaderUnavailable,
            "there is an end to stuck threads"
        );
    });
}

#[test]
fn a_daemon_that_went_away_is_found_again() {
    test_inside(1, |bed| {
        let reader = reader_of(bed);
        let mut pcsc = PcscReader::new(&reader.name).expect("a name");
        assert_eq!(pcsc.answer(&ReaderCommand::PowerOn), ReaderAnswer::CardAbsent);
        bed.restart_daemon().expect("it starts as it did before");
        let _told = insert(&reader, |_| Does::Answer(vec![0x90, 0]));
        // The first may find the old daemon gone.
        let first = pcsc.answer(&ReaderCommand::PowerOn);
        if first != atr() {
            assert_eq!(first, ReaderAnswer::ReaderUnavailable);
            assert_eq!(pcsc.answer(&ReaderCommand::PowerOn), atr());
        }
    });
}
