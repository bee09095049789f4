//! How a command ended: a name, an exit code, a JSON form and words for each way. The one table of CL-03; decides
//! nothing and prints nothing.

use std::fmt::Write as _;

use apdu::Inspection;
use hsm_client::{Ending, Fingerprint, TlsError, WebAddress};
use program::{ExitCode, shown};
use protocol::{ClosingReason, DeniedReason, Error, ErrorName, Header, Info, NetworkSettings};
use serde_json::{Map, Value, json};
use virtual_card::{CardFileError, inspection_to_json};

use crate::{address::Address, doctor::Finding, errand::Operation, screen};

/// How a command ended, or, for an administrator, how it stands.
#[derive(Debug)]
pub(crate) enum Outcome {
    Status(Header),
    Info(Box<Info>),
    Network(NetworkSettings),
    Intermediary {
        presented: u8,
        required: u8,
        expires_in_ms: u64,
    },
    Administrator {
        presented: u8,
        required: u8,
        activated: bool,
    },
    /// The activation password was right.
    Activated,
    /// The activation password is set.
    PasswordSet,
    Left,
    Done {
        operation: Operation,
    },
    Trusted {
        hsm: Address,
        fingerprint: Fingerprint,
        known: Known,
    },
    Forgotten {
        hsm: Address,
        fingerprint: Option<Fingerprint>,
    },
    /// `trust --show`.
    Known {
        hsm: Address,
        fingerprint: Option<Fingerprint>,
    },
    /// `web`: where the login page is, which the browser was asked to show.
    Web {
        url: WebAddress,
    },
    Readers(Vec<String>),
    Inspected(Box<Inspection>),
    /// `doctor`: what was found.
    Checked(Vec<Finding>),
    Usage {
        message: String,
        hint: &'static str,
    },
    File {
        message: String,
        hint: Option<&'static str>,
    },
    CardImageDamaged {
        message: String,
        hint: Option<&'static str>,
    },
    CardImageInUse {
        message: String,
        hint: Option<&'static str>,
    },
    Unreachable {
        hsm: Address,
        message: String,
    },
    FingerprintChanged {
        hsm: Address,
        trusted: Fingerprint,
        presented: Fingerprint,
    },
    Denied {
        reason: DeniedReason,
        message: String,
    },
    SessionEnded {
        reason: EndReason,
        message: String,
    },
    Refused(Error),
    MoreCustodiansNeeded {
        operation: Operation,
        presented: u8,
        required: u8,
        expires_in_ms: u64,
    },
    Card(Error),
    /// The reader that was named is not there, or is none.
    Reader {
        message: String,
        hint: Option<String>,
    },
    PinMalformed {
        message: String,
    },
    GaveUp,
    TimedOut {
        timeout_ms: u64,
    },
    Internal {
        message: String,
    },
}

/// How well a device was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It is met for the first time, and is remembered now.
    New,
    /// It is the one that was remembered.
    Remembered,
    /// It is the one that was given with `--fingerprint`; nothing is remembered.
    Pinned,
}

impl Known {
    const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Remembered => "remembered",
            Self::Pinned => "pinned",
        }
    }
}

/// Why a session ended that should have gone on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndReason {
    /// The device said so.
    Closing(ClosingReason),
    /// The device closed the connection in order and without a word.
    Left,
    /// The connection broke.
    Torn,
    /// The device broke the protocol, or TLS.
    ProtocolBroken,
    /// The device owed a word and did not say it in time.
    Silent,
}

impl EndReason {
    fn name(self) -> String {
        match self {
            Self::Closing(reason) => reason.name(),
            Self::Left => "left".into(),
            Self::Torn => "torn".into(),
            Self::ProtocolBroken => "protocol_broken".into(),
            Self::Silent => "silent".into(),
        }
    }
}

impl Outcome {
    /// What an error of the device comes to.
    pub(crate) fn of_error(error: Error) -> Self {
        match error.name {
            Some(ErrorName::PinCancelled) => Self::GaveUp,
            Some(
                ErrorName::SvmkMismatch
                | ErrorName::CardWrongSet
                | ErrorName::CardWrongPurpose
                | ErrorName::CardAlreadyPresented
                | ErrorName::CardNotInitialized
                | ErrorName::CardIncompatible
                | ErrorName::CardDamaged
                | ErrorName::CardAbsent
                | ErrorName::CardRemoved
                | ErrorName::CardMute
                | ErrorName::ReaderUnavailable
                | ErrorName::CardError
                | ErrorName::PinWrong
                | ErrorName::CardBlocked,
            ) => Self::Card(error),
            Some(
                ErrorName::ParseError
                | ErrorName::InvalidRequest
                | ErrorName::MethodNotFound
                | ErrorName::InvalidParams
                | ErrorName::NotAuthenticated
                | ErrorName::WrongState
                | ErrorName::NotAvailableOnModel
                | ErrorName::ServiceNotStarted
                | ErrorName::ServiceAlreadyStarted
                | ErrorName::ConfirmationMismatch
                | ErrorName::ActivationPasswordWrong
                | ErrorName::ActivationWait
                | ErrorName::SyncUndefined
                | ErrorName::SyncClientsConnected
                | ErrorName::SyncSelf
                | ErrorName::SyncFailed
                | ErrorName::LimitReached
                | ErrorName::Internal
                | ErrorName::ApduRefused,
            )
            | None => Self::Refused(error),
        }
    }

