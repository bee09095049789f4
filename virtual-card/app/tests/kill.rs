//! A program that holds a card is killed at any moment: what the card has answered counts, and its file is whole.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    env,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
};

use apdu::{Csn, ReaderAnswer, ReaderCommand};
use card_core::{CardImage, Personalisation, profile};
use virtual_card::CardFile;

/// Times that a program is killed.
const KILLS: u32 = 200;
/// Names the card of a program that is to be killed.
const CARD_OF_CHILD: &str = "RIG_TEST_CARD";
/// After so many wrong PINs the program presents the right one.
const WRONG_PINS_OF_CHILD: &str = "RIG_TEST_WRONG_PINS";
/// What a card of these tests counts to, so that no unlucky row of kills blocks it by chance.
const PRESENTATIONS_MAX: u8 = 15;

const RIGHT: &[u8] = b"\x00\x20\x00\x00\x0812345678";
const WRONG: &[u8] = b"\x00\x20\x00\x00\x0800000000";
fn new_card(path: &Path) {
    let image = CardImage::personalised(&Personalisation {
        csn: Csn(*b"a card of tests!"),
        pin: "12345678",
        label: "Ana",
        shadow: &[0x5A; 64],
        card_type: profile::CARD_TYPE,
        presentations_max: PRESENTATIONS_MAX,
    });
    CardFile::create(path, image.unwrap()).unwrap();
}

/// The program that is killed: presents PINs without end, and says each answer once it has it.
#[test]
fn child() {
    let Some(path) = env::var_os(CARD_OF_CHILD) else {
        return;
    };
    let mut card = CardFile::open(Path::new(&path)).unwrap();
    card.answer(&ReaderCommand::PowerOn);
    let wrong_pins: u8 = env::var(WRONG_PINS_OF_CHILD).unwrap().parse().unwrap();
    while !card.image().unwrap().is_blocked() {
        let is_wrong = card.image().unwrap().try_counter() < wrong_pins;
        let pin = if is_wrong { WRONG } else { RIGHT };
        let answer = card.answer(&ReaderCommand::Transmit(pin.to_vec()));
        let ReaderAnswer::Response(_) = answer else {
            panic!("a card answers, but {answer:?}");
        };
        let counter = card.image().unwrap().try_counter();
        writeln!(io::stdout(), "tries={counter}").unwrap();
    }
}

fn start_child(path: &Path, wrong_pins: u8) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(CARD_OF_CHILD, path)
        .env(WRONG_PINS_OF_CHILD, wrong_pins.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Starts a program on this card, kills it after so many answers and a while of work, and gives the tries of its last
/// answer, if it had any.
fn kill_one(path: &Path, wrong_pins: u8, after_answers: u32, spins: u32) -> Option<u8> {
    let mut child = start_child(path, wrong_pins);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut said = String::new();
    let mut answers = 0;
    while answers < after_answers && stdout.read_line(&mut said).unwrap() > 0 {
        answers = u32::try_from(said.matches("tries=").count()).unwrap();
    }
    // No timer is as fine as a fsync is short.
    (0..spins).for_each(|_| std::hint::spin_loop());
    child.kill().unwrap();
    child.wait().unwrap();
    stdout.read_to_string(&mut said).unwrap();
    let last = said.rsplit_once("tries=")?.1;
    Some(last.lines().next()?.parse().unwrap())
}

fn tries(path: &Path) -> u8 {
    CardFile::open(path)
        .expect("whenever its program is killed, the card can be opened")
        .image()
        .unwrap()
        .try_counter()
}

/// Numbers from 0 to 65,535, the same in each run.
fn numbers() -> impl Iterator<Item = u32> {
    std::iter::successors(Some(0x2545_F491_u32), |&x| {
        let x = x ^ (x << 13);
        let x = x ^ (x >> 17);
        Some(x ^ (x << 5))
    })
    .map(|x| x >> 16)
}

//= CD-10
//= CD-04
#[test]
fn two_hundred_kills_lose_no_answer_and_give_no_try() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ana.card");
    new_card(&path);
    let mut before = 0;
    for (kill, number) in (0..KILLS).zip(numbers()) {
        let answered = kill_one(&path, 2, kill % 4, number).unwrap_or(before);
        let after = tries(&path);
        // The PIN under way may have been counted, or, if it was the right one, have cleared the count.
        let possible = match answered {
            0 | 1 => vec![answered, answered + 1],
            _ => vec![answered, answered + 1, 0],
        };
        assert!(
            possible.contains(&after),
            "kill {kill}: {answered} tries were answered, {after} are on the disk"
        );
        before = after;
    }
}

//= CD-03
#[test]
fn a_count_of_wrong_pins_never_goes_back_until_the_card_is_blocked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ana.card");
    new_card(&path);
    let mut before = 0;
    for number in numbers() {
        let answered = kill_one(&path, PRESENTATIONS_MAX, 1, number).unwrap_or(before);
        let after = tries(&path);
        assert!(
            after >= answered && after >= before,
            "{before}, then {answered} answered, {after} on the disk"
        );
        before = after;
        if before == PRESENTATIONS_MAX {
            return;
        }
    }
}
