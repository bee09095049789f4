//! How the bench says no, in the one shape of `hsm_bench::Problem`. Repeats nothing that may be a token or a PIN.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use hsm_bench::Problem;
use hyper::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE},
};

use crate::local_reader::Hindrance;

/// Why a request changed nothing.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    doing: String,
    expected: String,
    came: String,
    hint: String,
    oldest: Option<u64>,
}

impl Refusal {
    /// While `doing`, this was `expected`, and that `came`.
    pub(crate) fn new(
        status: StatusCode,
        doing: impl Into<String>,
        expected: impl Into<String>,
        came: impl Into<String>,
    ) -> Self {
        Self {
            status,
            doing: doing.into(),
            expected: expected.into(),
            came: came.into(),
            hint: String::new(),
            oldest: None,
        }
    }

    /// The device is not in a state for this.
    pub(crate) fn conflict(
        doing: impl Into<String>,
        expected: impl Into<String>,
        came: impl Into<String>,
    ) -> Self {
        Self::new(StatusCode::CONFLICT, doing, expected, came)
    }

    /// The program ends.
    pub(crate) fn ending() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "hand the request to the device",
            "a running emulator",
            "one that is ending",
        )
        .hint("start it again")
    }

    /// Adds what to do about it.
    #[must_use]
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: hint.into(),
            ..self
        }
    }

    /// Adds the oldest event that is kept.
    #[must_use]
    pub(crate) fn oldest(self, oldest: u64) -> Self {
        Self {
            oldest: Some(oldest),
            ..self
        }
    }

    fn problem(self) -> Problem {
        Problem {
            kind: "about:blank".into(),
            title: self.status.canonical_reason().unwrap_or("Refused").into(),
            status: self.status.as_u16(),
            detail: format!("{}: expected {}, got {}", self.doing, self.expected, self.came),
            doing: self.doing,
            expected: self.expected,
            came: self.came,
            hint: self.hint,
            oldest: self.oldest,
        }
    }
}

impl From<Hindrance> for Refusal {
    fn from(hindrance: Hindrance) -> Self {
        Self::conflict(hindrance.doing, hindrance.expected, hindrance.came).hint(hindrance.hint)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status;
        let body = serde_json::to_vec(&self.problem())
            .expect("our own types have string keys and no failing serializer");
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
