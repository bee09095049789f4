//! A hundred cards in a hundred programs at once.

use std::{collections::BTreeSet, env, net::TcpStream};

use apdu::Csn;
use card_core::{CardImage, Personalisation, profile};
use virtual_card::CardFile;

use crate::{cards::Vicc, stock::Dialog};

const CARDS: u8 = 100;
/// Of twenty; `RIG_SOAK=1` plays all of them.
const REPEATS: u32 = 2;
const REPEATS_OF_SOAK: u32 = 20;

#[test]
fn a_hundred_cards_in_a_hundred_programs_share_nothing_and_leave_nothing_behind() {
    let repeats = if env::var_os("RIG_SOAK").is_some() {
        REPEATS_OF_SOAK
    } else {
        REPEATS
    };
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..CARDS).map(|card| format!("{card}.card")).collect();
    for (card, name) in (0..).zip(&names) {
        let image = CardImage::personalised(&Personalisation {
            csn: Csn::from_random([card; 16]),
            pin: "12345678",
            label: name,
            shadow: &[],
            card_type: profile::CARD_TYPE,
            presentations_max: profile::PRESENTATIONS_MAX,
        });
        CardFile::create(&folder.path().join(name), image.unwrap()).unwrap();
    }
    for _ in 0..repeats {
        let mut programs: Vec<Vicc> = names
            .iter()
            .map(|name| Vicc::spawn(folder.path(), &[name], &["--listen", "127.0.0.1:0"]))
            .collect();
        let mut addresses = BTreeSet::new();
        let mut readers = Vec::new();
        for program in &mut programs {
            program.wait_for("ready: ");
            let ready = program.ready();
            let address = ready["cards"][0]["listen"].as_str().unwrap().to_owned();
            assert!(addresses.insert(address.clone()), "{address} twice");
            readers.push((Dialog::new(TcpStream::connect(&address).unwrap()), ready));
        }
        // Each reader finds the card whose ready-file led to it.
        for ((card, ready), own) in readers.iter_mut().zip(0..) {
            let answer = card.ask(b"\x80\xC0\x02\xE1\x10");
            let csn = Csn::from_random([own; 16]);
            assert_eq!(answer[..16], csn.0);
            assert_eq!(ready["cards"][0]["csn"], csn.to_string());
            assert_eq!(card.ask(b"\x00\x20\x00\x00\x0812345678"), [0x90, 0x00]);
        }
        for program in &programs {
            program.signal("-TERM");
        }
        for program in &mut programs {
            assert_eq!(program.end().code(), Some(0), "{:?}", program.said);
            assert!(!program.ready_file().exists());
        }
    }
    let left: BTreeSet<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let expected: BTreeSet<String> = names
        .iter()
        .flat_map(|name| [name.clone(), format!("{name}.lock")])
        .collect();
    assert_eq!(left, expected);
}
