//! Faults that a card can have, as a value around a card: it meets the same inputs and hands out what a card with these
//! faults would. Decides nothing that a card decides; waits for nothing, but says how long.
//!
//! ```
//! use card_core::{Card, CardImage, FaultyCard, FaultyOutput, Faults, Input};
//!
//! let faults = Faults::from_text("version = 1\n[[fault]]\nkind = \"wrong_status\"\nat = 2\nstatus = \"6F00\"\n")?;
//! let card = Card::from_image(CardImage::virgin(apdu::Csn(*b"an example card!")));
//! let mut card = FaultyCard::new(card, faults);
//! let mut told = Vec::new();
//! for input in [Input::PowerOn, Input::Transmit(b"\x00\xA4\x00\x0C"), Input::Transmit(b"\x00\xA4\x00\x0C")] {
//!     card.handle_input(input);
//!     while let Some(output) = card.poll_output() {
//!         if let FaultyOutput::Answer { bytes, .. } = output {
//!             told.push(bytes);
//!         }
//!     }
//! }
//! assert_eq!(told, [[0x90, 0x00], [0x6F, 0x00]]);
//! # Ok::<(), card_core::InvalidFaults>(())
//! ```

mod text;

use core::{fmt, time::Duration};

use apdu::{StatusWord, mpcos};

pub use text::InvalidFaults;

use crate::{
    card::{Card, Input, Output, WriteFault},
    cell::{Cell, CellWrite},
    image::CardImage,
};

/// The most faults of one card.
pub const FAULTS_MAX: usize = 64;
/// The most bytes of an answer to reset, with TS. Source: ISO/IEC 7816-3, clause 8.
pub const ATR_BYTES_MAX: usize = 33;
/// The longest that a slow card takes.
pub const DELAY_MAX: Duration = Duration::from_secs(3_600);

/// The faults of one card; none by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

/// One fault and when it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// At which command, counted from 1 since the faults began; a reset does not count anew. `None` is at every one.
    /// [`FaultKind::Mute`] shows from that command on. [`FaultKind::Atr`] has no command and shows at every reset, and
    /// [`FaultKind::LosesContact`] counts writes instead.
    pub at: Option<u32>,
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The card hears no command any more. It still answers a reset.
    Mute,
    /// The card loses its power after so many bytes of this command reached its memory, or before the answer if the
    /// command writes fewer.
    TornOut {
        /// 0 is before anything is written.
        bytes: u16,
    },
    /// The card loses its power instead of one write, once. What it wrote before stays.
    LosesContact {
        /// So many writes to cells are done before, counted since the faults began, whichever commands they belong to.
        writes: u32,
    },
    /// Only so many bytes of the answer arrive, the status word being its last two.
    ShortAnswer {
        /// 0..=257.
        bytes: u16,
    },
    /// The card does what it should and says this instead.
    WrongStatus {
        /// The only two bytes of the answer.
        status: StatusWord,
    },
    /// The answer is late.
    Slow {
        /// At most [`DELAY_MAX`].
        delay: Duration,
    },
    /// Another answer to reset.
    Atr {
        /// At most [`ATR_BYTES_MAX`]; none is a card that does not answer a reset.
        bytes: Vec<u8>,
    },
    /// There is no room for what UPDATE BINARY writes: 6A84, and the file is as it was.
    MemoryFull,
    /// A cell that takes no write any more. The card reads back what it wrote: 6581.
    WornCell {
        /// Which one.
        cell: Cell,
    },
}

impl Faults {
    /// These faults; `None` if they are more than [`FAULTS_MAX`].
    pub fn new(faults: Vec<Fault>) -> Option<Self> {
        (faults.len() <= FAULTS_MAX).then_some(Self(faults))
    }

    /// The faults, in their order.
    pub fn as_slice(&self) -> &[Fault] {
        &self.0
    }

    /// What the first fault that shows at this command and that `pick` knows comes to.
    fn at<T>(&self, command: u32, pick: impl Fn(&FaultKind) -> Option<T>) -> Option<T> {
        let shows = |fault: &Fault| match (&fault.kind, fault.at) {
            (_, None) => true,
            (FaultKind::Mute, Some(at)) => command >= at,
            (_, Some(at)) => command == at,
        };
        self.0
            .iter()
            .filter(|fault| shows(fault))
            .find_map(|fault| pick(&fault.kind))
    }

