//! What the user sees: data on standard output, talk on standard error, or JSON. Texts of the device are escaped here,
//! and a reader who goes away is no error.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use program::{is_unseen, shown};
use protocol::{Header, Info, NetworkSettings, ServiceState};
use serde_json::{Map, Value, json};

use crate::{
    errand::Talk,
    outcome::{Outcome, Words},
};

/// Standard output and standard error as this program writes to them.
#[derive(Debug)]
pub(crate) struct Screen {
    pub(crate) json: bool,
    /// Whether what happens meanwhile belongs to the data: for whoever stays.
    pub(crate) is_staying: bool,
    failure: Option<io::Error>,
}

impl Screen {
    pub(crate) const fn new(json: bool) -> Self {
        Self {
            json,
            is_staying: false,
            failure: None,
        }
    }

    /// Why data could not be written, unless its reader just went away.
    pub(crate) fn into_failure(self) -> Option<io::Error> {
        self.failure
    }

    pub(crate) fn report(&mut self, outcome: &Outcome) {
        if self.json {
            let mut members = Map::new();
            members.insert("exit_code".into(), outcome.exit_code().code().into());
            members.extend(outcome.members());
            return self.data(&json_line("outcome", outcome.name(), &members));
        }
        match outcome.words() {
            Words::Data(text) => self.data(&text),
            Words::Problem(text, hint) => {
                let text: Vec<_> = text.split('\n').map(shown).collect();
                talk(&format!("error: {}", text.join("\n")));
                if let Some(hint) = hint {
                    talk(&format!("hint: {hint}"));
                }
            }
        }
    }

    pub(crate) fn tell(&mut self, what: &Talk) {
        if self.json && self.is_staying {
            let (name, members) = talk_members(what);
            return self.data(&json_line("notice", name, &members));
        }
        talk(&shown(&talk_text(what)));
    }

    /// Whole lines.
    pub(crate) fn data(&mut self, text: &str) {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(why) if why.kind() != io::ErrorKind::BrokenPipe => self.failure = Some(why),
            Ok(()) | Err(_) => {}
        }
    }
}

/// One line on standard error. Whoever does not read it does not want it.
pub(crate) fn talk(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn talk_text(talk: &Talk) -> String {
    match talk {
        Talk::FirstUse { hsm, fingerprint } => {
            format!("first use of {hsm}: its fingerprint is {fingerprint}, remembered from now on")
        }
        Talk::HeaderChanged(header) => format!(
            "the header has changed: service {}, model {}, serial {}, firmware {}, address {}, mode {}",
            service(header.service),
            header.model,
            header.serial,
            header.firmware,
            header.ip,
            header.mode
        ),
        Talk::Busy => "another manager is connected; trying again (`--wait`)".into(),
        Talk::AskForCard { reader } => format!("insert a card into `{reader}`; Ctrl-C gives up"),
        Talk::CeremonyProgress(progress) => format!(
            "{} of {} cards are accepted already; {} s left for the next",
            progress.presented,
            progress.required,
            progress.expires_in_ms / 1000
        ),
        Talk::CeremonyReset(reason) => {
            format!("the cards accepted so far no longer count: {}", reason.sentence())
        }
        Talk::OperationProgress { percent, text } => format!("{percent} %: {text}"),
        Talk::PinRefused(why) => format!("{why}; the card has not seen it, no try is lost"),
        Talk::CardRequestRefused { method } => {
            format!("the device asked for what a station does not do (`{method}`); nothing went to the card")
        }
    }
}

fn talk_members(talk: &Talk) -> (&'static str, Map<String, Value>) {
    let (name, members) = match talk {
        Talk::FirstUse { hsm, fingerprint } => ("first_use", json!({"hsm": hsm, "fingerprint": fingerprint})),
        Talk::HeaderChanged(header) => ("header_changed", json!({"header": header})),
        Talk::Busy => ("busy", json!({})),
        Talk::AskForCard { reader } => ("card_awaited", json!({"reader": reader})),
        Talk::CeremonyProgress(progress) => ("ceremony_progress", json!({"progress": progress})),
        Talk::CeremonyReset(reason) => ("ceremony_reset", json!({"reason": reason})),
        Talk::OperationProgress { percent, text } => {
            ("operation_progress", json!({"percent": percent, "text": text}))
        }
        Talk::PinRefused(why) => ("pin_refused", json!({"message": why})),
        Talk::CardRequestRefused { method } => ("card_request_refused", json!({"method": method})),
    };
    match members {
        Value::Object(members) => (name, members),
        other => unreachable!("each form is an object, not {other}"),
    }
}

/// One object on one line, its name first. What a terminal would obey is written as JSON escapes.
pub(crate) fn json_line(kind: &str, name: &str, members: &Map<String, Value>) -> String {
    let mut line = format!("{{\"{kind}\":\"{name}\"");
    for (member, value) in members {
        let member = Value::from(member.as_str());
        write!(line, ",{member}:{value}").expect("a String takes everything");
    }
    line.push('}');
    let mut escaped = String::with_capacity(line.len() + 1);
    for character in line.chars() {
        if is_unseen(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(escaped, "\\u{unit:04x}").expect("a String takes everything");
            }
        } else {
            escaped.push(character);
        }
    }
    escaped.push('\n');
    escaped
}

