//! What the device may ask of a station, and what it tells it unasked.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    CeremonyResetReason, ClosingReason, DeniedReason, Error, ErrorName, Header, message::notification_line,
};

/// A request of the device: it drives the card, the station relays. Source: AU-03, AU-22.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceRequest {
    /// `card.power_on` → [`CardAtr`](crate::CardAtr); the station waits for a card to be inserted.
    CardPowerOn,
    /// `card.transmit` → [`CardResponse`](crate::CardResponse): one T=0 command, its answer unchanged.
    CardTransmit {
        /// The command as it goes to the card.
        apdu: Vec<u8>,
    },
    /// `card.verify_pin` → [`PinStatus`](crate::PinStatus): the station asks for the PIN and appends it.
    CardVerifyPin {
        /// Class, instruction and two parameters; a station fills a PIN only into `00 20 00 00`.
        header: Vec<u8>,
    },
    /// `card.power_off` → `{}`; the station resets the card.
    CardPowerOff,
}

#[derive(Serialize, Deserialize)]
struct TransmitParams {
    #[serde(with = "hex")]
    apdu: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct VerifyPinParams {
    #[serde(with = "hex")]
    header: Vec<u8>,
}

impl DeviceRequest {
    /// The method's name on the wire.
    pub const fn method(&self) -> &'static str {
        match self {
            Self::CardPowerOn => "card.power_on",
            Self::CardTransmit { .. } => "card.transmit",
            Self::CardVerifyPin { .. } => "card.verify_pin",
            Self::CardPowerOff => "card.power_off",
        }
    }

    /// The parameters on the wire.
    pub fn params(&self) -> Value {
        match self {
            Self::CardPowerOn | Self::CardPowerOff => Value::Object(Map::new()),
            Self::CardTransmit { apdu } => to_value(TransmitParams { apdu: apdu.clone() }),
            Self::CardVerifyPin { header } => to_value(VerifyPinParams {
                header: header.clone(),
            }),
        }
    }

    /// Reads a request of the device. The error is the answer it gets.
    pub fn decode(method: &str, params: &Value) -> Result<Self, Error> {
        match method {
            "card.power_on" => Ok(Self::CardPowerOn),
            "card.transmit" => {
                let TransmitParams { apdu } = from_params(method, params)?;
                Ok(Self::CardTransmit { apdu })
            }
            "card.verify_pin" => {
                let VerifyPinParams { header } = from_params(method, params)?;
                Ok(Self::CardVerifyPin { header })
            }
            "card.power_off" => Ok(Self::CardPowerOff),
            _ => Err(ErrorName::MethodNotFound
                .into_error()
                .saying(format!("there is no method `{method}`"))),
        }
    }
}

/// How far a custodian process has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Milliseconds until the process starts again, 0 to 120,000. Source: AU-06.
    pub expires_in_ms: u64,
    /// Cards accepted so far.
    pub presented: u8,
    /// M of the set.
    pub required: u8,
}

/// What the device tells a manager unasked. Fields stand in the order of the alphabet, as every object does on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", content = "params")]
pub enum DeviceNotification {
    /// The first line of a session.
    #[serde(rename = "session.opened")]
    Opened {
        /// The custodian process in progress, if there is one.
        ceremony: Option<Progress>,
        /// The header. Source: HD-01.
        header: Header,
        /// [`VERSION`](crate::VERSION).
        protocol: u32,
    },
    /// The only line of a connection that does not become a session.
    #[serde(rename = "session.denied")]
    Denied {
        /// Why.
        reason: DeniedReason,
        /// One sentence for a person.
        text: String,
    },
    /// The last line of a session.
    #[serde(rename = "session.closing")]
    Closing {
        /// Why.
        reason: ClosingReason,
        /// One sentence for a person.
        text: String,
    },
    /// The header, after anything in it has changed. Source: HD-02.
    #[serde(rename = "header.changed")]
    HeaderChanged(Header),
    /// The process in progress, after anything but its remaining time has changed.
    #[serde(rename = "ceremony.progress")]
    CeremonyProgress(Progress),
    /// The cards accepted so far no longer count.
    #[serde(rename = "ceremony.reset")]
    CeremonyReset {
        /// Why.
        reason: CeremonyResetReason,
    },
    /// A long operation goes on.
    #[serde(rename = "operation.progress")]
    OperationProgress {
        /// 0 to 100.
        percent: u8,
        /// What is being done.
        text: String,
    },
}

impl DeviceNotification {
    /// The notification with its reason's own sentence.
    pub fn denied(reason: DeniedReason) -> Self {
        Self::Denied {
            reason,
            text: reason.sentence().to_owned(),
        }
    }

