//! The reader's side: a slot into which anybody's virtual card is put, as a reader of the rig. Owns no socket and has no
//! clock; who drives it says when a card has taken too long.

use std::collections::VecDeque;

use core::fmt;

use apdu::{Atr, ReaderAnswer, ReaderCommand};

use crate::{
    message::{Decoder, encode},
    request::{ATR, POWER_OFF, POWER_ON, RESET},
};

/// One slot. Told what happens to it, polled for what to send and for the one answer that each command has.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    slot: Slot,
    /// At most two: the end of the connection and an answer, or bytes and an answer.
    outputs: VecDeque<Output>,
}

#[derive(Clone, Debug, Default)]
enum Slot {
    #[default]
    Empty,
    Holding(Dialog),
}

#[derive(Clone, Debug)]
struct Dialog {
    decoder: Decoder,
    is_powered: bool,
    awaited: Awaited,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaited {
    Nothing,
    Atr,
    Response,
}

/// What a reader is told.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A virtual card has connected.
    CardInserted,
    /// Its connection has ended.
    CardRemoved,
    /// It sent these bytes.
    Received(&'a [u8]),
    /// It has not answered in time.
    AnswerLate,
    /// The reader is asked for something.
    Command(&'a ReaderCommand),
}

/// What a reader hands out.
#[derive(Clone, PartialEq, Eq)]
pub enum Output {
    /// Send these bytes to the card, in one write. May carry a PIN: `Debug` shows their number only.
    Send(Vec<u8>),
    /// End the connection; the slot is empty.
    Close,
    /// The answer to the command.
    Answer(ReaderAnswer),
}

/// The fewest bytes that are a command on this wire; fewer would be read as a control.
const COMMAND_BYTES_MIN: usize = 2;

impl Reader {
    /// Whether a card is in the slot.
    pub const fn is_holding(&self) -> bool {
        matches!(self.slot, Slot::Holding(_))
    }

    /// Something happened. Panics if a command comes while another is under way: that is a mistake of the driver.
    pub fn handle_input(&mut self, input: Input<'_>) {
        match input {
            Input::CardInserted => self.on_inserted(),
            Input::CardRemoved => self.on_gone(ReaderAnswer::CardRemoved),
            Input::Received(bytes) => self.on_received(bytes),
            Input::AnswerLate => self.on_late(),
            Input::Command(command) => self.on_command(command),
        }
    }

    /// The next thing to do, until there is none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn on_inserted(&mut self) {
        self.on_gone(ReaderAnswer::CardRemoved);
        self.slot = Slot::Holding(Dialog {
            decoder: Decoder::default(),
            is_powered: false,
            awaited: Awaited::Nothing,
        });
    }

    /// The slot is empty from here on; a command under way is answered with `answer`.
    fn on_gone(&mut self, answer: ReaderAnswer) {
        match core::mem::take(&mut self.slot) {
            Slot::Empty => {}
            Slot::Holding(dialog) if dialog.awaited == Awaited::Nothing => {}
            Slot::Holding(_) => self.answer(answer),
        }
    }

    fn eject(&mut self, answer: ReaderAnswer) {
        self.outputs.push_back(Output::Close);
        self.on_gone(answer);
    }

    /// An answer that comes later would be taken for that to another command.
    fn on_late(&mut self) {
        match &self.slot {
            Slot::Holding(dialog) if dialog.awaited != Awaited::Nothing => {
                self.eject(ReaderAnswer::CardMute);
            }
            Slot::Holding(_) | Slot::Empty => {}
        }
    }

    fn on_received(&mut self, mut bytes: &[u8]) {
        while let Slot::Holding(dialog) = &mut self.slot {
            let Some(message) = dialog.decoder.take(&mut bytes) else {
                return;
            };
            let awaited = core::mem::replace(&mut dialog.awaited, Awaited::Nothing);
            match (awaited, &message[..]) {
                // Nobody asked; whatever comes next could not be told apart.
                (Awaited::Nothing, _) => self.eject(ReaderAnswer::CardRemoved),
                (Awaited::Atr, []) => {
                    self.answer(ReaderAnswer::CardAbsent);
                    self.eject(ReaderAnswer::CardAbsent);
                }
                (Awaited::Atr, atr) => {
                    let atr = Atr::try_from(atr);
                    self.answer(atr.map_or(ReaderAnswer::CardMute, ReaderAnswer::Atr));
                }
                (Awaited::Response, []) => {
                    self.answer(ReaderAnswer::CardRemoved);
                    self.eject(ReaderAnswer::CardRemoved);
                }
                (Awaited::Response, response) => self.answer(ReaderAnswer::from_received(response)),
            }
        }
    }

    fn on_command(&mut self, command: &ReaderCommand) {
        let Slot::Holding(dialog) = &mut self.slot else {
            return self.answer(match command {
                ReaderCommand::PowerOn => ReaderAnswer::CardAbsent,
                ReaderCommand::Transmit(_) => ReaderAnswer::CardRemoved,
                ReaderCommand::PowerOff => ReaderAnswer::PoweredOff,
            });
        };
        assert!(
            dialog.awaited == Awaited::Nothing,
            "the driver sent a command before the answer"
        );
        match command {
            ReaderCommand::PowerOn => {
                let reset = if dialog.is_powered { RESET } else { POWER_ON };
                dialog.is_powered = true;
                dialog.awaited = Awaited::Atr;
                self.send([0, 1, reset, 0, 1, ATR].to_vec());
            }
            ReaderCommand::Transmit(tpdu) => match encode(tpdu) {
                Ok(bytes) if tpdu.len() >= COMMAND_BYTES_MIN => {
                    dialog.awaited = Awaited::Response;
                    self.send(bytes);
                }
                // What this wire cannot carry, no card behind it answers.
                Ok(_) | Err(_) => self.answer(ReaderAnswer::CardMute),
            },
            ReaderCommand::PowerOff => {
                dialog.is_powered = false;
                self.send([0, 1, POWER_OFF].to_vec());
                self.answer(ReaderAnswer::PoweredOff);
            }
        }
    }

    fn send(&mut self, bytes: Vec<u8>) {
        self.outputs.push_back(Output::Send(bytes));
    }

    fn answer(&mut self, answer: ReaderAnswer) {
        self.outputs.push_back(Output::Answer(answer));
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(bytes) => write!(f, "Send({} bytes)", bytes.len()),
            Self::Close => f.write_str("Close"),
            Self::Answer(answer) => f.debug_tuple("Answer").field(answer).finish(),
        }
    }
}
