//! Where one scenario is played with a real device: its people at their stations, cards that a person moves, real time.
//! Knows nothing of the device but what it says to a manager.

use std::{fmt, net::SocketAddr, time::Duration};

use apdu::Csn;
use program::{ExitCode, Problem};
use serde_json::json;
use sim::Seed;

use super::{
    card_bed::{Hand, NoCard},
    hands::{broken, printed},
    operator::Operator,
    rig_file::DeviceOfRig,
};
use crate::{
    lane::{Failure, Mismatch, Played, process::Programs, process::people::People},
    steps::mismatch,
};

/// Who looks whether the device is ready; no person of a scenario has this name.
const RUNNER: &str = "the-runner";
/// How long to wait before the device is asked once more.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A real device, and where it listens.
pub(super) struct RealDevice {
    pub(super) address: SocketAddr,
    pub(super) of_rig: DeviceOfRig,
}

impl fmt::Display for RealDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HSM {} at {}", self.of_rig.serial, self.address)
    }
}

pub(super) struct RealStage<'p> {
    pub(super) people: People<'p>,
    hand: &'p Hand,
    device: &'p RealDevice,
    /// How long was waited.
    lasted: Duration,
}

/// What a look at the device has found.
enum Look {
    Ready,
    /// It does not listen, or its service is another: a person has to do something at it.
    Unlike,
    Busy(String),
    UnderWay,
}

impl<'p> RealStage<'p> {
    pub(super) fn new(programs: &'p Programs, hand: &'p Hand, device: &'p RealDevice, seed: Seed) -> Self {
        let at = (device.address, device.of_rig.fingerprint.to_string());
        Self {
            people: People::new(programs, seed, at),
            hand,
            device,
            lasted: Duration::ZERO,
        }
    }