const fn service(state: ServiceState) -> &'static str {
    match state {
        ServiceState::Running => "running",
        ServiceState::Stopped => "stopped",
    }
}

const fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

/// Labels and values, a row each, values under one another.
fn aligned(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (label, value) in rows {
        let row = format!("{label:width$}  {}", shown(value));
        writeln!(text, "{}", row.trim_end()).expect("a String takes everything");
    }
    text
}

pub(crate) fn header(header: &Header) -> String {
    aligned(&[
        ("service", service(header.service).into()),
        ("model", header.model.clone()),
        ("serial", header.serial.clone()),
        ("firmware", header.firmware.clone()),
        ("address", header.ip.to_string()),
        ("mode", header.mode.to_string()),
    ])
}

pub(crate) fn info(info: &Info) -> String {
    let self_test = if info.last_self_test.passed {
        "passed"
    } else {
        "failed"
    };
    aligned(&[
        ("model", info.model.clone()),
        ("serial", info.serial.clone()),
        ("firmware", info.firmware.clone()),
        ("hardware", info.hardware.clone()),
        ("mode", info.mode.to_string()),
        ("service", service(info.service).into()),
        ("activated", yes(info.activated).into()),
        ("uptime", format!("{} s", info.uptime_secs)),
        ("date and time", format!("{} UTC", info.date_time)),
        ("users", info.users.to_string()),
        ("objects", info.objects.to_string()),
        ("database", format!("{} bytes", info.database_bytes)),
        ("free", format!("{} bytes", info.free_bytes)),
        ("tampered", yes(info.tampered).into()),
        (
            "replication domain",
            info.replication_domain.clone().unwrap_or_else(|| "-".into()),
        ),
        (
            "last self test",
            format!("{self_test}, {} UTC", info.last_self_test.date_time),
        ),
    ])
}

pub(crate) fn network(network: &NetworkSettings) -> String {
    let list = |items: Vec<String>| {
        if items.is_empty() {
            "-".into()
        } else {
            items.join(", ")
        }
    };
    let mut rows: Vec<(&str, String)> = Vec::new();
    for interface in &network.interfaces {
        let link = if interface.up { "up" } else { "down" };
        let settings = format!(
            "{}/{}, {}, speed {}, link {link}",
            interface.ip, interface.mask, interface.mac, interface.speed
        );
        rows.push(("interface", format!("{}: {settings}", interface.name)));
    }
    let gateway = network.gateway.map_or("-".into(), |gateway| gateway.to_string());
    rows.push(("gateway", gateway));
    rows.push(("dns", list(network.dns.iter().map(ToString::to_string).collect())));
    rows.push(("ntp", list(network.ntp.clone())));
    aligned(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    /// What an administrator who stays can be told.
    #[test]
    fn the_schema_describes_every_notice() {
        let header = Header {
            service: ServiceState::Running,
            model: "XP".into(),
            serial: "TXP0000001".into(),
            firmware: "5.0.22.0".into(),
            ip: [192, 0, 2, 10].into(),
            mode: protocol::OperatingMode::Nrm,
        };
        let notices = [
            Talk::HeaderChanged(header),
            Talk::CeremonyReset(protocol::CeremonyResetReason::Interval),
            Talk::OperationProgress {
                percent: 100,
                text: "copied".into(),
            },
            Talk::CardRequestRefused {
                method: "card.power_on".into(),
            },
        ];
        let schema = schema::schema();
        let mut names = Vec::new();
        for talk in &notices {
            let (name, members) = talk_members(talk);
            schema::check_line(json_line("notice", name, &members).trim_end());
            names.push(name);
        }
        let forms = schema["oneOf"].as_array().unwrap().iter();
        let described = forms.filter_map(|form| form["properties"]["notice"]["const"].as_str());
        assert_eq!(described.collect::<Vec<_>>(), names);
    }

    #[test]
    fn what_a_device_says_cannot_steer_a_terminal() {
        let members = Map::from_iter([(
            "text".to_owned(),
            Value::from("a\x1b[2J\u{9b}\u{202e}\u{e0001}\"é"),
        )]);
        let line = json_line("outcome", "denied", &members);
        assert_eq!(
            line,
            "{\"outcome\":\"denied\",\"text\":\"a\\u001b[2J\\u009b\\u202e\\udb40\\udc01\\\"é\"}\n"
        );
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["text"], members["text"]);

        let talk = Talk::OperationProgress {
            percent: 1,
            text: "\x1b]0;x\x07\n".into(),
        };
        assert_eq!(shown(&talk_text(&talk)), r"1 %: \u{1b}]0;x\u{7}\u{a}");
        assert_eq!(
            aligned(&[("a", "\x1b".into()), ("bcd", "x".into())]),
            "a    \\u{1b}\nbcd  x\n"
        );
    }
}
