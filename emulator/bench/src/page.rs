//! How a browser comes to the bench's page. What opens it prints nowhere.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::limits::{TICKET_CHARACTERS, short};

/// An address that opens the page in a browser, once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PageAddress {
    /// The bench's URL, with a ticket behind `#`, which no browser sends.
    pub url: String,
}

impl fmt::Debug for PageAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PageAddress")
    }
}

/// What lets a browser in, once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// 64 hexadecimal digits.
    #[serde(deserialize_with = "short::<_, TICKET_CHARACTERS, TICKET_CHARACTERS>")]
    #[schema(min_length = 64, max_length = 64)]
    ticket: String,
}

impl Ticket {
    /// As a text.
    pub fn as_str(&self) -> &str {
        &self.ticket
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket")
    }
}