    fn is_mute(&self, command: u32) -> bool {
        self.at(command, |kind| matches!(kind, FaultKind::Mute).then_some(()))
            .is_some()
    }

    fn is_full(&self, command: u32) -> bool {
        self.at(command, |kind| {
            matches!(kind, FaultKind::MemoryFull).then_some(())
        })
        .is_some()
    }

    fn is_worn(&self, command: u32, written: Cell) -> bool {
        self.at(command, |kind| match kind {
            FaultKind::WornCell { cell } => (*cell == written).then_some(()),
            _ => None,
        })
        .is_some()
    }

    fn torn_after(&self, command: u32) -> Option<usize> {
        self.at(command, |kind| match kind {
            FaultKind::TornOut { bytes } => Some(usize::from(*bytes)),
            _ => None,
        })
    }

    fn loses_contact(&self, after: u32) -> bool {
        let loses =
            |fault: &Fault| matches!(fault.kind, FaultKind::LosesContact { writes } if writes == after);
        self.0.iter().any(loses)
    }

    fn atr(&self) -> Option<&[u8]> {
        self.0.iter().find_map(|fault| match &fault.kind {
            FaultKind::Atr { bytes } => Some(&bytes[..]),
            _ => None,
        })
    }
}

/// A card with faults. It is told what a card is told; without faults it hands out what a card hands out.
#[derive(Clone, Debug)]
pub struct FaultyCard {
    card: Card,
    faults: Faults,
    /// Commands that reached the contacts of the card.
    commands: u32,
    /// Writes that were handed out, or were lost with the contact.
    writes: u32,
    is_update: bool,
    /// Bytes of memory that the command has written.
    written: usize,
    torn: Torn,
}

/// What a torn card still hands out.
#[derive(Clone, Debug)]
enum Torn {
    No,
    /// A part of a write is with the driver. The last thing that happens to this card in its reader.
    Writing(CellWrite),
    /// To be told.
    Out,
}

/// What a card with faults hands out, in the order of [`Output`].
#[derive(Clone, PartialEq, Eq)]
pub enum FaultyOutput {
    /// As [`Output::Write`]; what is cut off is a shorter write.
    Write(CellWrite),
    /// The answer to a reset, 1..=33 bytes, which may be no ATR.
    Atr(Vec<u8>),
    /// The answer to a command.
    Answer {
        /// 0..=258 bytes, which may be no answer.
        bytes: Vec<u8>,
        /// How long after the command it comes.
        after: Duration,
    },
    /// The card has lost its power and is no longer in the reader. Putting it back is [`Input::PowerOn`].
    TornOut,
}

impl FaultyCard {
    /// A card whose commands are counted from now on.
    pub const fn new(card: Card, faults: Faults) -> Self {
        Self {
            card,
            faults,
            commands: 0,
            writes: 0,
            is_update: false,
            written: 0,
            torn: Torn::No,
        }
    }

    /// The cells as far as the driver has said that they are written.
    pub const fn image(&self) -> &CardImage {
        self.card.image()
    }

    /// Whether it would hear a command.
    pub const fn is_powered(&self) -> bool {
        self.card.is_powered()
    }

