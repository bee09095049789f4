//! What a person is told, in the words of `docs/client-contract.md`. Says nothing of bytes, cards or prompts.

use serde_json::{Value, json};

use crate::{Ending, Notice};

/// What a person is told, as an object with the member `tell`; `None` if the contract has no word for it.
pub fn told(notice: &Notice) -> Option<Value> {
    let answered =
        |method: &str, result: Value| json!({"tell": "answered", "method": method, "result": result});
    // Nothing of ours has a form that JSON cannot have.
    Some(match notice {
        Notice::Opened { header, ceremony } => {
            json!({"tell": "opened", "header": header, "ceremony": ceremony})
        }
        Notice::Header(header) => answered("device.header", json!(header)),
        Notice::Info(info) => answered("device.info", json!(info)),
        Notice::Network(network) => answered("network.get", json!(network)),
        Notice::HttpConsoleUrl { url } => answered("http_console.url", json!({"url": url})),
        Notice::Intermediary {
            presented,
            required,
            expires_in_ms,
        } => answered(
            "auth.start",
            json!({"outcome": "intermediary", "presented": presented, "required": required, "expires_in_ms": expires_in_ms}),
        ),
        Notice::Administrator {
            presented,
            required,
            activated,
        } => answered(
            "auth.start",
            json!({"outcome": "administrator", "presented": presented, "required": required, "activated": activated}),
        ),
        Notice::Activated => answered("auth.activate", json!({"outcome": "administrator"})),
        Notice::Done { act } => answered(act.name(), json!({})),
        Notice::Refused { act, error } => json!({
            "tell": "refused", "method": act.name(), "error": error.name.map(protocol::ErrorName::name),
            "code": error.code, "data": error.data,
        }),
        Notice::NotSent { act, .. } => json!({"tell": "not_sent", "method": act.name()}),
        Notice::HeaderChanged(header) => json!({"tell": "header_changed", "header": header}),
        Notice::CeremonyReset { reason } => {
            json!({"tell": "ceremony_reset", "reason": reason.to_string()})
        }
        Notice::PinRefused(_) => json!({"tell": "pin_refused"}),
        Notice::CardRequestRefused { method, .. } => {
            json!({"tell": "card_request_refused", "method": method})
        }
        Notice::Ended { ending } => {
            let (how, reason) = match ending {
                Ending::Denied(reason) => ("denied", Some(reason.to_string())),
                Ending::Closing(reason) => ("closing", Some(reason.to_string())),
                Ending::Closed => ("closed", None),
                Ending::HungUp => ("hung_up", None),
                Ending::ProtocolBroken(_) => ("protocol_broken", None),
                Ending::Tls(_) => ("tls", None),
                Ending::LeftByDevice => ("left", None),
                Ending::Torn => ("torn", None),
            };
            json!({"tell": "ended", "how": how, "reason": reason})
        }
        // Each is said once more by another, or is not asked about.
        Notice::Secured(_)
        | Notice::FingerprintChanged { .. }
        | Notice::Denied { .. }
        | Notice::Closing { .. }
        | Notice::CeremonyProgress(_)
        | Notice::OperationProgress { .. }
        | Notice::ProtocolBroken(_) => return None,
    })
}
