//! One side of a session: which requests are open in either direction. Knows no method's meaning.

use core::fmt;
use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::{DeviceRequest, Error, Malformed, ManagerRequest, Message, message::result_line};

/// How many requests a side may have open at once.
pub const REQUESTS_OPEN_MAX: usize = 8;

/// What the answer to a request says.
pub type Outcome = Result<Value, Error>;

/// The ids in flight of one side of a session.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    /// Requests of the other side that we have not answered.
    owed: BTreeSet<u64>,
    /// Requests of ours that are not answered.
    asked: BTreeSet<u64>,
    next_id: u64,
}

/// A line that keeps to the protocol.
#[derive(Clone, Debug, PartialEq)]
pub enum Received {
    /// The other side asks; it must be answered with [`Peer::answer`].
    Request {
        /// To be given back in the answer.
        id: u64,
        /// The method's name.
        method: String,
        /// Its parameters.
        params: Value,
    },
    /// One request more than [`REQUESTS_OPEN_MAX`]: to be answered with [`Peer::answer`] and `limit_reached`.
    OneTooMany {
        /// To be given back in the answer.
        id: u64,
    },
    /// The other side tells.
    Notification {
        /// The method's name.
        method: String,
        /// Its parameters.
        params: Value,
    },
    /// The other side answers a request of ours.
    Answer {
        /// The id that [`Peer::request`] gave.
        id: u64,
        /// What it answers.
        outcome: Outcome,
    },
}

/// A line that breaks the protocol: the session ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// The line is no message.
    Malformed(Malformed),
    /// The id is that of a request still in flight.
    DuplicateId(u64),
    /// Nobody asked what is answered here.
    AnswerToNothing(u64),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(malformed) => malformed.fmt(f),
            Self::DuplicateId(id) => write!(f, "receive request: id {id} is still in flight"),
            Self::AnswerToNothing(id) => write!(f, "receive answer: nothing was asked with id {id}"),
        }
    }
}

impl core::error::Error for Violation {}

/// A request that cannot be sent yet, because [`REQUESTS_OPEN_MAX`] are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyOpen;

impl fmt::Display for TooManyOpen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "send request: {REQUESTS_OPEN_MAX} requests are open already")
    }
}

impl core::error::Error for TooManyOpen {}

/// A request that one of the two sides may send.
pub trait Request {
    /// The method's name.
    fn method_name(&self) -> &'static str;
    /// The parameters by name.
    fn params_by_name(&self) -> Value;
}

impl Request for ManagerRequest {
    fn method_name(&self) -> &'static str {
        self.method().name()
    }
    fn params_by_name(&self) -> Value {
        self.params()
    }
}

impl Request for DeviceRequest {
    fn method_name(&self) -> &'static str {
        self.method()
    }
    fn params_by_name(&self) -> Value {
        self.params()
    }
}

impl Peer {
    /// Takes in one line, without its LF.
    pub fn receive(&mut self, line: &[u8]) -> Result<Received, Violation> {
        match Message::parse(line).map_err(Violation::Malformed)? {
            Message::Request { id, .. } if self.owed.contains(&id) => Err(Violation::DuplicateId(id)),
            Message::Request { id, .. } if self.owed.len() >= REQUESTS_OPEN_MAX => {
                self.owed.insert(id);
                Ok(Received::OneTooMany { id })
            }
            Message::Request { id, method, params } => {
                self.owed.insert(id);
                Ok(Received::Request { id, method, params })
            }
            Message::Notification { method, params } => Ok(Received::Notification { method, params }),
            Message::Response { id, outcome } if self.asked.remove(&id) => {
                Ok(Received::Answer { id, outcome })
            }
            Message::Response { id, .. } => Err(Violation::AnswerToNothing(id)),
        }
    }

