//! The one shape of a refusal: RFC 9457, with what was being done, what was expected, what came, and what to do.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a request was refused. Media type `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Always `about:blank`: the status says the kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The status code.
    pub status: u16,
    /// Everything below in one line.
    pub detail: String,
    /// What was being done.
    pub doing: String,
    /// What was expected.
    pub expected: String,
    /// What came instead.
    pub came: String,
    /// What to do about it.
    pub hint: String,
    /// The oldest event that is kept, if the one that was asked for is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub oldest: Option<u64>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}
