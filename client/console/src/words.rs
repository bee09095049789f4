//! What is said about what came of an act, and what can be done about it. Knows no screen.

use hsm_client::{Broken, Ending, TlsError};
use protocol::{DeniedReason, Error, ErrorName};

/// How a connection ended, and what can be done about it.
pub(crate) fn ending(ending: &Ending) -> Vec<String> {
    match ending {
        Ending::Denied(reason) => vec![
            format!(
                "The device denied the session: {} (`{reason}`).",
                reason.sentence()
            ),
            denied(*reason).into(),
        ],
        Ending::Closing(reason) => vec![format!(
            "The device ended the session: {} (`{reason}`).",
            reason.sentence()
        )],
        Ending::Closed | Ending::HungUp => vec!["The session is closed.".into()],
        Ending::ProtocolBroken(how) => vec![
            format!("The device broke the protocol: {}.", broken(how)),
            "The session was ended here. See that this is an HSM of a version that this program knows."
                .into(),
        ],
        Ending::Tls(TlsError::FingerprintChanged { .. }) => {
            vec!["This is not the trusted device. Nothing was sent to it.".into()]
        }
        Ending::Tls(TlsError::Protocol(why)) => vec![
            format!("There is no secure connection: {why}."),
            "See that an HSM listens there, and that its remote management is enabled.".into(),
        ],
        Ending::LeftByDevice => vec!["The device closed the connection without a reason.".into()],
        Ending::Torn => vec![
            "The connection broke off.".into(),
            "The device may have lost power, or the network. Connect again.".into(),
        ],
    }
}

const fn denied(reason: DeniedReason) -> &'static str {
    match reason {
        DeniedReason::Busy => "Only one can be connected at a time. Wait until the other has left.",
        DeniedReason::NotArmed => "Choose Remote Management at the local console of the device first.",
        DeniedReason::ShuttingDown => "Wait until the device is up again.",
    }
}

fn broken(how: &Broken) -> String {
    match how {
        Broken::LineTooLong => format!("a line is longer than {} bytes", protocol::LINE_BYTES_MAX),
        Broken::Violation(_) => "a line is no message that fits here".into(),
        Broken::NotOpened => "the first line does not open a session".into(),
        Broken::Version(version) => format!("it speaks version {version}"),
        Broken::OpenedAgain => "it opened the session twice".into(),
        Broken::Result { .. } => "an answer is not of its form".into(),
    }
}

/// Why the device refused, and what can be done about it.
pub(crate) fn refused(error: &Error) -> Vec<String> {
    let mut lines = vec![format!("{error}.")];
    if let Some(tries_left) = error.data.get("tries_left") {
        lines.push(format!("{tries_left} tries are left."));
    }
    if let Some(wait_ms) = error.data.get("wait_ms").and_then(serde_json::Value::as_u64) {
        lines.push(format!("Wait {} s.", wait_ms.div_ceil(1_000)));
    }
    lines.extend(error.name.and_then(remedy).map(Into::into));
    lines
}

const fn remedy(error: ErrorName) -> Option<&'static str> {
    match error {
        ErrorName::NotAuthenticated => Some("Authenticate first."),
        ErrorName::ServiceNotStarted => Some("Start the service first."),
        ErrorName::SvmkMismatch => Some("All custodians start again, with the set of this device."),
        ErrorName::CardWrongSet => Some("Use a card of the set that is bound to this device."),
        ErrorName::CardWrongPurpose => Some("Use a card of the Server Master Key set."),
        ErrorName::CardAlreadyPresented => Some("Use the card of another custodian."),
        ErrorName::CardNotInitialized | ErrorName::CardIncompatible | ErrorName::CardDamaged => {
            Some("Use another card of the set.")
        }
        ErrorName::CardAbsent | ErrorName::CardRemoved => Some("Insert the card and leave it in the reader."),
        ErrorName::CardMute => Some("Take the card out, insert it the right way round, try again."),
        ErrorName::ReaderUnavailable => Some("Plug the reader in; `hsm-client doctor` says what is missing."),
        ErrorName::CardBlocked => Some("Nothing revives this card. Use another one of the set."),
        ErrorName::ConfirmationMismatch => Some("Type the serial number as the header shows it."),
        _ => None,
    }
}
