//! The one table of errors that cross the wire: number, name, the vendor's number and one sentence each.

use core::fmt;

use serde::Deserialize;
use serde_json::{Map, Value, json};

macro_rules! errors {
    ($($(#[$doc:meta])* $variant:ident = $code:literal $name:literal $vendor:expr, $sentence:literal;)+) => {
        /// What went wrong, by name. Clients match on [`name`](Self::name), never on the sentence.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[allow(missing_docs, reason = "the sentence of each row is its documentation")]
        pub enum ErrorName { $(#[doc = $sentence] $variant),+ }

        impl ErrorName {
            /// Every row of the table, in its order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Our number, the `code` of the JSON-RPC error object.
            pub const fn code(self) -> i32 { match self { $(Self::$variant => $code),+ } }
            /// `data.name`.
            pub const fn name(self) -> &'static str { match self { $(Self::$variant => $name),+ } }
            /// `data.vendor_code`: the vendor's own number where there is one (constants of `dinamo.h`).
            pub const fn vendor_code(self) -> Option<u32> { match self { $(Self::$variant => $vendor),+ } }
            /// `message`: one sentence for a person.
            pub const fn sentence(self) -> &'static str { match self { $(Self::$variant => $sentence),+ } }
        }
    };
}

errors! {
    ParseError = -32700 "parse_error" None, "the line is not JSON";
    InvalidRequest = -32600 "invalid_request" None, "the line is not a JSON-RPC message";
    MethodNotFound = -32601 "method_not_found" None, "there is no such method";
    InvalidParams = -32602 "invalid_params" None, "the parameters are not those of the method";
    NotAuthenticated = 1 "not_authenticated" Some(5002), "this needs the administrator";
    WrongState = 2 "wrong_state" Some(5008), "this cannot be done in the present state";
    NotAvailableOnModel = 3 "not_available_on_model" Some(5019), "this model does not have it";
    ServiceNotStarted = 4 "service_not_started" Some(5702), "the service is stopped";
    ServiceAlreadyStarted = 5 "service_already_started" Some(5700), "the service runs already";
    SvmkMismatch = 6 "svmk_mismatch" Some(5306), "the set rebuilds another Server Master Key";
    CardWrongSet = 7 "card_wrong_set" None, "the card belongs to another set";
    CardWrongPurpose = 8 "card_wrong_purpose" None, "the card belongs to a set for another purpose";
    CardAlreadyPresented = 9 "card_already_presented" None, "this card, or a copy of it, has counted already";
    CardNotInitialized = 10 "card_not_initialized" None, "the card holds no shadow";
    CardIncompatible = 11 "card_incompatible" None, "the card or its shadow is of another kind";
    CardDamaged = 12 "card_damaged" None, "the shadow's checksum does not fit";
    CardAbsent = 13 "card_absent" None, "there is no card in the reader";
    CardRemoved = 14 "card_removed" None, "the card was taken out";
    CardMute = 15 "card_mute" None, "the card did not answer in time";
    ReaderUnavailable = 16 "reader_unavailable" None, "there is no reader";
    PinCancelled = 17 "pin_cancelled" None, "the custodian gave up";
    CardError = 18 "card_error" None, "the card answered with an unexpected status word";
    PinWrong = 19 "pin_wrong" None, "the PIN is wrong";
    CardBlocked = 20 "card_blocked" None, "the card is blocked for ever";
    ConfirmationMismatch = 21 "confirmation_mismatch" None, "the serial number typed to confirm is another";
    ActivationPasswordWrong = 22 "activation_password_wrong" None, "the activation password is wrong";
    ActivationWait = 23 "activation_wait" None, "too many wrong activation passwords: wait";
    SyncUndefined = 24 "sync_undefined" Some(37032), "there is no node to synchronize with";
    SyncClientsConnected = 25 "sync_clients_connected" Some(37033), "clients have connected since the service started";
    SyncSelf = 26 "sync_self" Some(37034), "a node cannot be synchronized with itself";
    SyncFailed = 27 "sync_failed" Some(37000), "live sync failed";
    LimitReached = 28 "limit_reached" Some(5304), "a limit was reached";
    Internal = 29 "internal" Some(5000), "the device failed inside";
    ApduRefused = 30 "apdu_refused" None, "the station does not relay this command";
}

impl ErrorName {
    /// The row with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|row| row.name() == name)
    }

    /// An error object of this row, with nothing added.
    pub fn into_error(self) -> Error {
        Error {
            name: Some(self),
            code: self.code(),
            message: self.sentence().to_owned(),
            data: Map::new(),
        }
    }
}

impl fmt::Display for ErrorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A JSON-RPC error object. One that a stranger sent may have no [`name`](Self::name) that we know.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(from = "ErrorObject")]
pub struct Error {
    /// The row of the table, if `data.name` is one of ours.
    pub name: Option<ErrorName>,
    /// Our number, or whatever the sender wrote.
    pub code: i32,
    /// One sentence.
    pub message: String,
    /// What else helps: `tries_left`, `status_word`, `wait_ms`, an error per field.
    pub data: Map<String, Value>,
}

impl Error {
    /// The same error with one more member in `data`.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.data.insert(member.to_owned(), value.into());
        self
    }

    /// The same error with a sentence that says more than the table's.
    #[must_use]
    pub fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    pub(crate) fn to_value(&self) -> Value {
        let mut data = Map::new();
        if let Some(name) = self.name {
            data.insert("name".into(), name.name().into());
            if let Some(vendor_code) = name.vendor_code() {
                data.insert("vendor_code".into(), vendor_code.into());
            }
        }
        data.extend(self.data.clone());
        json!({"code": self.code, "message": self.message, "data": data})
    }
}

impl From<ErrorName> for Error {
    fn from(name: ErrorName) -> Self {
        name.into_error()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name {
            Some(name) => write!(f, "{} ({name})", self.message),
            None => write!(f, "{} ({})", self.message, self.code),
        }
    }
}

/// The object as it stands on the wire.
#[derive(Deserialize)]
struct ErrorObject {
    code: i32,
    message: String,
    #[serde(default)]
    data: Option<Map<String, Value>>,
}

impl From<ErrorObject> for Error {
    fn from(object: ErrorObject) -> Self {
        let mut data = object.data.unwrap_or_default();
        let name = data
            .get("name")
            .and_then(Value::as_str)
            .and_then(ErrorName::from_name);
        if name.is_some() {
            data.remove("name");
            data.remove("vendor_code");
        }
        Self {
            name,
            code: object.code,
            message: object.message,
            data,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_and_codes_are_each_used_once() {
        let names: BTreeSet<_> = ErrorName::ALL.iter().map(|row| row.name()).collect();
        let codes: BTreeSet<_> = ErrorName::ALL.iter().map(|row| row.code()).collect();
        assert_eq!(
            (names.len(), codes.len()),
            (ErrorName::ALL.len(), ErrorName::ALL.len())
        );
    }

    #[test]
    fn an_error_survives_the_wire() {
        let error = ErrorName::PinWrong.into_error().with("tries_left", 5);
        let read: Error = serde_json::from_value(error.to_value()).unwrap();
        assert_eq!(read, error);
        let foreign: Error = serde_json::from_value(json!({"code": 77, "message": "eh"})).unwrap();
        assert_eq!((foreign.name, foreign.to_string()), (None, "eh (77)".into()));
    }

    #[test]
    fn the_table_in_the_protocol_page_is_this_one() {
        let page = include_str!("../../../docs/protocol.md");
        for row in ErrorName::ALL {
            let vendor = row.vendor_code().map_or("–".into(), |code| code.to_string());
            let line = format!(
                "| {} | `{}` | {vendor} | {}",
                row.code(),
                row.name(),
                row.sentence()
            );
            assert!(page.contains(&line), "docs/protocol.md lacks the row\n{line}");
        }
    }
}
