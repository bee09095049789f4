//! Something that happened, as the bench tells it. Carries no secret: it is a line of the device's log.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::limits::{NUMBER_MAX, at_most};

/// Something that happened to the device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// From 0 since the program started, whatever the device does: the `id` in the stream.
    pub number: u64,
    /// When, in microseconds on the device's clock.
    pub at_us: u64,
    /// What, as one word.
    pub kind: String,
    /// The connection it is about; 0 if it is about none.
    pub connection: u64,
    /// The line of the device's log.
    pub line: String,
}

/// Which events are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// From this number on; without it, from the oldest that is kept.
    #[serde(default, deserialize_with = "number")]
    #[param(minimum = 0, maximum = 9_007_199_254_740_991_u64, nullable = false)]
    pub from: Option<u64>,
    /// In the stream, also a message of the type `changed` when the state or the screen may be another.
    #[serde(default)]
    #[param(nullable = false)]
    pub changes: bool,
}

fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    at_most::<D, NUMBER_MAX>(from).map(Some)
}
