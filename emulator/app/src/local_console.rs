//! Whoever sits at the device: hands at its keyboard, its reader, its power button and its mains, and eyes on its
//! screen. At a terminal, as lines of text, or nobody. Decides nothing about the device.

use std::{
    net::SocketAddr,
    path::PathBuf,
    task::{Context, Poll},
};

use hsm_core::{Key, Screen};
use tracing::warn;

use crate::{console_lines::ConsoleLines, local_reader::Hindrance, terminal::TerminalConsole};

/// What a hand does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Hand {
    /// Presses a key of the device's keyboard.
    Key(Key),
    /// Puts a card in. The path is absolute.
    InsertCard(PathBuf),
    /// Takes it out.
    RemoveCard,
    /// Presses the power button.
    PowerButton,
    /// Pulls the cable out, or puts it back.
    Mains,
    /// Ends the program.
    Leave,
}

/// What eyes see of the device, and of what is around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// `None` while there is no power.
    pub(crate) screen: Option<Screen>,
    /// The card in the local reader.
    pub(crate) card: Option<PathBuf>,
    /// Where managers can connect.
    pub(crate) management: Option<SocketAddr>,
}

/// How somebody sits at the device.
pub(crate) enum LocalConsole {
    Nobody,
    Lines(ConsoleLines),
    Terminal(Box<TerminalConsole>),
}

impl LocalConsole {
    /// What a hand does next.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Hand> {
        match self {
            Self::Nobody => Poll::Pending,
            Self::Lines(lines) => lines.poll(cx),
            Self::Terminal(terminal) => terminal.poll(cx),
        }
    }

    /// Shows what there is to see. Asks for it only if somebody looks.
    pub(crate) fn show(&mut self, seen: impl FnOnce() -> Seen) {
        match self {
            Self::Nobody => {}
            Self::Lines(lines) => lines.show(seen),
            Self::Terminal(terminal) => terminal.show(seen()),
        }
    }

    /// Says to whoever sits there why their hand could not do something.
    pub(crate) fn say(&mut self, hindrance: &Hindrance) {
        match self {
            Self::Nobody => {}
            Self::Lines(_) => warn!("{}: {hindrance}", hindrance.doing),
            Self::Terminal(terminal) => terminal.say(hindrance),
        }
    }
}
