//! What passes between a session and its station: the user, the reader and the screen. Words only; see `session.rs`.

use apdu::{ReaderAnswer, ReaderCommand};
use protocol::ManagerRequest;

use super::Notice;
use crate::Pin;

/// What happens at a station.
#[derive(Clone, Debug)]
pub enum StationInput {
    /// Its user acts: one line to the device.
    Ask(ManagerRequest),
    /// Its user leaves without a word: prompt withdrawn, card reset, connection closed.
    HangUp,
    /// A card was put into the reader.
    CardInserted,
    /// The card was taken out of the reader.
    CardRemoved,
    /// The reader answers its oldest [`ReaderCommand`] without an answer. Every command has exactly one, and it goes
    /// to the session that gave the command, or to none if that has ended.
    Reader(ReaderAnswer),
    /// The custodian answers [`StationOutput::AskForPin`].
    PinEntered(Pin),
    /// The custodian gives up at the prompt, whichever it is.
    PinCancelled,
}

/// What a session asks of its station.
#[derive(Clone, Debug, PartialEq)]
pub enum StationOutput {
    /// Tell the reader. The commands are carried out in order, and each is answered.
    Reader(ReaderCommand),
    /// Ask for a card to be inserted. Over with [`StationInput::CardInserted`], [`StationInput::PinCancelled`] or
    /// [`StationOutput::WithdrawPrompt`].
    AskForCard,
    /// Ask for the PIN. Over with [`StationInput::PinEntered`], [`StationInput::PinCancelled`] or
    /// [`StationOutput::WithdrawPrompt`].
    AskForPin,
    /// The prompt is moot: take it from the screen and forget what was typed.
    WithdrawPrompt,
    /// Tell the user.
    Notice(Notice),
}
