//! What a station has to tell: to the person before it, to a script, to a report. Never holds a secret.
//!
//! Texts that came from the device are as it sent them: escape them before they go on a screen (LG-03).

use apdu::InvalidPinEntry;
use protocol::{
    CeremonyResetReason, ClosingReason, DeniedReason, Error, Header, Info, Method, NetworkSettings, Progress,
    Violation,
};

use crate::{
    Fingerprint,
    tls::{Secured, TlsError},
};

/// Something to be told. A machine's error is one of these too: nothing is ever only logged.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// The TLS handshake is done and the device is the trusted one; no line has been sent or read yet. Source: CL-06.
    Secured(Secured),
    /// The device's certificate is not the pinned one; no line was sent. [`Notice::Ended`] follows. Source: CL-06.
    FingerprintChanged {
        /// The fingerprint that was trusted.
        pinned: Fingerprint,
        /// The fingerprint that the device presented.
        presented: Fingerprint,
    },
    /// The session is open: this station is the manager.
    Opened {
        /// Source: HD-01.
        header: Header,
        /// The custodian process in progress, if there is one.
        ceremony: Option<Progress>,
    },
    /// This connection did not become a session.
    Denied {
        /// Why.
        reason: DeniedReason,
        /// The device's sentence.
        text: String,
    },
    /// The device ends the session.
    Closing {
        /// Why.
        reason: ClosingReason,
        /// The device's sentence.
        text: String,
    },
    /// The answer to [`Method::Header`].
    Header(Header),
    /// The answer to [`Method::Info`].
    Info(Info),
    /// The answer to [`Method::Network`], or to [`Method::SetNetwork`]: the settings as they are now.
    Network(NetworkSettings),
    /// The answer to [`Method::HttpConsoleUrl`].
    HttpConsoleUrl {
        /// The login page, as the device names it.
        url: String,
    },
    /// The card counted and more custodians are needed. Source: AU-04.
    Intermediary {
        /// Cards accepted so far.
        presented: u8,
        /// M of the set.
        required: u8,
        /// Milliseconds until the process starts again.
        expires_in_ms: u64,
    },
    /// The card counted and was the last: this connection is the administrator's. Source: AU-05.
    Administrator {
        /// Cards accepted: `required`.
        presented: u8,
        /// M of the set.
        required: u8,
        /// Whether the process has also activated the device.
        activated: bool,
    },
    /// The activation password was right, or is set: this connection is the administrator's. Source: PK-02.
    Activated,
    /// The device did what was asked, and has nothing to tell about it.
    Done {
        /// What was asked.
        act: Method,
    },
    /// The device refused what was asked.
    Refused {
        /// What was asked.
        act: Method,
        /// The device's reason.
        error: Error,
    },
    /// The act was not sent to the device.
    NotSent {
        /// What was asked.
        act: Method,
        /// Why not.
        why: NotSent,
    },
    /// The header has changed. Source: HD-02.
    HeaderChanged(Header),
    /// The custodian process has come further.
    CeremonyProgress(Progress),
    /// The cards accepted so far no longer count.
    CeremonyReset {
        /// Why.
        reason: CeremonyResetReason,
    },
    /// A long operation goes on.
    OperationProgress {
        /// 0 to 100, as the device says.
        percent: u8,
        /// The device's sentence.
        text: String,
    },
    /// What was typed is no PIN; the card has not seen it and no try is lost. The prompt follows again. Source: PN-03.
    PinRefused(InvalidPinEntry),
    /// The device asked for what a station does not do; nothing went to the card. Source: AU-22.
    CardRequestRefused {
        /// The method.
        method: String,
        /// The first bytes of the command it asked for, at most 4; empty for a request without a command.
        header: Vec<u8>,
    },
    /// The device broke the protocol; the station hangs up.
    ProtocolBroken(Broken),
    /// The connection is over. Always the last notice, and always given.
    Ended {
        /// How it came to that.
        ending: Ending,
    },
}

/// Why an act was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// The device has not opened the session yet.
    NotOpen,
    /// The session has ended.
    Over,
    /// [`protocol::REQUESTS_OPEN_MAX`] requests wait for their answers.
    TooManyOpen,
}

/// How a device broke the protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// A line grew past [`protocol::LINE_BYTES_MAX`].
    LineTooLong,
    /// A line that is no message, an id used twice, or an answer to nothing.
    Violation(Violation),
    /// The first line was neither `session.opened` nor `session.denied`.
    NotOpened,
    /// The session was opened in a version that this station does not speak.
    Version(u32),
    /// The session was opened, or denied, a second time.
    OpenedAgain,
    /// The result of an act is not of its form.
    Result {
        /// What was asked.
        act: Method,
    },
}

/// How a connection ended. The first cause, where one led to another.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// The device did not let this station in.
    Denied(DeniedReason),
    /// The device ended the session and said why.
    Closing(ClosingReason),
    /// [`Method::Close`] was answered.
    Closed,
    /// The user hung up without a word ([`StationInput::HangUp`](super::StationInput::HangUp)).
    HungUp,
    /// The device broke the protocol.
    ProtocolBroken(Broken),
    /// TLS failed, or the device is not the trusted one.
    Tls(TlsError),
    /// The device closed the connection in order (`close_notify`) and without a reason.
    LeftByDevice,
    /// The connection broke off: no `close_notify` came. A power cut looks like this.
    Torn,
}
