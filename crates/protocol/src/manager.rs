//! What a manager may ask of the device, and the shapes of the answers on both sides.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, ErrorName};

/// A request of the manager with its parameters, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManagerRequest {
    /// `device.header` → [`Header`](crate::Header).
    Header,
    /// `device.info` → [`Info`](crate::Info).
    Info,
    /// `network.get` → [`NetworkSettings`](crate::NetworkSettings).
    Network,
    /// `http_console.url` → [`HttpConsoleUrl`].
    HttpConsoleUrl,
    /// `auth.start` → [`AuthOutcome`]: one card of one custodian.
    AuthStart,
    /// `auth.cancel` → `{}`: ends the card dialog in progress, not the process.
    AuthCancel,
    /// `ops.stop_service` → `{}`.
    StopService,
    /// `ops.start_service` → `{}`.
    StartService,
    /// `ops.restart` → `{}`, then the session ends.
    Restart,
    /// `ops.power_off` → `{}`, then the session ends.
    PowerOff,
    /// `session.close` → `{}`, then the session ends.
    Close,
}

impl ManagerRequest {
    /// Every request.
    pub const ALL: &[Self] = &[
        Self::Header,
        Self::Info,
        Self::Network,
        Self::HttpConsoleUrl,
        Self::AuthStart,
        Self::AuthCancel,
        Self::StopService,
        Self::StartService,
        Self::Restart,
        Self::PowerOff,
        Self::Close,
    ];

    /// The method's name on the wire.
    pub const fn method(self) -> &'static str {
        match self {
            Self::Header => "device.header",
            Self::Info => "device.info",
            Self::Network => "network.get",
            Self::HttpConsoleUrl => "http_console.url",
            Self::AuthStart => "auth.start",
            Self::AuthCancel => "auth.cancel",
            Self::StopService => "ops.stop_service",
            Self::StartService => "ops.start_service",
            Self::Restart => "ops.restart",
            Self::PowerOff => "ops.power_off",
            Self::Close => "session.close",
        }
    }

    /// Whether this is one of the operations after authentication (`ops.*`).
    pub const fn is_operation(self) -> bool {
        match self {
            Self::StopService | Self::StartService | Self::Restart | Self::PowerOff => true,
            Self::Header
            | Self::Info
            | Self::Network
            | Self::HttpConsoleUrl
            | Self::AuthStart
            | Self::AuthCancel
            | Self::Close => false,
        }
    }

    /// Reads a request of the manager. The error is the answer it gets: unknown method, or wrong parameters.
    pub fn decode(method: &str, params: &Value) -> Result<Self, Error> {
        let request = Self::ALL
            .iter()
            .copied()
            .find(|request| request.method() == method);
        let Some(request) = request else {
            return Err(ErrorName::MethodNotFound
                .into_error()
                .saying(format!("there is no method `{method}`")));
        };
        // None of them takes a parameter so far; unknown members are ignored, another kind of value is not.
        if !params.is_object() {
            return Err(ErrorName::InvalidParams.into_error().saying(format!(
                "`{method}`: expected parameters by name, got another kind of value"
            )));
        }
        Ok(request)
    }
}

/// The answer to `auth.start` when a card was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum AuthOutcome {
    /// More custodians are needed. Source: AU-04.
    Intermediary {
        /// Cards accepted so far, 1 to `required` - 1.
        presented: u8,
        /// M of the set.
        required: u8,
        /// Milliseconds until the process starts again.
        expires_in_ms: u64,
    },
    /// The last custodian: this connection is the administrator's. Source: AU-05.
    Administrator {
        /// Cards accepted: `required`.
        presented: u8,
        /// M of the set.
        required: u8,
        /// Whether the process has also activated the device. Source: AU-15.
        activated: bool,
    },
}

/// The answer to `http_console.url`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpConsoleUrl {
    /// The login page of the device's HTTP console.
    pub url: String,
}

/// The answer to `card.power_on`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardAtr {
    /// The Answer To Reset.
    #[serde(with = "crate::device::hex")]
    pub atr: Vec<u8>,
}

/// The answer to `card.transmit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardResponse {
    /// Data and status word as the card sent them.
    #[serde(with = "crate::device::hex")]
    pub response: Vec<u8>,
}

/// The answer to `card.verify_pin`. The PIN itself never crosses the network (AU-03).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinStatus {
    /// The two bytes of the status word.
    #[serde(with = "crate::device::hex")]
    pub status_word: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_request_is_read_back_by_its_name_and_unknown_members_are_ignored() {
        for request in ManagerRequest::ALL {
            assert_eq!(
                ManagerRequest::decode(request.method(), &json!({"later": true})),
                Ok(*request)
            );
        }
    }

    #[test]
    fn unknown_methods_and_positional_parameters_have_their_own_answers() {
        let code = |method: &str, params: Value| ManagerRequest::decode(method, &params).map_err(|e| e.code);
        assert_eq!(code("device.heade", json!({})), Err(-32601));
        assert_eq!(code("device.header", json!([])), Err(-32602));
        assert_eq!(code("device.header", json!(null)), Err(-32602));
    }

    #[test]
    fn the_outcome_of_an_intermediary_reads_as_the_protocol_page_says() {
        let outcome = AuthOutcome::Intermediary {
            presented: 1,
            required: 2,
            expires_in_ms: 120_000,
        };
        let expected =
            json!({"outcome": "intermediary", "presented": 1, "required": 2, "expires_in_ms": 120_000});
        assert_eq!(serde_json::to_value(outcome).unwrap(), expected);
    }
}