    /// The notification with its reason's own sentence, or with one that says more.
    pub fn closing(reason: ClosingReason, detail: Option<String>) -> Self {
        Self::Closing {
            reason,
            text: detail.unwrap_or_else(|| reason.sentence().to_owned()),
        }
    }

    /// The notification as one line, its LF included.
    pub fn to_line(&self) -> String {
        notification_line(self)
    }

    /// Reads a notification. `None` for one that this version does not know, which is ignored.
    pub fn decode(method: &str, params: Value) -> Option<Self> {
        let mut members = Map::new();
        members.insert("method".into(), method.into());
        members.insert("params".into(), params);
        serde_json::from_value(Value::Object(members)).ok()
    }
}

fn from_params<T: serde::de::DeserializeOwned>(method: &str, params: &Value) -> Result<T, Error> {
    T::deserialize(params).map_err(|why| {
        ErrorName::InvalidParams
            .into_error()
            .saying(format!("`{method}`: {why}"))
    })
}

pub(crate) fn to_value(value: impl Serialize) -> Value {
    serde_json::to_value(value).expect("our own types have string keys and no failing serializer")
}

/// Bytes on the wire: upper-case hexadecimal without separators, read in either case.
pub(crate) mod hex {
    use data_encoding::{HEXUPPER, HEXUPPER_PERMISSIVE};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&HEXUPPER.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        HEXUPPER_PERMISSIVE
            .decode(text.as_bytes())
            .map_err(|why| D::Error::custom(format!("expected hexadecimal bytes, got another text: {why}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn card_requests_are_read_back() {
        for request in [
            DeviceRequest::CardPowerOn,
            DeviceRequest::CardTransmit {
                apdu: vec![0x80, 0xC0, 0x02, 0xE0, 0x18],
            },
            DeviceRequest::CardVerifyPin {
                header: vec![0x00, 0x20, 0x00, 0x00],
            },
            DeviceRequest::CardPowerOff,
        ] {
            assert_eq!(
                DeviceRequest::decode(request.method(), &request.params()),
                Ok(request)
            );
        }
        let transmit = DeviceRequest::CardTransmit {
            apdu: vec![0xA4, 0x04],
        };
        assert_eq!(transmit.params(), json!({"apdu": "A404"}));
    }

    #[test]
    fn parameters_that_are_no_hexadecimal_are_refused() {
        for params in [
            json!({}),
            json!({"apdu": "0"}),
            json!({"apdu": "zz"}),
            json!({"apdu": 5}),
            json!([]),
        ] {
            let refused = DeviceRequest::decode("card.transmit", &params).expect_err("not hexadecimal bytes");
            assert_eq!(refused.code, -32602, "{params}");
        }
    }

    #[test]
    fn notifications_stand_on_the_wire_as_the_protocol_page_says() {
        let line = DeviceNotification::denied(DeniedReason::Busy).to_line();
        let expected = json!({
            "jsonrpc": "2.0", "method": "session.denied",
            "params": {"reason": "busy", "text": "another manager is connected"}
        });
        assert_eq!(line, format!("{expected}\n"));
        let read = DeviceNotification::decode("session.denied", expected["params"].clone());
        assert_eq!(read, Some(DeviceNotification::denied(DeniedReason::Busy)));
        assert_eq!(DeviceNotification::decode("weather.changed", json!({})), None);
    }

    /// The members of a [`Value`] are in that order.
    #[test]
    fn members_of_notifications_are_written_in_the_order_of_the_alphabet() {
        let progress = Progress {
            expires_in_ms: 120_000,
            presented: 1,
            required: 2,
        };
        let header = Header {
            firmware: "5.0.0.0".into(),
            ip: [192, 0, 2, 1].into(),
            mode: crate::OperatingMode::Nrm,
            model: "XP".into(),
            serial: "TXP0000001".into(),
            service: crate::ServiceState::Running,
        };
        for notification in [
            DeviceNotification::Opened {
                ceremony: Some(progress),
                header: header.clone(),
                protocol: crate::VERSION,
            },
            DeviceNotification::closing(ClosingReason::ALL[0], None),
            DeviceNotification::HeaderChanged(header),
            DeviceNotification::CeremonyProgress(progress),
            DeviceNotification::CeremonyReset {
                reason: CeremonyResetReason::ALL[0],
            },
            DeviceNotification::OperationProgress {
                percent: 50,
                text: "live sync".into(),
            },
        ] {
            let line = notification.to_line();
            let value: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(line, format!("{value}\n"));
            let read = DeviceNotification::decode(value["method"].as_str().unwrap(), value["params"].clone());
            assert_eq!(read, Some(notification));
        }
    }
}
