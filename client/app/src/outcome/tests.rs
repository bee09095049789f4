//! The table of outcomes in `docs/client.md` is the one in the code.

use super::*;
use crate::schema;
use protocol::{Interface, OperatingMode, SelfTest, ServiceState};

fn header() -> Header {
    Header {
        service: ServiceState::Running,
        model: "XP".into(),
        serial: "TXP0000001".into(),
        firmware: "5.0.22.0".into(),
        ip: [192, 0, 2, 10].into(),
        mode: OperatingMode::Nrm,
    }
}

fn inspection() -> Inspection {
    Inspection {
        atr: apdu::Atr::try_from(&[0x3B, 0x00][..]).unwrap(),
        csn: apdu::Csn([7; 16]),
        status: apdu::CardStatus {
            life_cycle: apdu::LifeCycle::PostFormat,
            is_blocked: false,
            lock1: 2,
            lock2: 2,
            try_counter: 0,
            presentations_max: 7,
            pin_changes_left: 1,
            product: [0; 5],
            card_type: *b"SmOe",
            label_len: 0,
            shadow_len: 1,
            share: [0; 3],
            is_verified: false,
        },
    }
}

/// One of each, with when it comes, in the order of the exit codes.
fn examples() -> Vec<(Outcome, &'static str)> {
    let hsm: Address = "127.0.0.1".parse().unwrap();
    let fingerprint = Fingerprint::from_bytes([0xAB; 32]);
    let info = Info {
        model: "XP".into(),
        serial: "TXP0000001".into(),
        firmware: "5.0.22.0".into(),
        hardware: "emulated".into(),
        mode: OperatingMode::Nrm,
        service: ServiceState::Running,
        activated: true,
        uptime_secs: 1,
        date_time: "2026/01/01 00:00:00".into(),
        users: 1,
        objects: 0,
        database_bytes: 0,
        free_bytes: 1,
        tampered: false,
        replication_domain: None,
        last_self_test: SelfTest {
            passed: true,
            date_time: "2026/01/01 00:00:00".into(),
        },
    };
    let network = NetworkSettings {
        interfaces: vec![Interface {
            name: "Interface 1".into(),
            mac: "02:00:00:00:00:01".into(),
            ip: [192, 0, 2, 10].into(),
            mask: [255, 255, 255, 0].into(),
            speed: "auto".into(),
            up: true,
        }],
        gateway: None,
        dns: Vec::new(),
        ntp: Vec::new(),
    };
    let message = || String::from("a sentence");
    let operation = Operation::Restart;
    vec![
        (
            Outcome::Status(header()),
            "`status`: the [header](protocol.md#header)",
        ),
        (
            Outcome::Info(Box::new(info)),
            "`info`: the [information](protocol.md#information)",
        ),
        (
            Outcome::Network(network),
            "`network`: the [network settings](protocol.md#network-settings)",
        ),
        (
            Outcome::Intermediary {
                presented: 1,
                required: 2,
                expires_in_ms: 120_000,
            },
            "`auth`: the card counted, and others are needed",
        ),
        (
            Outcome::Administrator {
                presented: 2,
                required: 2,
                activated: true,
            },
            "`auth`: the card was the last; printed at once, and the program stays",
        ),
        (
            Outcome::Activated,
            "`auth`: the activation password is right, and this connection the administrator's",
        ),
        (
            Outcome::PasswordSet,
            "`password set`: the activation password is set, or is this one already",
        ),
        (Outcome::Left, "`auth`: the administrator left"),
        (Outcome::Done { operation }, "`op`: it is done, or begun"),
        (
            Outcome::Trusted {
                hsm: hsm.clone(),
                fingerprint,
                known: Known::New,
            },
            "`trust`: who answers; `known` is `new`, `remembered` or `pinned`",
        ),
        (
            Outcome::Forgotten {
                hsm: hsm.clone(),
                fingerprint: None,
            },
            "`trust --forget`: `fingerprint` is null if the device was not known",
        ),
        (
            Outcome::Known {
                hsm: hsm.clone(),
                fingerprint: None,
            },
            "`trust --show`: `fingerprint` is null if the device is not known",
        ),
        (
            Outcome::Web {
                url: WebAddress::try_from("https://192.0.2.10/").unwrap(),
            },
            "`web`: the login page, which the opener was started with",
        ),
        (
            Outcome::Readers(vec!["IDBridge CT30 00 00".into()]),
            "`readers`: the readers of PC/SC by their names",
        ),
        (
            Outcome::Inspected(Box::new(inspection())),
            "`card inspect`: what the card tells anybody, as in [inspect](virtual-card.md)",
        ),
        (
            Outcome::Checked(vec![Finding::good("settings", "read")]),
            "`doctor`: what was found; the exit code is that of the first problem",
        ),
        (
            Outcome::Usage {
                message: message(),
                hint: "",
            },
            "something is missing that must be there first, such as a terminal for the PIN",
        ),
        (
            Outcome::File {
                message: message(),
                hint: None,
            },
            "a file could not be read or written",
        ),
        (
            Outcome::CardImageDamaged {
                message: message(),
                hint: None,
            },
            "the card's image is damaged; it was left as it is",
        ),
        (
            Outcome::CardImageInUse {
                message: message(),
                hint: None,
            },
            "another program holds the card",
        ),
        (
            Outcome::Unreachable {
                hsm: hsm.clone(),
                message: message(),
            },
            "there was no session: nothing listens, no way, no TLS, or the connection ended before the first line",
        ),
        (
            Outcome::FingerprintChanged {
                hsm,
                trusted: fingerprint,
                presented: fingerprint,
            },
            "another device answers than the trusted one; no line was sent",
        ),
        (
            Outcome::Denied {
                reason: DeniedReason::Busy,
                message: message(),
            },
            "the device let nobody in; `reason` as in [Opening](protocol.md#opening)",
        ),
        (
            Outcome::SessionEnded {
                reason: EndReason::Torn,
                message: message(),
            },
            "the session ended too early; `reason` as in [Closing](protocol.md#closing), or `left`, `torn`, `protocol_broken`, `silent`",
        ),
        (
            Outcome::Refused(ErrorName::WrongState.into()),
            "the device refused; `error` is a name of [Errors](protocol.md#errors), or null",
        ),
        (
            Outcome::MoreCustodiansNeeded {
                operation,
                presented: 1,
                required: 2,
                expires_in_ms: 1,
            },
            "`op`: the card counted, but others are needed first; nothing was done",
        ),
        (
            Outcome::Card(ErrorName::PinWrong.into()),
            "the card was not accepted: the card itself, its PIN or the reader; `error` as above",
        ),
        (
            Outcome::Reader {
                message: message(),
                hint: None,
            },
            "the reader that was named is not there",
        ),
        (
            Outcome::PinMalformed { message: message() },
            "the file or variable holds no PIN; the card has not seen it",
        ),
        (
            Outcome::GaveUp,
            "the custodian gave up at the prompt, or pressed Ctrl-C",
        ),
        (Outcome::TimedOut { timeout_ms: 1 }, "`--timeout` was over"),
        (
            Outcome::Internal { message: message() },
            "a mistake in the program itself",
        ),
    ]
}