    /// Other faults, or none; commands and writes are counted from now on. A tear that has begun is not undone.
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
        self.commands = 0;
        self.writes = 0;
    }

    /// As [`Card::handle_input`].
    pub fn handle_input(&mut self, input: Input<'_>) {
        match (input, core::mem::replace(&mut self.torn, Torn::No)) {
            (Input::Written, Torn::Writing(part)) => {
                let mut image = self.card.image().clone();
                image.apply(&part);
                self.tear_out(image);
            }
            (Input::NotWritten(_), Torn::Writing(_)) => self.tear_out(self.card.image().clone()),
            // It has no contact; whether the part was written is not known yet.
            (_, part @ Torn::Writing(_)) => self.torn = part,
            (Input::Transmit(tpdu), torn @ (Torn::No | Torn::Out)) => {
                self.torn = torn;
                self.on_transmit(tpdu);
            }
            (input, torn @ (Torn::No | Torn::Out)) => {
                self.torn = torn;
                self.card.handle_input(input);
            }
        }
    }

    fn on_transmit(&mut self, tpdu: &[u8]) {
        if !self.card.is_powered() {
            return;
        }
        self.commands = self.commands.saturating_add(1);
        self.written = 0;
        self.is_update = matches!(tpdu, [0x00, mpcos::UPDATE_BINARY, ..]);
        if !self.faults.is_mute(self.commands) {
            self.card.handle_input(Input::Transmit(tpdu));
        }
    }

    /// As [`Card::poll_output`].
    pub fn poll_output(&mut self) -> Option<FaultyOutput> {
        match self.torn {
            Torn::No => {}
            Torn::Writing(_) => return None,
            Torn::Out => {
                self.torn = Torn::No;
                return Some(FaultyOutput::TornOut);
            }
        }
        loop {
            match self.card.poll_output()? {
                Output::Write(write) => {
                    if let Some(output) = self.on_write(write) {
                        return Some(output);
                    }
                }
                Output::Atr(atr) => {
                    let bytes = self.faults.atr().unwrap_or(atr.as_bytes()).to_vec();
                    if !bytes.is_empty() {
                        return Some(FaultyOutput::Atr(bytes));
                    }
                }
                Output::Answer(_) if self.faults.torn_after(self.commands).is_some() => {
                    return Some(self.torn_out_now());
                }
                Output::Answer(response) => return Some(self.answer(response.to_bytes())),
            }
        }
    }

    /// The write as far as it goes; `None` if the card was told that it did not happen.
    fn on_write(&mut self, write: CellWrite) -> Option<FaultyOutput> {
        if self.faults.is_worn(self.commands, write.cell()) {
            self.card.handle_input(Input::NotWritten(WriteFault::Worn));
            return None;
        }
        if self.is_update && self.faults.is_full(self.commands) {
            self.card.handle_input(Input::NotWritten(WriteFault::Full));
            return None;
        }
        let before = self.writes;
        self.writes = self.writes.saturating_add(1);
        if self.faults.loses_contact(before) {
            return Some(self.torn_out_now());
        }
        let len = write.bytes().len();
        let Some(limit) = self.faults.torn_after(self.commands) else {
            return Some(FaultyOutput::Write(write));
        };
        let left = limit.saturating_sub(self.written);
        if left >= len {
            self.written += len;
            return Some(FaultyOutput::Write(write));
        }
        if left == 0 {
            return Some(self.torn_out_now());
        }
        let part = write.torn_after(left);
        self.torn = Torn::Writing(part.clone());
        Some(FaultyOutput::Write(part))
    }

    fn torn_out_now(&mut self) -> FaultyOutput {
        self.tear_out(self.card.image().clone());
        self.torn = Torn::No;
        FaultyOutput::TornOut
    }

    /// The same card without power; what it was lent stays with it.
    fn tear_out(&mut self, image: CardImage) {
        self.card.cut_power(image);
        self.torn = Torn::Out;
    }

    fn answer(&self, mut bytes: Vec<u8>) -> FaultyOutput {
        let status = self.faults.at(self.commands, |kind| match kind {
            FaultKind::WrongStatus { status } => Some(*status),
            _ => None,
        });
        if let Some(status) = status {
            bytes = status.0.to_be_bytes().to_vec();
        }
        let short = self.faults.at(self.commands, |kind| match kind {
            FaultKind::ShortAnswer { bytes } => Some(usize::from(*bytes)),
            _ => None,
        });
        bytes.truncate(short.unwrap_or(usize::MAX));
        let after = self.faults.at(self.commands, |kind| match kind {
            FaultKind::Slow { delay } => Some(*delay),
            _ => None,
        });
        FaultyOutput::Answer {
            bytes,
            after: after.unwrap_or(Duration::ZERO),
        }
    }
}

/// Answers may carry a shadow: their length only.
impl fmt::Debug for FaultyOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(write) => f.debug_tuple("Write").field(write).finish(),
            Self::Atr(bytes) => write!(f, "Atr({} bytes)", bytes.len()),
            Self::Answer { bytes, after } => write!(f, "Answer({} bytes after {after:?})", bytes.len()),
            Self::TornOut => f.write_str("TornOut"),
        }
    }
}