    /// Asks: the id to expect in the answer, and the line to send.
    pub fn request(&mut self, request: &impl Request) -> Result<(u64, String), TooManyOpen> {
        if self.asked.len() >= REQUESTS_OPEN_MAX {
            return Err(TooManyOpen);
        }
        let id = self.next_id;
        // Ids may be used again once they are answered, and 2^53 requests are never in flight together.
        self.next_id = (id + 1) % (crate::ID_MAX + 1);
        self.asked.insert(id);
        let message = Message::Request {
            id,
            method: request.method_name().to_owned(),
            params: request.params_by_name(),
        };
        Ok((id, message.to_line()))
    }

    /// Answers a request of the other side: the line to send.
    pub fn answer(&mut self, id: u64, outcome: Outcome) -> String {
        self.settle(id);
        Message::Response { id, outcome }.to_line()
    }

    /// Answers a request of the other side with a result that is written as it is: the line to send.
    pub fn answer_with(&mut self, id: u64, result: &impl Serialize) -> String {
        self.settle(id);
        result_line(id, result)
    }

    fn settle(&mut self, id: u64) {
        assert!(
            self.owed.remove(&id),
            "only a request that was received and not answered can be answered"
        );
    }

    /// Whether this request of the other side still waits for its answer.
    pub fn is_owed(&self, id: u64) -> bool {
        self.owed.contains(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn request(id: u64) -> Vec<u8> {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"device.header"}}"#).into_bytes()
    }

    #[test]
    fn the_ninth_open_request_is_one_too_many_and_the_way_back_is_free() {
        let mut peer = Peer::default();
        for id in 0..8 {
            assert!(matches!(peer.receive(&request(id)), Ok(Received::Request { .. })));
        }
        assert_eq!(peer.receive(&request(8)), Ok(Received::OneTooMany { id: 8 }));
        peer.answer(8, Err(crate::ErrorName::LimitReached.into()));
        assert_eq!(peer.receive(&request(9)), Ok(Received::OneTooMany { id: 9 }));
        peer.answer(9, Err(crate::ErrorName::LimitReached.into()));
        peer.answer(3, Ok(json!({})));
        assert!(matches!(
            peer.receive(&request(3)),
            Ok(Received::Request { id: 3, .. })
        ));
    }

    #[test]
    fn an_id_in_flight_cannot_be_used_again_but_an_answered_one_can() {
        let mut peer = Peer::default();
        peer.receive(&request(5)).unwrap();
        assert_eq!(peer.receive(&request(5)), Err(Violation::DuplicateId(5)));
        peer.answer(5, Ok(json!({})));
        assert!(peer.receive(&request(5)).is_ok());
    }

    #[test]
    fn an_answer_is_taken_once_and_only_if_somebody_asked() {
        let mut peer = Peer::default();
        let answer = |id| format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#).into_bytes();
        assert_eq!(peer.receive(&answer(0)), Err(Violation::AnswerToNothing(0)));
        let (id, _) = peer.request(&DeviceRequest::CardPowerOn).unwrap();
        assert_eq!(
            peer.receive(&answer(id)),
            Ok(Received::Answer {
                id,
                outcome: Ok(json!({}))
            })
        );
        assert_eq!(peer.receive(&answer(id)), Err(Violation::AnswerToNothing(id)));
    }

    #[test]
    fn we_keep_to_the_limit_that_we_ask_of_the_other_side() {
        let mut peer = Peer::default();
        for _ in 0..REQUESTS_OPEN_MAX {
            peer.request(&ManagerRequest::Header).unwrap();
        }
        assert_eq!(peer.request(&ManagerRequest::Header), Err(TooManyOpen));
    }

    proptest! {
        #[test]
        fn no_line_makes_a_peer_panic(lines in prop::collection::vec("\\{\"jsonrpc\":\"2.0\",(\"id\":[0-3],)?\"(method|result)\":\"?[a-z]{1,3}\"?\\}|.{0,30}", 0..40)) {
            let mut peer = Peer::default();
            peer.request(&ManagerRequest::Header).unwrap();
            for line in lines {
                let _ = peer.receive(line.as_bytes());
            }
        }
    }
}
