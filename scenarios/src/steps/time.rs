//! Steps about time: what passes, and what somebody sets.

use super::{Steps, define};

pub(super) fn register(steps: &mut Steps) {
    define(
        steps,
        "{duration} pass(es)",
        "virtual time, exact to the microsecond",
        |stage, args| {
            let span = *args.duration(0);
            stage.world()?.pass(span);
            Ok(())
        },
    );
    define(
        steps,
        "the calendar of the HSM is set back by {duration}",
        "the wall clock alone",
        |stage, args| {
            let span = *args.duration(0);
            stage.world()?.set_clock(span, true);
            Ok(())
        },
    );
    define(
        steps,
        "the calendar of the HSM is set forward by {duration}",
        "the wall clock alone",
        |stage, args| {
            let span = *args.duration(0);
            stage.world()?.set_clock(span, false);
            Ok(())
        },
    );
}