    /// What the end of a connection comes to, if nothing was decided before. `opened`: it was a session.
    pub(crate) fn of_ending(ending: Ending, hsm: &Address, opened: bool) -> Self {
        let (reason, message) = match ending {
            Ending::Denied(reason) => {
                return Self::Denied {
                    reason,
                    message: reason.sentence().into(),
                };
            }
            Ending::Tls(TlsError::FingerprintChanged { pinned, presented }) => {
                return Self::FingerprintChanged {
                    hsm: hsm.clone(),
                    trusted: pinned,
                    presented,
                };
            }
            Ending::HungUp => return Self::GaveUp,
            Ending::Closed => return Self::Left,
            Ending::Closing(reason) => (EndReason::Closing(reason), reason.sentence().to_owned()),
            Ending::ProtocolBroken(how) => (
                EndReason::ProtocolBroken,
                format!("the device broke the protocol: {how:?}"),
            ),
            Ending::Tls(TlsError::Protocol(why)) => (
                EndReason::ProtocolBroken,
                format!("run TLS with the device: {why}"),
            ),
            Ending::LeftByDevice => (
                EndReason::Left,
                "the device closed the connection without a reason".to_owned(),
            ),
            Ending::Torn => (EndReason::Torn, "the connection broke off".to_owned()),
        };
        if opened {
            Self::SessionEnded { reason, message }
        } else {
            Self::Unreachable {
                hsm: hsm.clone(),
                message,
            }
        }
    }

    /// What a card that cannot be used comes to.
    pub(crate) fn of_card_file(why: &CardFileError) -> Self {
        let (message, hint) = (why.to_string(), why.hint());
        match why.exit_code() {
            ExitCode::InUse => Self::CardImageInUse { message, hint },
            ExitCode::WrongState => Self::CardImageDamaged { message, hint },
            _ => Self::File { message, hint },
        }
    }

