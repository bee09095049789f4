//! What a manager may ask of the device, and the shapes of the answers on both sides.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use crate::{ActivationPassword, Error, ErrorName, OperatingMode};

macro_rules! methods {
    ($($(#[doc = $doc:literal])+ $variant:ident $name:literal;)+) => {
        /// What a manager can ask, without its parameters.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Method { $($(#[doc = $doc])+ $variant),+ }

        impl Method {
            /// Every method, in the order of the protocol page.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The method's name on the wire.
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name),+ } }
        }
    };
}

methods! {
    /// → [`Header`](crate::Header).
    Header "device.header";
    /// → [`Info`](crate::Info).
    Info "device.info";
    /// → [`NetworkSettings`](crate::NetworkSettings).
    Network "network.get";
    /// Some settings → all [`NetworkSettings`](crate::NetworkSettings). Source: NW-03.
    SetNetwork "network.set";
    /// → [`HttpConsoleUrl`].
    HttpConsoleUrl "http_console.url";
    /// → [`AuthOutcome`]: one card of one custodian.
    AuthStart "auth.start";
    /// → `{}`: ends the card dialog in progress, not the process.
    AuthCancel "auth.cancel";
    /// The activation password → [`Activated`]. Source: PK-02.
    Activate "auth.activate";
    /// The activation password and a new one → `{}`.
    ChangePassword "auth.change_password";
    /// → `{}`.
    StopService "ops.stop_service";
    /// → `{}`.
    StartService "ops.start_service";
    /// → `{}`, then the session ends.
    Restart "ops.restart";
    /// → `{}`, then the session ends.
    PowerOff "ops.power_off";
    /// → `{}`.
    UnlockMaster "ops.unlock_master";
    /// A node and the confirmation → the node and how many objects.
    LiveSync "ops.live_sync";
    /// The confirmation → `{}`, then the session ends.
    FactoryReset "ops.factory_reset";
    /// A mode and the confirmation → `{}`, then the session ends.
    SetMode "ops.set_mode";
    /// → `{}`, then the session ends.
    Close "session.close";
}

impl Method {
    /// The method with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|method| method.name() == name)
    }

    /// Whether this is one of the operations after authentication (`ops.*`).
    pub const fn is_operation(self) -> bool {
        match self {
            Self::StopService
            | Self::StartService
            | Self::Restart
            | Self::PowerOff
            | Self::UnlockMaster
            | Self::LiveSync
            | Self::FactoryReset
            | Self::SetMode => true,
            Self::Header
            | Self::Info
            | Self::Network
            | Self::SetNetwork
            | Self::HttpConsoleUrl
            | Self::AuthStart
            | Self::AuthCancel
            | Self::Activate
            | Self::ChangePassword
            | Self::Close => false,
        }
    }
}

/// A request of the manager with its parameters. Their form is checked; whether the device agrees is its own matter.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the method of the same name; see `Method`")]
pub enum ManagerRequest {
    Header,
    Info,
    Network,
    /// The members to be changed, as they came: a wrong one is an error of its own, see
    /// [`NetworkSettings::changed_by`](crate::NetworkSettings::changed_by).
    SetNetwork(Map<String, Value>),
    HttpConsoleUrl,
    AuthStart,
    AuthCancel,
    Activate {
        password: ActivationPassword,
    },
    ChangePassword {
        old: ActivationPassword,
        new: ActivationPassword,
    },
    StopService,
    StartService,
    Restart,
    PowerOff,
    UnlockMaster,
    LiveSync {
        /// The serial number of the node to copy from; the device chooses if there is none.
        node: Option<String>,
        /// The serial number of the device, as typed.
        confirm: String,
    },
    FactoryReset {
        /// The serial number of the device, as typed.
        confirm: String,
    },
    SetMode {
        mode: OperatingMode,
        /// The serial number of the device, as typed.
        confirm: String,
    },
    Close,
}

#[derive(Deserialize)]
struct ActivateParams {
    password: ActivationPassword,
}

