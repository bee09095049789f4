//! The sentences of `suite/agreement` and what each does to the real programs. Those of the simulation mean the same.

use std::{collections::BTreeMap, time::Duration};

use hsm_client::{Ending, Fingerprint, Notice, StationInput, TlsClientConfig, Trust};
use hsm_rig::{
    gherkin::{pickle::Pickle, tree::Block},
    step::{Argument, BlockKind, MatchedArgument, ParameterType, Registry},
};
use protocol::ManagerRequest;
use serde_json::Value as Json;

use crate::{
    device::Device,
    station::{ByHand, PATIENCE, Station},
};

type Handler = fn(&mut Stage, &Args) -> Result<(), String>;

/// One scenario's emulator and the people around it.
struct Stage {
    device: Device,
    trust: TlsClientConfig,
    people: BTreeMap<String, Station>,
    by_hand: Option<ByHand>,
    /// What the scenario lets pass comes on top of what an event may take.
    passes: Duration,
}

struct Args {
    arguments: Vec<String>,
    text: String,
}

/// Plays one scenario from its first step to the first that does not hold.
pub(crate) fn play(scenario: &Pickle) -> Result<(), String> {
    let steps = registry();
    let device = Device::demo()?;
    let fingerprint: Fingerprint = device
        .fingerprint
        .parse()
        .map_err(|_| "a fingerprint in the ready-file".to_owned())?;
    let trust = TlsClientConfig::new(Trust::Pinned(fingerprint));
    let mut stage = Stage {
        device,
        trust,
        people: BTreeMap::new(),
        by_hand: None,
        passes: Duration::ZERO,
    };
    for step in &scenario.steps {
        let found = steps
            .match_step(&step.text, BlockKind::from(&step.block))
            .map_err(|error| format!("{error}: {}", step.text))?;
        let text = match &step.block {
            Block::DocString(text) => format!("{}\n", text.content),
            Block::None | Block::Table(_) => String::new(),
        };
        let args = Args {
            arguments: found.arguments.iter().map(written).collect(),
            text,
        };
        (found.definition.handler)(&mut stage, &args).map_err(|why| format!("{}: {why}", step.text))?;
    }
    Ok(())
}

fn written(argument: &MatchedArgument<String>) -> String {
    match &argument.value {
        Argument::Int(int) => int.to_string(),
        Argument::String(text) | Argument::Word(text) | Argument::Value(text) => text.clone(),
    }
}

impl Stage {
    fn station(&mut self, args: &Args) -> Result<&mut Station, String> {
        self.people
            .get_mut(&args.arguments[0])
            .ok_or_else(|| "nobody of this name has connected".to_owned())
    }

    fn wait(&mut self, args: &Args, is_so: impl Fn(&Station) -> bool) -> Result<(), String> {
        let patience = PATIENCE + self.passes;
        self.station(args)?.wait(patience, is_so)
    }

    fn hand(&mut self) -> Result<&mut ByHand, String> {
        self.by_hand
            .as_mut()
            .ok_or_else(|| "nobody has connected by hand".to_owned())
    }
}