    /// The name in `docs/client.md`.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Status(_) => "status",
            Self::Info(_) => "info",
            Self::Network(_) => "network",
            Self::Intermediary { .. } => "intermediary",
            Self::Administrator { .. } => "administrator",
            Self::Activated => "activated",
            Self::PasswordSet => "password_set",
            Self::Left => "left",
            Self::Done { .. } => "done",
            Self::Trusted { .. } => "trusted",
            Self::Forgotten { .. } => "forgotten",
            Self::Known { .. } => "known",
            Self::Web { .. } => "web",
            Self::Readers(_) => "readers",
            Self::Inspected(_) => "inspected",
            Self::Checked(_) => "checked",
            Self::Usage { .. } => "usage",
            Self::File { .. } => "file",
            Self::CardImageDamaged { .. } => "card_image_damaged",
            Self::CardImageInUse { .. } => "card_image_in_use",
            Self::Unreachable { .. } => "unreachable",
            Self::FingerprintChanged { .. } => "fingerprint_changed",
            Self::Denied { .. } => "denied",
            Self::SessionEnded { .. } => "session_ended",
            Self::Refused(_) => "refused",
            Self::MoreCustodiansNeeded { .. } => "more_custodians_needed",
            Self::Card(_) => "card",
            Self::Reader { .. } => "reader",
            Self::PinMalformed { .. } => "pin_malformed",
            Self::GaveUp => "gave_up",
            Self::TimedOut { .. } => "timed_out",
            Self::Internal { .. } => "internal",
        }
    }

    /// What the program ends with.
    //= CL-03
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Checked(findings) => findings
                .iter()
                .find_map(|finding| finding.problem.as_ref())
                .map_or(ExitCode::Passed, |problem| problem.exit_code),
            Self::Status(_)
            | Self::Info(_)
            | Self::Network(_)
            | Self::Intermediary { .. }
            | Self::Administrator { .. }
            | Self::Activated
            | Self::PasswordSet
            | Self::Left
            | Self::Done { .. }
            | Self::Trusted { .. }
            | Self::Forgotten { .. }
            | Self::Known { .. }
            | Self::Web { .. }
            | Self::Readers(_)
            | Self::Inspected(_) => ExitCode::Passed,
            Self::Usage { .. } => ExitCode::Usage,
            Self::File { .. } => ExitCode::InputOutput,
            Self::CardImageDamaged { .. } => ExitCode::WrongState,
            Self::CardImageInUse { .. } => ExitCode::InUse,
            Self::Unreachable { .. } => ExitCode::Network,
            Self::FingerprintChanged { .. } => ExitCode::Trust,
            Self::Denied { .. } => ExitCode::Denied,
            Self::SessionEnded { .. } => ExitCode::SessionEnded,
            Self::Refused(_) | Self::MoreCustodiansNeeded { .. } => ExitCode::Refused,
            Self::Card(_) | Self::Reader { .. } | Self::PinMalformed { .. } => ExitCode::Card,
            Self::GaveUp | Self::TimedOut { .. } => ExitCode::GivenUp,
            Self::Internal { .. } => ExitCode::Internal,
        }
    }

    /// Members of the JSON form beside `outcome` and `exit_code`.
    pub(crate) fn members(&self) -> Map<String, Value> {
        let members = match self {
            Self::Status(header) => json!({"header": header}),
            Self::Info(info) => json!({"info": info}),
            Self::Network(network) => json!({"network": network}),
            Self::Intermediary {
                presented,
                required,
                expires_in_ms,
            } => json!({"presented": presented, "required": required, "expires_in_ms": expires_in_ms}),
            Self::Administrator {
                presented,
                required,
                activated,
            } => json!({"presented": presented, "required": required, "activated": activated}),
            Self::Activated | Self::PasswordSet | Self::Left | Self::GaveUp => json!({}),
            Self::Done { operation } => json!({"operation": operation.name()}),
            Self::Trusted {
                hsm,
                fingerprint,
                known,
            } => {
                json!({"hsm": hsm.to_string(), "fingerprint": fingerprint.to_string(), "known": known.name()})
            }
            Self::Forgotten { hsm, fingerprint } | Self::Known { hsm, fingerprint } => {
                json!({"hsm": hsm.to_string(), "fingerprint": fingerprint.map(|known| known.to_string())})
            }
            Self::Web { url } => json!({"url": url.as_str()}),
            Self::Readers(names) => json!({"readers": names}),
            Self::Inspected(inspection) => json!({"card": inspection_to_json(inspection)}),
            Self::Checked(findings) => {
                json!({"findings": findings.iter().map(finding_to_json).collect::<Vec<_>>()})
            }
            Self::Usage { message, .. }
            | Self::File { message, .. }
            | Self::CardImageDamaged { message, .. }
            | Self::CardImageInUse { message, .. }
            | Self::Reader { message, .. }
            | Self::PinMalformed { message }
            | Self::Internal { message } => json!({"message": message}),
            Self::Unreachable { hsm, message } => json!({"hsm": hsm.to_string(), "message": message}),
            Self::FingerprintChanged {
                hsm,
                trusted,
                presented,
            } => json!({
                "hsm": hsm.to_string(), "trusted": trusted.to_string(), "presented": presented.to_string()
            }),
            Self::Denied { reason, message } => json!({"reason": reason.name(), "message": message}),
            Self::SessionEnded { reason, message } => json!({"reason": reason.name(), "message": message}),
            Self::Refused(error) | Self::Card(error) => json!({
                "error": error.name.map(ErrorName::name),
                "code": error.code,
                "message": error.message,
                "data": error.data,
            }),
            Self::MoreCustodiansNeeded {
                operation,
                presented,
                required,
                expires_in_ms,
            } => json!({
                "operation": operation.name(),
                "presented": presented,
                "required": required,
                "expires_in_ms": expires_in_ms,
            }),
            Self::TimedOut { timeout_ms } => json!({"timeout_ms": timeout_ms}),
        };
        match members {
            Value::Object(members) => members,
            other => unreachable!("each form is an object, not {other}"),
        }
    }

    /// For people.
    pub(crate) fn words(&self) -> Words {
        match self {
            Self::Status(header) => Words::data(screen::header(header)),
            Self::Info(info) => Words::data(screen::info(info)),
            Self::Network(network) => Words::data(screen::network(network)),
            Self::Intermediary {
                presented,
                required,
                expires_in_ms,
            } => Words::data(format!(
                "intermediary: card {presented} of {required} is accepted; {} s left for the next custodian\n",
                expires_in_ms / 1000
            )),
            Self::Administrator {
                presented,
                required,
                activated,
            } => Words::data(format!(
                "administrator: {presented} of {required} cards are accepted{}\n",
                if *activated {
                    "; the device is activated"
                } else {
                    ""
                }
            )),
            Self::Activated => Words::data("administrator: the activation password is right\n".into()),
            Self::PasswordSet => Words::data("done: the activation password is set\n".into()),
            Self::Left => Words::data("left: the session is closed\n".into()),
            Self::Done { operation } => Words::data(format!("done: `{}`\n", operation.name())),
            Self::Trusted {
                hsm,
                fingerprint,
                known,
            } => Words::data(format!("{hsm} {fingerprint} ({})\n", known.name())),
            Self::Forgotten { hsm, fingerprint } => Words::data(match fingerprint {
                Some(fingerprint) => format!("{hsm} is forgotten; it was known as {fingerprint}\n"),
                None => format!("{hsm} was not known\n"),
            }),
            Self::Known { hsm, fingerprint } => Words::data(match fingerprint {
                Some(fingerprint) => format!("{hsm} {fingerprint}\n"),
                None => format!("{hsm} is not known\n"),
            }),
            Self::Web { url } => Words::data(format!("{url}\n")),
            Self::Readers(names) if names.is_empty() => Words::data("no readers\n".into()),
            Self::Readers(names) => Words::data(names.iter().map(|name| shown(name) + "\n").collect()),
            Self::Inspected(inspection) => Words::data(card_rows(inspection)),
            Self::Checked(findings) => Words::data(findings.iter().map(finding_to_text).collect()),
            Self::Usage { message, hint } => Words::problem(message.clone(), Some(hint)),
            Self::File { message, hint }
            | Self::CardImageDamaged { message, hint }
            | Self::CardImageInUse { message, hint } => Words::problem(message.clone(), *hint),
            Self::Reader { message, hint } => Words::problem(message.clone(), hint.as_deref()),
            Self::PinMalformed { message } | Self::Internal { message } => {
                Words::problem(message.clone(), None)
            }
            Self::Unreachable { hsm, message } => Words::problem(
                format!("reach {hsm}: {message}"),
                Some("the device listens when it is on, and activated or enabled for remote management"),
            ),
            Self::FingerprintChanged {
                hsm,
                trusted,
                presented,
            } => Words::problem(
                format!("{hsm} is not the trusted device\n  trusted   {trusted}\n  presented {presented}"),
                Some(
                    "if the device was replaced on purpose, compare the presented value with its owner's, then \
                     `hsm-client trust --forget` and `hsm-client trust`",
                ),
            ),
            Self::Denied { reason, message } => Words::problem(
                format!("the device denied the session: {message} (`{reason}`)"),
                None,
            ),
            Self::SessionEnded { reason, message } => Words::problem(
                format!("the session ended: {message} (`{}`)", reason.name()),
                None,
            ),
            Self::Refused(error) => Words::problem(format!("the device refused: {error}"), None),
            Self::MoreCustodiansNeeded {
                operation,
                presented,
                required,
                expires_in_ms,
            } => Words::problem(
                format!(
                    "`{}` was not done: this custodian is an intermediary, card {presented} of {required}",
                    operation.name()
                ),
                Some(if *expires_in_ms == 0 {
                    "all custodians start again"
                } else {
                    "the card has counted; the next custodian can enter with the same command"
                }),
            ),
            Self::Card(error) => {
                let tries = error.data.get("tries_left").and_then(Value::as_u64);
                let tries = tries.map_or(String::new(), |tries| format!(", {tries} tries left"));
                Words::problem(format!("the card was not accepted: {error}{tries}"), None)
            }
            Self::GaveUp => Words::problem("given up".into(), None),
            Self::TimedOut { timeout_ms } => {
                Words::problem(format!("the time of {timeout_ms} ms (`--timeout`) is over"), None)
            }
        }
    }
}