//= CL-03
#[test]
fn the_document_holds_the_table_of_outcomes() {
    let mut table = String::from("| `outcome` | exit code | more members | when |\n|---|---|---|---|\n");
    for (outcome, when) in examples() {
        let members: Vec<_> = outcome.members().keys().map(|name| format!("`{name}`")).collect();
        let members = if members.is_empty() {
            "–".into()
        } else {
            members.join(", ")
        };
        let (name, code) = (outcome.name(), outcome.exit_code().code());
        writeln!(table, "| `{name}` | {code} | {members} | {when} |").unwrap();
    }
    let document = include_str!("../../../../docs/client.md");
    assert!(document.contains(&table), "docs/client.md must hold\n{table}");
}

/// The line that is printed for an outcome, read again.
fn printed(outcome: &Outcome) -> Value {
    let mut members = Map::from_iter([("exit_code".to_owned(), outcome.exit_code().code().into())]);
    members.extend(outcome.members());
    serde_json::from_str(&screen::json_line("outcome", outcome.name(), &members)).unwrap()
}

//= CL-03
#[test]
fn the_schema_describes_every_outcome_and_nothing_else() {
    let schema = schema::schema();
    for (outcome, _) in examples() {
        let line = printed(&outcome);
        schema::keeps_to(&schema, &line).unwrap_or_else(|why| panic!("{why}: {line}"));
        // A member less, a member more, another exit code: none of that is the form.
        for member in line.as_object().unwrap().keys() {
            let mut less = line.clone();
            less.as_object_mut().unwrap().remove(member);
            assert!(schema::keeps_to(&schema, &less).is_err(), "{less}");
        }
        let mut more = line.clone();
        more["stranger"] = 1.into();
        assert!(schema::keeps_to(&schema, &more).is_err(), "{more}");
        if !matches!(outcome, Outcome::Checked(_)) {
            let mut other = line.clone();
            other["exit_code"] = (outcome.exit_code().code() + 1).into();
            assert!(schema::keeps_to(&schema, &other).is_err(), "{other}");
        }
    }
    let forms = schema["oneOf"].as_array().unwrap().iter();
    let described = forms.filter_map(|form| form["properties"]["outcome"]["const"].as_str());
    let printed = examples();
    let printed = printed.iter().map(|(outcome, _)| outcome.name());
    assert!(described.eq(printed), "in the order of the table, and no other");
}

#[test]
fn every_outcome_has_a_name_of_its_own_and_words() {
    let mut names: Vec<_> = examples().iter().map(|(outcome, _)| outcome.name()).collect();
    names.sort_unstable();
    let len = names.len();
    names.dedup();
    assert_eq!(names.len(), len);
    for (outcome, _) in examples() {
        match (outcome.words(), outcome.exit_code()) {
            (Words::Data(text), ExitCode::Passed) => assert!(text.ends_with('\n'), "{outcome:?}"),
            (Words::Problem(text, _), code) if code != ExitCode::Passed => {
                assert!(!text.is_empty() && !text.ends_with('.'), "{outcome:?}");
            }
            (words, code) => panic!("{outcome:?}: {words:?} with {code:?}"),
        }
    }
}

#[test]
fn errors_of_the_card_are_told_from_refusals_of_the_device() {
    for (name, exit_code) in [
        (ErrorName::PinWrong, ExitCode::Card),
        (ErrorName::SvmkMismatch, ExitCode::Card),
        (ErrorName::ReaderUnavailable, ExitCode::Card),
        (ErrorName::PinCancelled, ExitCode::GivenUp),
        (ErrorName::ServiceNotStarted, ExitCode::Refused),
        (ErrorName::ApduRefused, ExitCode::Refused),
    ] {
        assert_eq!(Outcome::of_error(name.into()).exit_code(), exit_code, "{name}");
    }
}
