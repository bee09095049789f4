//! How fast the card is where nothing else is: SELECT and VERIFY, its storage an image in memory. Prints a table and
//! judges nothing; `ci/bench` runs it.

#[path = "../../virtual-card/core/tests/bench/mod.rs"]
mod bench;

use std::{
    hint::black_box,
    io::{self, Write as _},
    time::{Duration, Instant},
};

use bench::{SELECT_APPLET, VERIFY_RIGHT, VERIFY_WRONG, bytes, image_with};
use card_core::{Card, CardImage, Input, Output};

/// Rounds of each row; the table shows the spread between them.
const ROUNDS: usize = 21;
/// Commands of one round.
const COMMANDS: u32 = 200_000;

/// A card and its storage.
struct Holder {
    card: Card,
    image: CardImage,
}

impl Holder {
    fn answer(&mut self, tpdu: &[u8]) -> u16 {
        self.card.handle_input(Input::Transmit(tpdu));
        loop {
            match self.card.poll_output().expect("a card with power answers") {
                Output::Write(write) => {
                    self.image.apply(&write);
                    self.card.handle_input(Input::Written);
                }
                Output::Answer(response) => return response.status.0,
                Output::Atr(_) => unreachable!("nobody reset the card"),
            }
        }
    }
}

fn main() -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(
        out,
        "| card in process, storage in memory | rounds | 5 % | median | 95 % | goal |\n|---|---:|---:|---:|---:|---:|"
    )?;
    let (right, wrong) = (bytes(VERIFY_RIGHT), bytes(VERIFY_WRONG));
    row(
        &mut out,
        "SELECT of the applet by its name",
        "1,000,000/s",
        &[(&bytes(SELECT_APPLET), 0x6112)],
    )?;
    row(
        &mut out,
        "GET INFO of the status",
        "–",
        &[(&bytes("80C002E018"), 0x9000)],
    )?;
    row(
        &mut out,
        "VERIFY, right: two writes",
        "500,000/s",
        &[(&right, 0x9000)],
    )?;
    row(
        &mut out,
        "VERIFY, wrong and right in turn: three writes for two",
        "–",
        &[(&wrong, 0x63C6), (&right, 0x9000)],
    )
}

/// Commands a second of each round, slowest first.
fn row(out: &mut impl io::Write, what: &str, goal: &str, commands: &[(&[u8], u16)]) -> io::Result<()> {
    let image = image_with("Alice", bench::SHADOW);
    let mut holder = Holder {
        card: Card::from_image(image.clone()),
        image,
    };
    holder.card.handle_input(Input::PowerOn);
    assert!(matches!(holder.card.poll_output(), Some(Output::Atr(_))));
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            for (command, expected) in commands
                .iter()
                .cycle()
                .take(usize::try_from(COMMANDS).expect("it fits"))
            {
                assert_eq!(holder.answer(black_box(command)), *expected);
            }
            rate(begin.elapsed())
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    let at = |share: usize| rates[(rates.len() - 1) * share / 100];
    writeln!(
        out,
        "| {what} | {ROUNDS} | {:.0}/s | {:.0}/s | {:.0}/s | {goal} |",
        at(5),
        at(50),
        at(95)
    )
}

fn rate(took: Duration) -> f64 {
    f64::from(COMMANDS) / took.as_secs_f64()
}