fn card_rows(inspection: &Inspection) -> String {
    let mut text = String::new();
    for (name, value) in inspection.rows() {
        writeln!(text, "{name:<10} : {}", shown(&value)).expect("a String takes everything");
    }
    text
}

fn finding_to_json(finding: &Finding) -> Value {
    let problem = finding.problem.as_ref();
    json!({
        "check": finding.check,
        "ok": problem.is_none(),
        "message": finding.message,
        "hint": problem.map(|problem| &problem.hint),
        "exit_code": problem.map_or(0, |problem| problem.exit_code.code()),
    })
}

fn finding_to_text(finding: &Finding) -> String {
    let message: Vec<_> = finding.message.split('\n').map(shown).collect();
    let message = message.join("\n                 ");
    match &finding.problem {
        None => format!("good     {:<8} {message}\n", finding.check),
        Some(problem) => {
            format!(
                "problem  {:<8} {message}\n         {:<8} {}\n",
                finding.check,
                "do:",
                shown(&problem.hint)
            )
        }
    }
}

/// An outcome for people.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// What was asked for: whole lines for standard output.
    Data(String),
    /// What went wrong and what to do, for standard error.
    Problem(String, Option<String>),
}

impl Words {
    fn data(text: String) -> Self {
        Self::Data(text)
    }

    fn problem(text: String, hint: Option<&str>) -> Self {
        Self::Problem(text, hint.map(Into::into))
    }
}

#[cfg(test)]
mod tests;