#[derive(Deserialize)]
struct ChangePasswordParams {
    old: ActivationPassword,
    new: ActivationPassword,
}

#[derive(Deserialize)]
struct LiveSyncParams {
    #[serde(default)]
    node: Option<String>,
    confirm: String,
}

#[derive(Deserialize)]
struct FactoryResetParams {
    confirm: String,
}

#[derive(Deserialize)]
struct SetModeParams {
    mode: OperatingMode,
    confirm: String,
}

impl ManagerRequest {
    /// What is asked.
    pub const fn method(&self) -> Method {
        match self {
            Self::Header => Method::Header,
            Self::Info => Method::Info,
            Self::Network => Method::Network,
            Self::SetNetwork(_) => Method::SetNetwork,
            Self::HttpConsoleUrl => Method::HttpConsoleUrl,
            Self::AuthStart => Method::AuthStart,
            Self::AuthCancel => Method::AuthCancel,
            Self::Activate { .. } => Method::Activate,
            Self::ChangePassword { .. } => Method::ChangePassword,
            Self::StopService => Method::StopService,
            Self::StartService => Method::StartService,
            Self::Restart => Method::Restart,
            Self::PowerOff => Method::PowerOff,
            Self::UnlockMaster => Method::UnlockMaster,
            Self::LiveSync { .. } => Method::LiveSync,
            Self::FactoryReset { .. } => Method::FactoryReset,
            Self::SetMode { .. } => Method::SetMode,
            Self::Close => Method::Close,
        }
    }

    /// The parameters on the wire, with the passwords in clear: for nobody but TLS.
    pub fn params(&self) -> Value {
        match self {
            Self::SetNetwork(members) => Value::Object(members.clone()),
            Self::Activate { password } => json!({"password": password.expose()}),
            Self::ChangePassword { old, new } => json!({"old": old.expose(), "new": new.expose()}),
            Self::LiveSync {
                node: Some(node),
                confirm,
            } => json!({"node": node, "confirm": confirm}),
            Self::LiveSync { node: None, confirm } | Self::FactoryReset { confirm } => {
                json!({"confirm": confirm})
            }
            Self::SetMode { mode, confirm } => json!({"mode": mode, "confirm": confirm}),
            Self::Header
            | Self::Info
            | Self::Network
            | Self::HttpConsoleUrl
            | Self::AuthStart
            | Self::AuthCancel
            | Self::StopService
            | Self::StartService
            | Self::Restart
            | Self::PowerOff
            | Self::UnlockMaster
            | Self::Close => Value::Object(Map::new()),
        }
    }

    /// Reads a request of the manager. The error is the answer it gets: unknown method, or wrong parameters.
    /// Unknown members are ignored.
    pub fn decode(method: &str, params: &Value) -> Result<Self, Error> {
        let Some(asked) = Method::from_name(method) else {
            return Err(ErrorName::MethodNotFound
                .into_error()
                .saying(format!("there is no method `{method}`")));
        };
        let Value::Object(members) = params else {
            return Err(ErrorName::InvalidParams.into_error().saying(format!(
                "`{method}`: expected parameters by name, got another kind of value"
            )));
        };
        Ok(match asked {
            Method::Header => Self::Header,
            Method::Info => Self::Info,
            Method::Network => Self::Network,
            Method::SetNetwork => Self::SetNetwork(members.clone()),
            Method::HttpConsoleUrl => Self::HttpConsoleUrl,
            Method::AuthStart => Self::AuthStart,
            Method::AuthCancel => Self::AuthCancel,
            Method::Activate => {
                let ActivateParams { password } = read(asked, members)?;
                Self::Activate { password }
            }
            Method::ChangePassword => {
                let ChangePasswordParams { old, new } = read(asked, members)?;
                Self::ChangePassword { old, new }
            }
            Method::StopService => Self::StopService,
            Method::StartService => Self::StartService,
            Method::Restart => Self::Restart,
            Method::PowerOff => Self::PowerOff,
            Method::UnlockMaster => Self::UnlockMaster,
            Method::LiveSync => {
                let LiveSyncParams { node, confirm } = read(asked, members)?;
                Self::LiveSync { node, confirm }
            }
            Method::FactoryReset => {
                let FactoryResetParams { confirm } = read(asked, members)?;
                Self::FactoryReset { confirm }
            }
            Method::SetMode => {
                let SetModeParams { mode, confirm } = read(asked, members)?;
                Self::SetMode { mode, confirm }
            }
            Method::Close => Self::Close,
        })
    }
}

