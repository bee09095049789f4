//! The card: power, the order of writes and answers, and the one place that counts a try before it is compared.
//! Makes nothing durable by itself; what a command does stands under `command`.

use apdu::{Atr, ResponseApdu, StatusWord};

use crate::{
    cell::{Cell, CellWrite},
    command::{self, Outcome},
    image::{CardImage, LOCK_SEALED},
    pin::{Presented, TryCounted},
    plan::Plan,
    profile,
    randomness::Randomness,
    session::Session,
};

/// A card. A clone is the same card in the same instant.
///
/// To cut its power at any point, drop it with what it has not handed out, and make another from the image as far as
/// it was written. A write that is cut off is [`CellWrite::torn_after`] so many of its bytes.
#[derive(Clone, Debug)]
pub struct Card {
    /// The cells as far as the driver has said that they are written.
    image: CardImage,
    state: State,
    storage: Storage,
    reply: Option<Reply>,
    randomness: Randomness,
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
    /// The write that was handed out last did not happen: the cell holds what it held.
    NotWritten(WriteFault),
    /// 32 bytes of chance, from which GET CHALLENGE draws from now on. A card that was lent none refuses it with 6985.
    Randomness([u8; 32]),
}

/// Why a cell was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteFault {
    /// The cell does not take it: the command ends with 6581.
    Worn,
    /// There is no room: the command ends with 6A84.
    Full,
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
    ExpectCounted(Session, Presented),
    /// One write is under way, the others follow.
    Writing(Session, Plan),
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
    pub fn from_image(image: CardImage) -> Self {
        Self {
            image,
            state: State::Off,
            storage: Storage::Idle,
            reply: None,
            randomness: Randomness::default(),
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

    /// Something happened. Panics if a command comes while another is under way, or [`Input::Written`] or
    /// [`Input::NotWritten`] without a write: T=0 has one command at a time, and both are mistakes of the driver, not of its peer.
    pub fn handle_input(&mut self, input: Input<'_>) {
        match input {
            Input::PowerOn => self.on_reset(),
            Input::WarmReset if self.is_powered() => self.on_reset(),
            Input::WarmReset => {}
            Input::PowerOff => self.on_power_off(),
            Input::Transmit(bytes) => self.on_transmit(bytes),
            Input::Written => self.on_written(),
            Input::NotWritten(fault) => self.on_not_written(fault),
            Input::Randomness(seed) => self.randomness = Randomness::lent(seed),
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

    /// The power is gone at this point, and this is what is left; only what was lent stays.
    pub(crate) fn cut_power(&mut self, image: CardImage) {
        self.image = image;
        self.state = State::Off;
        self.storage = Storage::Idle;
        self.reply = None;
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
            State::ExpectCounted(..) | State::Writing(..) => {
                panic!("the driver sent a command before the answer")
            }
        };
        assert!(
            self.reply.is_none(),
            "the driver sent a command before it took the answer"
        );
        match command::run(&mut session, &self.image, &mut self.randomness, bytes) {
            Outcome::Answer(response) => self.answer(session, response),
            Outcome::Write(plan) => self.write_next(session, plan),
            //= CD-04
            Outcome::CountTry(presented) => {
                self.write(CellWrite::byte(Cell::TryCounter, self.image.try_counter() + 1));
                self.state = State::ExpectCounted(session, presented);
            }
        }
    }

    fn on_written(&mut self) {
        let write = self.take_handed_out();
        self.image.apply(&write);
        match core::mem::replace(&mut self.state, State::Off) {
            // A reset came between: the cell is written and nothing follows from it.
            State::Off => {}
            State::Ready(session) => self.state = State::Ready(session),
            State::ExpectCounted(session, presented) => {
                self.on_counted(session, presented, TryCounted::after_write());
            }
            State::Writing(session, plan) => self.write_next(session, plan),
        }
    }

    /// Whatever the command was, it ends here. A try that could not be counted is not compared.
    //= CD-04
    fn on_not_written(&mut self, fault: WriteFault) {
        drop(self.take_handed_out());
        let status = match fault {
            WriteFault::Worn => StatusWord::MEMORY_FAILURE,
            WriteFault::Full => StatusWord::NO_ROOM,
        };
        match core::mem::replace(&mut self.state, State::Off) {
            State::Off => {}
            State::Ready(session) => self.state = State::Ready(session),
            State::ExpectCounted(session, _) | State::Writing(session, _) => {
                self.answer(session, status.into());
            }
        }
    }

    fn take_handed_out(&mut self) -> CellWrite {
        let Storage::HandedOut(write) = core::mem::replace(&mut self.storage, Storage::Idle) else {
            panic!("the driver reports a write that was not handed out");
        };
        write
    }

    //= CD-03
    fn on_counted(&mut self, session: Session, presented: Presented, counted: TryCounted) {
        let Presented { candidate, change_to } = presented;
        let Some(verified) = candidate.on_counted(counted, self.image.pin()) else {
            return self.answer(session, StatusWord::wrong_pin(self.image.tries_left()).into());
        };
        let forgiven = CellWrite::byte(Cell::TryCounter, 0);
        //= CD-06
        let changed = change_to.into_iter().flat_map(|pin| {
            // The bit of the seal is what makes the new PIN count: however much of it is written before, the old one
            // counts; and after, all of it is written.
            [
                CellWrite::pin(Cell::ChangedPin, pin),
                CellWrite::byte(Cell::Lock1, LOCK_SEALED),
            ]
        });
        let plan = Plan::new(core::iter::once(forgiven).chain(changed), Some(verified));
        self.write_next(session, plan);
    }

    /// The next write of a command, or its success.
    fn write_next(&mut self, mut session: Session, mut plan: Plan) {
        if let Some(write) = plan.next() {
            self.write(write);
            self.state = State::Writing(session, plan);
        } else {
            session.verified = plan.verified_after;
            self.answer(session, StatusWord::OK.into());
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
