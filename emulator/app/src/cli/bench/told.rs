//! What the bench answers, for people. Leaves nothing out that `--json` has.

use std::fmt::Write as _;

use hsm_bench::{Clock, Event, Faults, State};
use serde::Serialize;

/// A word as it is in JSON.
fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(error) => unreachable!("our own types have string keys and no failing serializer: {error}"),
    }
}

/// Seconds with as many digits as the clock has.
fn seconds(micros: u64) -> String {
    format!("{}.{:06} s", micros / 1_000_000, micros % 1_000_000)
}

pub(super) fn state(state: &State) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        writeln!(text, "{name:<18} {value}").expect("a String takes everything");
    };
    let yes_no = |is: bool| if is { "yes" } else { "no" };
    line("power", &word(state.power));
    line("activated", yes_no(state.activated));
    line("service", &word(state.service));
    line("remote management", &word(state.remote_management));
    let open = if state.port.open { "open" } else { "closed" };
    line("port", &format!("{} {open}", state.port.address));
    match &state.manager {
        Some(manager) => {
            let (number, peer, access) = (manager.connection, &manager.peer, word(manager.access));
            line("manager", &format!("connection {number} from {peer}, {access}"));
        }
        None => line("manager", "none"),
    }
    match state.ceremony {
        Some(ceremony) => line(
            "process",
            &format!("{} of {}", ceremony.presented, ceremony.required),
        ),
        None => line("process", "none"),
    }
    for connection in &state.connections {
        let (number, peer, phase) = (connection.connection, &connection.peer, word(connection.phase));
        let read = connection.bytes_read;
        line(
            "connection",
            &format!("{number} from {peer}, {phase}, {read} bytes read"),
        );
    }
    for limit in &state.limits {
        let about = match limit.connection {
            0 => String::new(),
            connection => format!(", connection {connection}"),
        };
        line(
            "limit",
            &format!("{} at {}{about}", word(limit.limit), seconds(limit.at_us)),
        );
    }
    line("card", state.card.as_deref().unwrap_or("none"));
    line("writes pending", &state.writes_pending.to_string());
    line("faults", faults(&state.faults).trim_end());
    line("clock", clock(&state.clock).trim_end());
    line(
        "events",
        &format!("{} to {}", state.events.oldest, state.events.next),
    );
    text
}

pub(super) fn clock(clock: &Clock) -> String {
    format!(
        "{} {} {}\n",
        word(clock.mode),
        seconds(clock.now_us),
        clock.date_time
    )
}

pub(super) fn faults(faults: &Faults) -> String {
    if *faults == Faults::default() {
        return "none\n".to_owned();
    }
    let mut told = Vec::new();
    if faults.write_delay_ms > 0 {
        told.push(format!("a write takes {} ms", faults.write_delay_ms));
    }
    if faults.write_hangs {
        told.push("writes hang".to_owned());
    }
    if faults.cut_at_write > 0 {
        let moment = word(faults.cut_moment);
        told.push(format!("power is cut at write {}, {moment}", faults.cut_at_write));
    }
    if let Some(algorithm) = faults.computes_wrong {
        told.push(format!("{algorithm} is computed wrong"));
    }
    if told.is_empty() {
        told.push("none".to_owned());
    }
    format!("{}\n", told.join("; "))
}

pub(super) fn event(event: &Event) -> String {
    format!(
        "{} {} {} {}\n",
        event.number,
        seconds(event.at_us),
        event.kind,
        event.line
    )
}

#[expect(clippy::ptr_arg, reason = "it is what JSON is read into")]
pub(super) fn events(events: &Vec<Event>) -> String {
    events.iter().map(event).collect()
}