/// The members of a method's parameters. What came is not repeated: it may be a password.
fn read<T: DeserializeOwned>(method: Method, members: &Map<String, Value>) -> Result<T, Error> {
    T::deserialize(members).map_err(|why| {
        ErrorName::InvalidParams.into_error().saying(format!(
            "`{}`: {}",
            method.name(),
            without_values(&why.to_string())
        ))
    })
}

/// What serde says about a form, without the value that had it.
fn without_values(why: &str) -> String {
    match why.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None if why.starts_with("missing field") => why.to_owned(),
        None => "expected parameters of another form".to_owned(),
    }
}

/// The answer to `auth.activate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Activated {
    /// This connection is the administrator's.
    Administrator,
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

    fn password(text: &str) -> ActivationPassword {
        ActivationPassword::from(text)
    }

    #[test]
    fn every_request_is_read_back_by_its_name_and_unknown_members_are_ignored() {
        let confirm = || String::from("TXP0000001");
        let requests = [
            ManagerRequest::Header,
            ManagerRequest::Info,
            ManagerRequest::Network,
            ManagerRequest::HttpConsoleUrl,
            ManagerRequest::AuthStart,
            ManagerRequest::AuthCancel,
            ManagerRequest::Activate {
                password: password("correct horse"),
            },
            ManagerRequest::ChangePassword {
                old: password("correct horse"),
                new: password("battery staple"),
            },
            ManagerRequest::StopService,
            ManagerRequest::StartService,
            ManagerRequest::Restart,
            ManagerRequest::PowerOff,
            ManagerRequest::UnlockMaster,
            ManagerRequest::LiveSync {
                node: None,
                confirm: confirm(),
            },
            ManagerRequest::LiveSync {
                node: Some("TXP0000002".into()),
                confirm: confirm(),
            },
            ManagerRequest::FactoryReset { confirm: confirm() },
            ManagerRequest::SetMode {
                mode: OperatingMode::Rm1,
                confirm: confirm(),
            },
            ManagerRequest::Close,
        ];
        for request in requests {
            let mut params = request.params();
            params["later"] = true.into();
            assert_eq!(
                ManagerRequest::decode(request.method().name(), &params),
                Ok(request)
            );
        }
        let members = json!({"gateway": null});
        let set = ManagerRequest::decode("network.set", &members).unwrap();
        assert_eq!((set.method(), set.params()), (Method::SetNetwork, members));
    }

    #[test]
    fn a_wrong_parameter_is_named_and_what_came_is_not_repeated() {
        let said = |method: &str, params: Value| ManagerRequest::decode(method, &params).unwrap_err().message;
        assert_eq!(
            said("auth.change_password", json!({"old": "correct horse"})),
            "`auth.change_password`: missing field `new`"
        );
        let wrong = said("ops.set_mode", json!({"mode": "sesame", "confirm": "x"}));
        assert!(wrong.contains("`NRM`"), "{wrong}");
        let wrong = said("ops.factory_reset", json!({"confirm": ["se\"same"]}));
        assert!(!wrong.contains("same"), "{wrong}");
        let wrong = said("auth.activate", json!({"password": {"sesame": 1}}));
        assert!(!wrong.contains("sesame"), "{wrong}");
        let wrong = said("auth.activate", json!({"password": 12_345_678}));
        assert!(!wrong.contains("1234"), "{wrong}");
        let shown = format!(
            "{:?}",
            ManagerRequest::decode("auth.activate", &json!({"password": "sesame00"}))
        );
        assert!(!shown.contains("sesame"), "{shown}");
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
