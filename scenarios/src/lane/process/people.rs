//! People with their stations and no device of the rig: what a run with a real device borrows from this lane. A step is
//! over when nobody waits for an answer, and nobody has heard anything for a while.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use sim::Seed;

use super::{
    Programs, hands,
    stage::{Stage, broken},
    station::{Person, Prompt},
};
use crate::{
    lane::{Failure, Mismatch, Played},
    steps::Args,
};

/// How long nobody has heard anything when a step is over: a device says at once what follows from a line.
const QUIET: Duration = Duration::from_millis(700);
/// How long a real device may take for an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause between two questions to the clients.
const TURN: Duration = Duration::from_millis(20);

/// Everybody in one scenario.
pub(in crate::lane) struct People<'p> {
    stage: Stage<'p>,
    programs: &'p Programs,
    folder: PathBuf,
    hsm: SocketAddr,
    fingerprint: String,
    names: Vec<String>,
}

impl<'p> People<'p> {
    /// Nobody yet. The device listens there, and has this fingerprint.
    pub(in crate::lane) fn new(
        programs: &'p Programs,
        seed: Seed,
        (hsm, fingerprint): (SocketAddr, String),
    ) -> Self {
        let folder = programs.make_folder();
        Self {
            stage: Stage::new(programs, folder.clone(), seed),
            programs,
            folder,
            hsm,
            fingerprint,
            names: Vec::new(),
        }
    }

    fn person(&mut self, name: &str) -> &mut Person {
        if !self.names.iter().any(|known| known == name) {
            self.names.push(name.to_owned());
        }
        let is_near = self.hsm.ip().is_loopback();
        let person = self.stage.person(name);
        if !is_near {
            // Whichever address of this computer leads there.
            person.address = IpAddr::from([0, 0, 0, 0]);
        }
        person
    }

    /// Connects; whether somebody listens.
    pub(in crate::lane) fn connect(&mut self, name: &str) -> Result<bool, Mismatch> {
        let (programs, folder) = (self.programs, self.folder.clone());
        let (hsm, fingerprint) = (self.hsm, self.fingerprint.clone());
        let person = self.person(name);
        let connected = person.connect(&programs.client, &folder, hsm, &fingerprint);
        connected.map_err(broken)
    }

    /// Does something at the station of this person, by a line of the contract.
    pub(in crate::lane) fn does(&mut self, name: &str, deed: &Value) -> Result<(), Mismatch> {
        let (programs, folder) = (self.programs, self.folder.clone());
        let person = self.person(name);
        // What is typed or cancelled answers the prompt.
        if matches!(deed["do"].as_str(), Some("pin" | "cancel" | "insert")) {
            person.prompt = None;
        }
        person.does(&programs.client, &folder, deed).map_err(broken)
    }

    /// Does what this sentence does in lane `process`, if it is about people alone.
    pub(in crate::lane) fn play(&mut self, expression: &str, args: &Args) -> Result<(), Mismatch> {
        match hands::of(expression) {
            Some(hand) => hand(&mut self.stage, args),
            None => Err(broken(format!("a hand for: {expression}"))),
        }
    }

    pub(in crate::lane) fn tell(&mut self, text: &str) {
        self.stage.tell(text);
    }

    /// What this person was told on the last connection, oldest first.
    pub(in crate::lane) fn told(&mut self, name: &str) -> &[Value] {
        &self.person(name).told
    }

    pub(in crate::lane) fn is_connected(&mut self, name: &str) -> bool {
        self.person(name).is_connected
    }

    pub(in crate::lane) fn is_asked_for_pin(&mut self, name: &str) -> bool {
        self.person(name).prompt == Some(Prompt::Pin)
    }

    /// Waits until nobody waits for an answer and nobody hears anything any more. `go_on` says when not to wait longer.
    pub(in crate::lane) fn settle(
        &mut self,
        go_on: impl Fn() -> Result<(), Mismatch>,
    ) -> Result<(), Mismatch> {
        let give_up = Instant::now() + PATIENCE;
        let mut heard = self.heard()?;
        let mut quiet_since = Instant::now();
        loop {
            go_on()?;
            let now = self.heard()?;
            if now != heard {
                heard = now;
                quiet_since = Instant::now();
            }
            let waiting = self.waiting();
            if waiting.is_none() && quiet_since.elapsed() >= QUIET {
                return Ok(());
            }
            if let (Some(name), true) = (waiting, Instant::now() > give_up) {
                return Err(broken(format!(
                    "the device owes {name} an answer for {PATIENCE:?}"
                )));
            }
            thread::sleep(TURN);
        }
    }

    /// How much everybody has heard so far.
    fn heard(&mut self) -> Result<Vec<(usize, u64, bool)>, Mismatch> {
        let mut heard = Vec::new();
        for name in &self.names {
            let person = self.stage.person(name);
            if person.has_client() {
                person.sync(Some(0)).map_err(broken)?;
            }
            heard.push((person.lines.len(), person.counted.1, person.is_connected));
        }
        Ok(heard)
    }

    /// Who waits for a word of the device.
    fn waiting(&mut self) -> Option<String> {
        let names = self.names.clone();
        names.into_iter().find(|name| {
            let person = self.stage.person(name);
            let is_new = person.told.is_empty();
            person.is_connected && person.prompt.is_none() && (is_new || owes_answer(&person.lines))
        })
    }

    /// What came of the scenario. Everybody has gone.
    pub(in crate::lane) fn finish(self, failure: Option<Failure>) -> Played {
        let played = self.stage.finish(failure);
        // What cannot be removed now is removed with everything else.
        let _ = std::fs::remove_dir_all(&self.folder);
        played
    }
}

/// Whether the last request of the station has no answer among these lines.
fn owes_answer(lines: &[(String, String)]) -> bool {
    let parsed = |line: &str| serde_json::from_str::<Value>(line).unwrap_or_default();
    let mut asked = None;
    for (from, line) in lines {
        let line = parsed(line);
        if from == "station" && line.get("method").is_some() {
            asked = line.get("id").cloned();
        } else if from == "device" && line.get("method").is_none() && line.get("id") == asked.as_ref() {
            asked = None;
        }
    }
    asked.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_owes_an_answer_until_it_has_come() {
        let line = |from: &str, text: &str| (from.to_owned(), text.to_owned());
        let mut lines = vec![line("device", r#"{"method":"session.opened","params":{}}"#)];
        assert!(!owes_answer(&lines));
        lines.push(line("station", r#"{"id":1,"method":"auth.start"}"#));
        assert!(owes_answer(&lines));
        // A request of the device, and what the station says to it.
        lines.push(line("device", r#"{"id":1,"method":"card.transmit"}"#));
        lines.push(line("station", r#"{"id":1,"result":{}}"#));
        assert!(owes_answer(&lines));
        lines.push(line("device", r#"{"id":1,"result":{}}"#));
        assert!(!owes_answer(&lines));
    }
}
