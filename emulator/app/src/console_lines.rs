//! The local console as lines of text, for a person or a program without a screen: a word on standard input is a key, and
//! the screen is written to standard output when it has changed. Decides nothing: a key goes to the device as it is.

use std::{
    io::{self, BufRead as _, Write as _},
    task::{Context, Poll, ready},
    thread,
};

use hsm_core::{Key, Screen};
use tokio::sync::mpsc::{Receiver, channel};
use tracing::warn;

/// Keys that may wait for the device; a program that types faster waits.
const KEYS_MAX: usize = 64;

/// The hand at the keyboard and the eye on the screen.
pub(crate) struct ConsoleLines {
    /// `None` when nobody types any more.
    keys: Option<Receiver<Key>>,
    shown: Option<String>,
}

impl ConsoleLines {
    /// Nobody at the device.
    pub(crate) fn absent() -> Self {
        Self {
            keys: None,
            shown: None,
        }
    }

    /// Reads keys from standard input until it ends.
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, keys) = channel(KEYS_MAX);
        // Standard input can only be read by a thread that may wait for ever; it ends with the process.
        thread::Builder::new().name("console".into()).spawn(move || {
            for line in io::stdin().lock().lines() {
                let Ok(line) = line else { return };
                match keys_of(line.trim()) {
                    Ok(keys) => {
                        for key in keys {
                            if sender.blocking_send(key).is_err() {
                                return;
                            }
                        }
                    }
                    Err(why) => warn!("{why}"),
                }
            }
        })?;
        Ok(Self {
            keys: Some(keys),
            shown: Some(String::new()),
        })
    }

    /// The next key.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Key> {
        let Some(keys) = &mut self.keys else {
            return Poll::Pending;
        };
        if let Some(key) = ready!(keys.poll_recv(cx)) {
            return Poll::Ready(key);
        }
        self.keys = None;
        Poll::Pending
    }

    /// Writes the screen if it is another one than before.
    pub(crate) fn show(&mut self, screen: impl FnOnce() -> Screen) {
        let Some(shown) = &mut self.shown else {
            return;
        };
        let screen = screen().to_string();
        if *shown == screen {
            return;
        }
        // Somebody who has closed standard output does not look at the screen any more.
        let written = writeln!(io::stdout(), "{screen}").and_then(|()| io::stdout().flush());
        self.shown = written.is_ok().then_some(screen);
    }
}

/// The keys that a line means: the name of one, or `type` and the characters to be typed.
fn keys_of(line: &str) -> Result<Vec<Key>, String> {
    if let Some(text) = line.strip_prefix("type ") {
        return Ok(text.chars().map(Key::Char).collect());
    }
    let key = match line {
        "" => return Ok(Vec::new()),
        "Up" => Key::Up,
        "Down" => Key::Down,
        "Left" => Key::Left,
        "Right" => Key::Right,
        "Tab" => Key::Tab,
        "Enter" => Key::Enter,
        "Esc" => Key::Esc,
        "Backspace" => Key::Backspace,
        // What came is not repeated: it may be a PIN that was typed without `type`.
        _ => {
            return Err(
                "read key: expected `Up`, `Down`, `Left`, `Right`, `Tab`, `Enter`, `Esc`, `Backspace`, or \
                        `type` and characters, got another line"
                    .to_owned(),
            );
        }
    };
    Ok(vec![key])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_key_or_what_is_typed() {
        assert_eq!(keys_of("Enter"), Ok(vec![Key::Enter]));
        assert_eq!(keys_of("type 1a"), Ok(vec![Key::Char('1'), Key::Char('a')]));
        assert_eq!(keys_of(""), Ok(Vec::new()));
    }

    #[test]
    fn another_line_is_refused_without_being_repeated() {
        let refused = keys_of("12345678").expect_err("no key");
        assert!(!refused.contains("12345678"), "{refused}");
    }
}