    pub(super) fn operator(&self) -> &'p Operator {
        &self.hand.operator
    }

    pub(super) fn finish(self, failure: Option<Failure>) -> Played {
        // A card that somebody has in a dialog is let go of by their station.
        let lasted = self.lasted;
        Played {
            lasted,
            ..self.people.finish(failure)
        }
    }

    pub(super) fn settle(&mut self) -> Result<(), Mismatch> {
        let operator = self.operator();
        self.people.settle(|| operator.check())
    }

    /// Waits until the device of the rig file is armed, with nobody connected, no process under way, and its service
    /// like this.
    pub(super) fn make_ready(&mut self, service: &str) -> Result<(), Mismatch> {
        let mut said = None;
        loop {
            self.operator().check()?;
            let why = match self.look(service)? {
                Look::Ready => {
                    self.hand.record.add_part(self.device.to_string());
                    return Ok(());
                }
                Look::Unlike => {
                    let how = if service == "running" {
                        "have it activated by its custodians"
                    } else {
                        "leave it without its custodians"
                    };
                    let what = format!(
                        "switch the {} on, {how}, and see that remote management is on",
                        self.device
                    );
                    let mut looked = Ok(Look::Unlike);
                    let operator = self.operator();
                    operator.ask(&what, |within| {
                        std::thread::sleep(within);
                        looked = self.look(service);
                        Ok::<_, String>(!matches!(looked, Ok(Look::Unlike)))
                    })?;
                    looked?;
                    continue;
                }
                Look::Busy(why) => format!("the {} is not free ({why}); waiting until it is", self.device),
                Look::UnderWay => format!(
                    "a process is under way at the {}; waiting until its two minutes are over",
                    self.device
                ),
            };
            if said.as_ref() != Some(&why) {
                self.operator().say(&format!("    {why}"));
                said = Some(why);
            }
            self.operator().wait(LOOK_AGAIN)?;
        }
    }

    /// Connects, reads what the device says of itself, and hangs up.
    fn look(&mut self, service: &str) -> Result<Look, Mismatch> {
        if !self.people.connect(RUNNER)? {
            return Ok(Look::Unlike);
        }
        self.settle()?;
        let told = self.people.told(RUNNER).to_vec();
        if self.people.is_connected(RUNNER) {
            self.people.does(RUNNER, &json!({"do": "hang_up"}))?;
            self.settle()?;
        }
        let Some(opened) = told.iter().find(|told| told["tell"] == "opened") else {
            let ended = told.last().cloned().unwrap_or_default();
            return match (ended["how"].as_str(), ended["reason"].as_str()) {
                (Some("denied"), Some(reason)) => Ok(Look::Busy(reason.to_owned())),
                (Some("tls"), _) => Err(self.end(
                    ExitCode::Trust,
                    &format!(
                        "expected the certificate of the rig file, {}, got another; nothing was said to it",
                        self.device.of_rig.fingerprint
                    ),
                )),
                _ => Ok(Look::Busy(format!("it said {ended}"))),
            };
        };
        let serial = opened["header"]["serial"].as_str().unwrap_or_default();
        if serial != self.device.of_rig.serial {
            return Err(self.end(
                ExitCode::Usage,
                &format!("expected an HSM that the rig file names, got one with the serial number {serial}; nothing was changed at it"),
            ));
        }
        Ok(if !opened["ceremony"].is_null() {
            Look::UnderWay
        } else if opened["header"]["service"] == service {
            Look::Ready
        } else {
            Look::Unlike
        })
    }

    /// The run is over: this is not the device that may be written to.
    fn end(&self, code: ExitCode, why: &str) -> Mismatch {
        let what = format!("play with the {}: {why}", self.device);
        self.operator()
            .end(Problem::new(code, what.clone()).hint("name it in the rig file if it may be written to"));
        mismatch("the HSM of the rig file", what)
    }

    pub(super) fn connect(&mut self, name: &str) -> Result<(), Mismatch> {
        if self.people.is_connected(name) {
            self.people.does(name, &json!({"do": "hang_up"}))?;
            self.settle()?;
        }
        self.people.connect(name).map(drop)
    }

    /// Has the card of this holder put into the reader, and nobody else's.
    fn get_card(&mut self, holder: &str) -> Result<(), Mismatch> {
        let Some(wanted) = self.hand.rig.card_of(holder) else {
            return Err(broken(format!("the rig file names no card of {holder}")));
        };
        let wanted: Csn = wanted.serial;
        let asked_for = format!("the card of {holder} ({})", printed(wanted));
        let found = self.hand.get(&asked_for, |_, card| {
            Ok((card.serial != wanted).then(|| format!("that of {holder} is needed")))
        });
        found.map(drop).map_err(|why| match why {
            NoCard::InRig(why) | NoCard::Failed(why) => mismatch(asked_for, why),
        })
    }

    pub(super) fn insert(&mut self, name: &str, holder: &str) -> Result<(), Mismatch> {
        self.get_card(holder)?;
        let reader = format!("pcsc:{}", self.hand.slot().name());
        self.people.does(name, &json!({"do": "insert", "reader": reader}))
    }

    pub(super) fn take_card_out(&mut self, name: &str) -> Result<(), Mismatch> {
        self.hand.ask_out()?;
        self.people.does(name, &json!({"do": "remove"}))
    }

    pub(super) fn type_right_pin(&mut self, name: &str) -> Result<(), Mismatch> {
        let serial = self.hand.slot().serial();
        let card = serial.and_then(|serial| self.hand.rig.card(serial));
        let pin = card
            .ok_or_else(|| broken("a card in the reader before its PIN"))?
            .pin
            .clone();
        self.people.does(name, &json!({"do": "pin", "pin": pin}))
    }

    /// One whole card dialog at a station.
    pub(super) fn authenticate(&mut self, name: &str, holder: &str) -> Result<(), Mismatch> {
        self.settle()?;
        self.insert(name, holder)?;
        let deed = json!({"do": "ask", "method": "auth.start", "params": {}});
        self.people.does(name, &deed)?;
        self.settle()?;
        if self.people.is_asked_for_pin(name) {
            self.type_right_pin(name)?;
            self.settle()?;
        }
        Ok(())
    }

    pub(super) fn wait(&mut self, span: Duration) -> Result<(), Mismatch> {
        self.operator()
            .say(&format!("    waiting {}", crate::report::duration(span)));
        self.lasted += span;
        self.operator().wait(span)
    }

    /// Asks for something at the console, which tells nobody that it was done.
    pub(super) fn press(&mut self, what: &str) -> Result<(), Mismatch> {
        self.operator().ask_enter(what)
    }
}