fn registry() -> Registry<String, Handler> {
    let mut steps: Registry<String, Handler> = Registry::new();
    for (name, regex) in [
        ("person", "[A-Z][a-z]+"),
        ("span", "[0-9]+ s"),
        ("key", "Enter|Esc"),
        ("operation", "restart|switch off"),
        ("reason", "[a-z_]+"),
    ] {
        let check = |text: &str| Ok(text.to_owned());
        steps.parameter(ParameterType {
            name,
            regex,
            description: "as in the simulation",
            check,
        });
    }
    let mut add = |expression, handler| steps.define(expression, "", BlockKind::None, handler);
    add("an HSM that waits for its custodians", |_, _| Ok(()));
    add("{person} connects", |stage, args| {
        let person = &args.arguments[0];
        // Whoever connects again leaves the card and the connection that were there.
        stage.people.remove(person);
        let card = stage.device.card(person);
        let station = Station::connect(stage.device.address, &stage.trust, &card)?;
        stage.people.insert(person.clone(), station);
        Ok(())
    });
    add("{person} hangs up", |stage, args| {
        stage.station(args)?.tell(StationInput::HangUp)?;
        stage.wait(args, |station| {
            matches!(station.notices.last(), Some(Notice::Ended { .. }))
        })?;
        stage.people.remove(&args.arguments[0]);
        Ok(())
    });
    add("{person} closes the session", |stage, args| {
        stage.station(args)?.ask(ManagerRequest::Close)?;
        stage.wait(args, |station| {
            matches!(station.notices.last(), Some(Notice::Ended { .. }))
        })
    });
    add("the program of {person} crashes", |stage, args| {
        stage
            .people
            .remove(&args.arguments[0])
            .map(Station::crash)
            .ok_or_else(|| "nobody to crash".to_owned())
    });
    add("{person} inserts the card", |stage, args| {
        stage.station(args)?.insert_card()
    });
    add("{person} starts to authenticate", |stage, args| {
        stage.station(args)?.ask(ManagerRequest::AuthStart)
    });
    add("{person} types the right PIN", |stage, args| {
        stage.station(args)?.type_pin("12345678")
    });
    add("{person} types the PIN {string}", |stage, args| {
        stage.station(args)?.type_pin(&args.arguments[1])
    });
    add("{person} asks the HSM to {operation}", |stage, args| {
        let act = if args.arguments[1] == "restart" {
            ManagerRequest::Restart
        } else {
            ManagerRequest::PowerOff
        };
        stage.station(args)?.ask(act)
    });
    add("somebody presses {key}", |stage, args| {
        stage.device.press(&args.arguments[0])
    });
    add("{span} pass", |stage, args| {
        let seconds = args.arguments[0]
            .trim_end_matches(" s")
            .parse()
            .map_err(|_| "a span".to_owned())?;
        stage.passes += Duration::from_secs(seconds);
        Ok(())
    });

    add("{person} is the manager", |stage, args| {
        stage.wait(args, Station::is_open)
    });
    add("{person} is denied with {reason}", |stage, args| {
        let expected = args.arguments[1].clone();
        stage.wait(args, |station| match station.notices.last() {
            Some(Notice::Ended {
                ending: Ending::Denied(reason),
            }) => reason.to_string() == expected,
            _ => false,
        })
    });
    add(
        "the session of {person} has ended with {reason}",
        |stage, args| {
            let expected = args.arguments[1].clone();
            stage.wait(args, |station| match station.notices.last() {
                Some(Notice::Ended {
                    ending: Ending::Closing(reason),
                }) => reason.to_string() == expected,
                _ => false,
            })
        },
    );
    add("{person} is asked for the PIN", |stage, args| {
        stage.wait(args, |station| station.asks_for_pin)
    });
    add(
        "{person} is intermediary custodian {int} of {int}",
        |stage, args| {
            let expected = args.arguments[1..].join(" of ");
            stage.wait(args, |station| match station.notices.last() {
                Some(Notice::Intermediary {
                    presented, required, ..
                }) => format!("{presented} of {required}") == expected,
                _ => false,
            })
        },
    );
    add("{person} is the administrator", |stage, args| {
        stage.wait(args, |station| {
            station
                .notices
                .iter()
                .any(|notice| matches!(notice, Notice::Administrator { .. }))
        })
    });
    add(
        "{person} is told that this has activated the HSM",
        |stage, args| {
            stage.wait(args, |station| {
                station
                    .notices
                    .iter()
                    .any(|notice| matches!(notice, Notice::Administrator { activated: true, .. }))
            })
        },
    );
    add(
        "{person} is told on arrival that {int} of {int} cards are in",
        |stage, args| {
            let expected = args.arguments[1..].join(" of ");
            stage.wait(args, |station| match station.notices.first() {
                Some(Notice::Opened {
                    ceremony: Some(told), ..
                }) => format!("{} of {}", told.presented, told.required) == expected,
                _ => false,
            })
        },
    );
    add(
        "{person} is told on arrival that no process is under way",
        |stage, args| {
            stage.wait(args, |station| {
                matches!(
                    station.notices.first(),
                    Some(Notice::Opened { ceremony: None, .. })
                )
            })
        },
    );
    add(
        "{person} is refused with {reason} and {int} tries left",
        |stage, args| {
            let (name, tries) = (args.arguments[1].clone(), args.arguments[2].clone());
            stage.wait(args, |station| match station.notices.last() {
                Some(Notice::Refused { error, .. }) => {
                    let left = error.data.get("tries_left").map(Json::to_string);
                    error.name.map(|name| name.to_string()) == Some(name.clone())
                        && left == Some(tries.clone())
                }
                _ => false,
            })
        },
    );
    add(
        "the card of {person} has {int} wrong PIN(s) counted",
        |stage, args| {
            let counted = stage
                .station(args)?
                .card
                .image()
                .map(|image| image.try_counter().to_string());
            if counted.as_deref() == Some(&args.arguments[1]) {
                Ok(())
            } else {
                Err(format!("it has {counted:?}"))
            }
        },
    );
    add(
        "{person} sees {string} in the header as {string}",
        |stage, args| {
            let (member, expected) = (args.arguments[1].clone(), args.arguments[2].clone());
            stage.wait(args, |station| {
                let header = station.notices.iter().rev().find_map(|notice| match notice {
                    Notice::Opened { header, .. } | Notice::HeaderChanged(header) => {
                        serde_json::to_value(header).ok()
                    }
                    _ => None,
                });
                header.and_then(|header| header[&member].as_str().map(str::to_owned))
                    == Some(expected.clone())
            })
        },
    );
    add("a polite newcomer connects", |stage, _| {
        stage.by_hand = Some(ByHand::connect(stage.device.address, &stage.trust)?);
        Ok(())
    });
    add("the newcomer is the manager", |stage, _| {
        stage.hand()?.hears("session.opened")
    });
    add("the newcomer hears {string}", |stage, args| {
        stage.hand()?.hears(&args.arguments[0])
    });
    steps.define("the newcomer types:", "", BlockKind::DocString, |stage, args| {
        stage.hand()?.types(&args.text)
    });
    steps
}
