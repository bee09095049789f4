//! The local console as lines of text, for a program, or a person without a terminal: a word on standard input is a key
//! or another thing that a hand does, and the screen is written to standard output when it has changed. Decides nothing:
//! a key goes to the device as it is.

use std::{
    io::{self, BufRead as _, Write as _},
    path::absolute,
    task::{Context, Poll, ready},
    thread,
};

use hsm_core::Key;
use tokio::sync::mpsc::{Receiver, channel};
use tracing::warn;

use crate::local_console::{Hand, Seen};

/// Things that may wait for the device; a program that types faster waits.
const HANDS_MAX: usize = 64;

/// The hand at the device and the eye on the screen.
pub(crate) struct ConsoleLines {
    /// `None` when nobody types any more.
    hands: Option<Receiver<Hand>>,
    shown: Option<String>,
}

impl ConsoleLines {
    /// Reads words from standard input until it ends.
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, hands) = channel(HANDS_MAX);
        // Standard input can only be read by a thread that may wait for ever; it ends with the process.
        thread::Builder::new().name("console".into()).spawn(move || {
            for line in io::stdin().lock().lines() {
                let Ok(line) = line else { return };
                match hands_of(line.trim()) {
                    Ok(hands) => {
                        for hand in hands {
                            if sender.blocking_send(hand).is_err() {
                                return;
                            }
                        }
                    }
                    Err(why) => warn!("{why}"),
                }
            }
        })?;
        Ok(Self {
            hands: Some(hands),
            shown: Some(String::new()),
        })
    }

    /// The next thing that a hand does.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Hand> {
        let Some(hands) = &mut self.hands else {
            return Poll::Pending;
        };
        if let Some(hand) = ready!(hands.poll_recv(cx)) {
            return Poll::Ready(hand);
        }
        self.hands = None;
        Poll::Pending
    }

    /// Writes the screen if it is another one than before. One without power stays as it was.
    pub(crate) fn show(&mut self, seen: impl FnOnce() -> Seen) {
        let Some(shown) = &mut self.shown else {
            return;
        };
        let Some(screen) = seen().screen else {
            return;
        };
        let screen = screen.to_string();
        if *shown == screen {
            return;
        }
        // Somebody who has closed standard output does not look at the screen any more.
        let written = writeln!(io::stdout(), "{screen}").and_then(|()| io::stdout().flush());
        self.shown = written.is_ok().then_some(screen);
    }
}

/// What a line means: the name of a key, `type` and the characters to be typed, or another thing that a hand does.
fn hands_of(line: &str) -> Result<Vec<Hand>, String> {
    if let Some(text) = line.strip_prefix("type ") {
        return Ok(text.chars().map(|typed| Hand::Key(Key::Char(typed))).collect());
    }
    if let Some(path) = line.strip_prefix("insert ") {
        let path = absolute(path).map_err(|error| format!("read path of a card: {error}"))?;
        return Ok(vec![Hand::InsertCard(path)]);
    }
    let hand = match line {
        "" => return Ok(Vec::new()),
        "remove" => Hand::RemoveCard,
        "power" => Hand::PowerButton,
        "mains" => Hand::Mains,
        "Up" => Hand::Key(Key::Up),
        "Down" => Hand::Key(Key::Down),
        "Left" => Hand::Key(Key::Left),
        "Right" => Hand::Key(Key::Right),
        "Tab" => Hand::Key(Key::Tab),
        "Enter" => Hand::Key(Key::Enter),
        "Esc" => Hand::Key(Key::Esc),
        "Backspace" => Hand::Key(Key::Backspace),
        // What came is not repeated: it may be a PIN that was typed without `type`.
        _ => {
            return Err(
                "read key: expected `Up`, `Down`, `Left`, `Right`, `Tab`, `Enter`, `Esc`, `Backspace`, `type` and \
                        characters, `insert` and a card image, `remove`, `power` or `mains`, got another line"
                    .to_owned(),
            );
        }
    };
    Ok(vec![hand])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_key_or_what_is_typed_or_what_a_hand_does() {
        assert_eq!(hands_of("Enter"), Ok(vec![Hand::Key(Key::Enter)]));
        let typed = ['1', 'a'].map(|character| Hand::Key(Key::Char(character)));
        assert_eq!(hands_of("type 1a"), Ok(Vec::from(typed)));
        let card = Hand::InsertCard("/cards/ana.card".into());
        assert_eq!(hands_of("insert /cards/ana.card"), Ok(vec![card]));
        assert_eq!(hands_of("remove"), Ok(vec![Hand::RemoveCard]));
        assert_eq!(hands_of("power"), Ok(vec![Hand::PowerButton]));
        assert_eq!(hands_of("mains"), Ok(vec![Hand::Mains]));
        assert_eq!(hands_of(""), Ok(Vec::new()));
    }

    #[test]
    fn another_line_is_refused_without_being_repeated() {
        let refused = hands_of("12345678").expect_err("no key");
        assert!(!refused.contains("12345678"), "{refused}");
    }
}
