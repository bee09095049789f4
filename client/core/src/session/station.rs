//! What passes between a session and its station: the user, the reader and the screen. Words only; see `session.rs`.

use apdu::{ReaderAnswer, ReaderCommand};
use protocol::ManagerRequest;

use super::Notice;
use crate::Pin;

/// What the user of a station can do; each sends one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// Reads the header.
    Header,
    /// Reads the information tab.
    Info,
    /// Reads the network tab.
    Network,
    /// Asks where the HTTP console is.
    HttpConsoleUrl,
    /// Presents the card of one custodian: the card dialog.
    StartAuthentication,
    /// Ends the card dialog in progress, not the custodian process.
    CancelAuthentication,
    /// Stops the HSM service.
    StopService,
    /// Starts the HSM service.
    StartService,
    /// Restarts the device.
    Restart,
    /// Switches the device off.
    PowerOff,
    /// Ends the session.
    Close,
}

impl Act {
    /// Every act.
    pub const ALL: &[Self] = &[
        Self::Header,
        Self::Info,
        Self::Network,
        Self::HttpConsoleUrl,
        Self::StartAuthentication,
        Self::CancelAuthentication,
        Self::StopService,
        Self::StartService,
        Self::Restart,
        Self::PowerOff,
        Self::Close,
    ];

    /// The request that it becomes.
    pub const fn request(self) -> ManagerRequest {
        match self {
            Self::Header => ManagerRequest::Header,
            Self::Info => ManagerRequest::Info,
            Self::Network => ManagerRequest::Network,
            Self::HttpConsoleUrl => ManagerRequest::HttpConsoleUrl,
            Self::StartAuthentication => ManagerRequest::AuthStart,
            Self::CancelAuthentication => ManagerRequest::AuthCancel,
            Self::StopService => ManagerRequest::StopService,
            Self::StartService => ManagerRequest::StartService,
            Self::Restart => ManagerRequest::Restart,
            Self::PowerOff => ManagerRequest::PowerOff,
            Self::Close => ManagerRequest::Close,
        }
    }
}

/// What happens at a station.
#[derive(Clone, Debug)]
pub enum StationInput {
    /// Its user acts.
    Ask(Act),
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
