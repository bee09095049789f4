//! Hands on the clock: what passes, and what somebody sets.

use std::time::Duration;

use super::{super::stage::Stage, Hands};
use crate::lane::Mismatch;

pub(super) const HANDS: Hands = &[
    ("{duration} pass(es)", |stage, args| stage.pass(*args.duration(0))),
    (
        "the calendar of the HSM is set back by {duration}",
        |stage, args| set(stage, *args.duration(0), -1),
    ),
    (
        "the calendar of the HSM is set forward by {duration}",
        |stage, args| set(stage, *args.duration(0), 1),
    ),
];

fn set(stage: &mut Stage<'_>, by: Duration, direction: i64) -> Result<(), Mismatch> {
    let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    stage.set_calendar(direction * millis)
}
