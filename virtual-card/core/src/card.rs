//! The card: power, the order of writes and answers, and the one place that counts a try before it is compared.
//! Makes nothing durable by itself; what a command does stands under `command`.

use apdu::{Atr, ResponseApdu, StatusWord};

use crate::{
    cell::{Cell, CellWrite},
    command::{self, Outcome},
    image::CardImage,
    pin::{ExpectCounted, PinVerified, TryCounted},
    profile,
    session::Session,
};

/// A card. A clone is the same card in the same instant.
///
/// To cut its power at any point, drop it with what it has not handed out, and make another from the image as far as
/// it was written.
#[derive(Clone, Debug)]
pub struct Card {
    /// The cells as far as the driver has said that they are written.
    image: CardImage,
    state: State,
    storage: Storage,
    reply: Option<Reply>,
}

/// What a card is told.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Put into a powered reader, or its power was off and comes back: a cold reset.
    PowerOn,
    /// Reset without loss of power.
    WarmReset,
    /// Taken out, or its power goes.
    PowerOff,
    /// One T=0 command, of any length. A card without power hears nothing and answers nothing.
    Transmit(&'a [u8]),
    /// The write that was handed out last is durable.
    Written,
}

/// What a card hands out, in this order and no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Make this durable, then tell [`Input::Written`]; nothing comes before that.
    Write(CellWrite),
    /// The answer to a reset.
    Atr(Atr),
    /// The answer to a command; each command has exactly one.
    Answer(ResponseApdu),
}

#[derive(Clone, Debug)]
enum State {
    Off,
    Ready(Session),
    /// Counted, or about to be; not yet compared.
    ExpectCounted(Session, ExpectCounted),
    /// Compared and right; not yet forgiven.
    ExpectCleared(Session, PinVerified),
}

#[derive(Clone, Debug)]
enum Storage {
    Idle,
    Waiting(CellWrite),
    /// The driver has it and has not come back. It may be durable or not; only the driver knows.
    HandedOut(CellWrite),
}

#[derive(Clone, Debug)]
enum Reply {
    Atr,
    Answer(ResponseApdu),
}

impl Card {
    /// The card of this image, without power.
    pub const fn from_image(image: CardImage) -> Self {
        Self {
            image,
            state: State::Off,
            storage: Storage::Idle,
            reply: None,
        }
    }

    /// The cells as far as the driver has said that they are written.
    pub const fn image(&self) -> &CardImage {
        &self.image
    }

    /// Whether it would answer a command.
    pub const fn is_powered(&self) -> bool {
        !matches!(self.state, State::Off)
    }

    /// Something happened. Panics if a command comes while another is under way, or [`Input::Written`] without a
    /// write: T=0 has one command at a time, and both are mistakes of the driver, not of its peer.
    pub fn handle_input(&mut self, input: Input<'_>) {
        match input {
            Input::PowerOn => self.on_reset(),
            Input::WarmReset if self.is_powered() => self.on_reset(),
            Input::WarmReset => {}
            Input::PowerOff => self.on_power_off(),
            Input::Transmit(bytes) => self.on_transmit(bytes),
            Input::Written => self.on_written(),
        }
    }

    /// The next thing to do, until there is none.
    pub fn poll_output(&mut self) -> Option<Output> {
        match core::mem::replace(&mut self.storage, Storage::Idle) {
            Storage::Waiting(write) => {
                self.storage = Storage::HandedOut(write.clone());
                return Some(Output::Write(write));
            }
            handed_out @ Storage::HandedOut(_) => {
                self.storage = handed_out;
                return None;
            }
            Storage::Idle => {}
        }
        Some(match self.reply.take()? {
            Reply::Atr => Output::Atr(profile::atr()),
            Reply::Answer(response) => Output::Answer(response),
        })
    }

    //= CD-08
    fn on_reset(&mut self) {
        self.on_power_off();
        self.state = State::Ready(Session::after_reset());
        self.reply = Some(Reply::Atr);
    }

    /// A write that nobody has taken never happens. One that was handed out is still waited for, since guessing
    /// whether it became durable could give a free try.
    fn on_power_off(&mut self) {
        self.state = State::Off;
        self.reply = None;
        if matches!(self.storage, Storage::Waiting(_)) {
            self.storage = Storage::Idle;
        }
    }

    fn on_transmit(&mut self, bytes: &[u8]) {
        let mut session = match core::mem::replace(&mut self.state, State::Off) {
            State::Off => return,
            State::Ready(session) => session,
            State::ExpectCounted(..) | State::ExpectCleared(..) => {
                panic!("the driver sent a command before the answer")
            }
        };
        assert!(
            self.reply.is_none(),
            "the driver sent a command before it took the answer"
        );
        match command::run(&mut session, &self.image, bytes) {
            Outcome::Answer(response) => self.answer(session, response),
            //= CD-04
            Outcome::CountTry(candidate) => {
                self.write(CellWrite::byte(Cell::TryCounter, self.image.try_counter() + 1));
                self.state = State::ExpectCounted(session, candidate);
            }
        }
    }

    fn on_written(&mut self) {
        let Storage::HandedOut(write) = core::mem::replace(&mut self.storage, Storage::Idle) else {
            panic!("the driver reports a write that was not handed out");
        };
        self.image.apply(&write);
        match core::mem::replace(&mut self.state, State::Off) {
            // A reset came between: the cell is written and nothing follows from it.
            State::Off => {}
            State::Ready(session) => self.state = State::Ready(session),
            State::ExpectCounted(session, candidate) => {
                self.on_counted(session, candidate, TryCounted::after_write());
            }
            State::ExpectCleared(mut session, verified) => {
                session.verified = Some(verified);
                self.answer(session, StatusWord::OK.into());
            }
        }
    }

    //= CD-03
    fn on_counted(&mut self, session: Session, candidate: ExpectCounted, counted: TryCounted) {
        match candidate.on_counted(counted, self.image.pin()) {
            Some(verified) => {
                self.write(CellWrite::byte(Cell::TryCounter, 0));
                self.state = State::ExpectCleared(session, verified);
            }
            None => self.answer(session, StatusWord::wrong_pin(self.image.tries_left()).into()),
        }
    }

    fn answer(&mut self, session: Session, response: ResponseApdu) {
        self.state = State::Ready(session);
        self.reply = Some(Reply::Answer(response));
    }

    fn write(&mut self, write: CellWrite) {
        self.storage = Storage::Waiting(write);
    }
}
