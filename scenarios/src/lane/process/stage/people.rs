//! The people of a stage at their stations, consoles and browsers, and the newcomers.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    thread,
    time::Instant,
};

use hsm_bench::Access;
use hsm_client::{Fingerprint, TlsClientConfig, Trust};
use serde_json::json;

use super::{PATIENCE, Stage, broken, connection_of, loopback};
use crate::{
    lane::{
        Mismatch,
        process::{
            browser::Browser,
            courier::Courier,
            device::TURN,
            newcomer::Newcomer,
            screens::{Desk, Screens},
            station::{Person, Prompt},
        },
    },
    steps::mismatch,
    world::{Interruption, Manner, PIN},
};

impl Stage<'_> {
    pub(crate) fn person(&mut self, name: &str) -> &mut Person {
        // A desk for everybody, by the first letter, as in the simulation.
        let desk = name.bytes().next().map_or(0, |letter| letter % 32);
        let address = loopback(Ipv4Addr::new(203, 0, 113, desk));
        self.people
            .entry(name.to_owned())
            .or_insert_with(|| Person::new(name, address.into()))
    }

    /// Where the HTTP console of the device is while its service runs.
    pub(crate) fn http(&mut self) -> Result<SocketAddr, Mismatch> {
        let http = self.device()?.http;
        http.ok_or_else(|| broken("an HSM with an HTTP console"))
    }

    /// A page of the HTTP console at the address that the HSM has in the scenario, with the port that browsers know.
    pub(crate) fn page_in_words_of_scenario(&mut self, page: &str) -> Result<String, Mismatch> {
        let interface = self.factory()?.profile.network.interfaces.first();
        let address = interface.map(|interface| interface.ip.to_string());
        let http = self.device()?.http.map(|http| http.to_string());
        Ok(match (http, address) {
            (Some(http), Some(address)) => page.replace(&http, &address),
            (None, _) | (_, None) => page.to_owned(),
        })
    }

    /// The browser of somebody, at the address of this person's desk.
    pub(crate) fn browser(&mut self, name: &str) -> &mut Browser {
        let address = self.person(name).address;
        self.browsers
            .entry(name.to_owned())
            .or_insert_with(|| Browser::new(address))
    }

    pub(crate) fn connect(&mut self, name: &str, from: Option<IpAddr>) -> Result<(), Mismatch> {
        if self.person(name).is_connected {
            self.hang_up(name)?;
            self.settle()?;
        }
        let called = match from {
            Some(IpAddr::V4(from)) => {
                self.person(name).address = loopback(from).into();
                from
            }
            Some(IpAddr::V6(from)) => return Err(broken(format!("an IPv4 address, not {from}"))),
            None => self.called(self.people[name].address),
        };
        let (programs, folder) = (self.programs, self.folder.clone());
        let fingerprint = self.device()?.fingerprint.clone();
        let (way, hsm) = self.way_to_device()?;
        let person = self.person(name);
        let is_new = !person.has_client();
        let slot = person.slot.clone();
        if let (true, Some(card)) = (is_new, slot) {
            self.insert(name, &card)?;
        }
        let is_carried = self.is_carried(name);
        let person = self.person(name);
        let from = person.address;
        let mut reach = |hsm| person.connect(&programs.client, &folder, hsm, &fingerprint);
        let courier = if is_carried {
            Courier::between(from, hsm, &mut reach).map_err(broken)?
        } else {
            None
        };
        if courier.is_none() && !reach(hsm).map_err(broken)? {
            return Ok(());
        }
        let carried = match &courier {
            Some(courier) => Some(courier.local),
            None => self.carry_on(way.as_ref())?,
        };
        let person = self.person(name);
        person.local = carried.or(person.local);
        person.courier = courier;
        if let Some(local) = person.local {
            self.on_opened(local, called);
            self.await_carried(name)?;
        }
        Ok(())
    }

    /// Whether what this person's station and the device say is carried by hand.
    pub(super) fn is_carried(&self, name: &str) -> bool {
        let crashing = self.crash_on_acceptance.iter().map(|(name, _)| name);
        let interrupted = self.interruption.iter().map(|(name, _)| name);
        crashing.chain(interrupted).any(|known| known == name)
    }

    /// Waits until the device holds a connection that is carried by hand, or has turned it away.
    pub(super) fn await_carried(&mut self, name: &str) -> Result<(), Mismatch> {
        let give_up = Instant::now() + PATIENCE;
        loop {
            self.device()?.look().map_err(broken)?;
            let connections = self.device()?.state.connections.clone();
            let courier = self.people.get(name).and_then(|person| person.courier.as_ref());
            let is_seen = |courier: &Courier| {
                connection_of(&connections, courier.local).is_some() || courier.is_answered()
            };
            if courier.is_none_or(is_seen) {
                return Ok(());
            }
            if Instant::now() > give_up {
                return Err(broken("the device has not seen somebody who has connected"));
            }
            thread::sleep(TURN);
        }
    }

    /// Once a card is accepted, the program of this person crashes before it hears of it.
    pub(crate) fn crash_on_acceptance(&mut self, name: &str) -> Result<(), Mismatch> {
        if self.person(name).is_connected {
            return Err(broken(format!("a station of {name} that has not connected yet")));
        }
        let known = self.log()?.len();
        self.crash_on_acceptance = Some((name.to_owned(), known));
        Ok(())
    }

    /// Whether a card was accepted whose answer is to be lost.
    pub(super) fn is_accepted(&mut self) -> Result<bool, Mismatch> {
        let Some(known) = self.crash_on_acceptance.as_ref().map(|(_, known)| *known) else {
            return Ok(false);
        };
        let is_it = |line: &String| line.contains("card used remotely: ") && line.contains(": accepted, ");
        Ok(self.log()?.iter().skip(known).any(is_it))
    }

    /// The hand acts whose message was carried and heard.
    pub(super) fn interrupt(&mut self) -> Result<(), Mismatch> {
        let carried = |name: &str| Some(self.people.get(name)?.courier.as_ref()?.messages);
        let is_due =
            |(name, it): &mut (String, Interruption)| carried(name).is_some_and(|len| len >= it.after);
        match self.interruption.take_if(|it| is_due(it)) {
            Some((_, Interruption { hand, .. })) => self.act(hand),
            None => Ok(()),
        }
    }

    /// Carries by hand what was said, up to the message at which somebody acts; whether there was something.
    pub(super) fn carry_messages(&mut self) -> Result<bool, Mismatch> {
        if self.is_accepted()? {
            return Ok(false);
        }
        let until = self.interruption.as_ref().map_or(u32::MAX, |(_, it)| it.after);
        let couriers = self
            .people
            .values_mut()
            .filter_map(|person| person.courier.as_mut());
        let carried = couriers.map(|courier| courier.carry(until.saturating_sub(courier.messages)));
        Ok(carried.fold(false, |some, is_something| some | is_something))
    }

    /// The crash that was waited for, now that nobody does more; whether there was one.
    pub(super) fn crash_if_accepted(&mut self) -> Result<bool, Mismatch> {
        if !self.is_accepted()? {
            return Ok(false);
        }
        match self.crash_on_acceptance.take() {
            Some((name, _)) => self.crash(&name).map(|()| true),
            None => Ok(false),
        }
    }

    /// The name of an address in the scenarios, by what it was called last.
    pub(super) fn called(&self, real: IpAddr) -> Ipv4Addr {
        let known = self.ends.iter().rev().find(|(end, _)| end.ip() == real);
        match (known.map(|(_, called)| called.ip()), real) {
            (Some(IpAddr::V4(called)), _) => called,
            (_, IpAddr::V4(real)) => {
                let [_, b, c, d] = real.octets();
                Ipv4Addr::new(203, b, c, d)
            }
            _ => Ipv4Addr::LOCALHOST,
        }
    }

    pub(super) fn on_opened(&mut self, local: SocketAddr, called: Ipv4Addr) {
        // The simulation numbers the ports of callers.
        let number = u16::try_from(self.ends.len() % 20_000).unwrap_or(0);
        self.ends
            .push((local, SocketAddr::new(called.into(), 40_001 + number)));
    }

    pub(crate) fn does(&mut self, name: &str, deed: &serde_json::Value) -> Result<(), Mismatch> {
        let (programs, folder) = (self.programs, self.folder.clone());
        self.person(name)
            .does(&programs.client, &folder, deed)
            .map_err(broken)
    }

    pub(crate) fn hang_up(&mut self, name: &str) -> Result<(), Mismatch> {
        if self.person(name).is_connected {
            self.does(name, &json!({"do": "hang_up"}))?;
        }
        Ok(())
    }

    pub(crate) fn crash(&mut self, name: &str) -> Result<(), Mismatch> {
        let person = self.person(name);
        person.crash().map_err(broken)?;
        if let Some(courier) = person.courier.take() {
            courier.reset();
        }
        let Some(local) = person.local.take() else {
            return Ok(());
        };
        // No event says that the device has noticed.
        let give_up = Instant::now() + PATIENCE;
        loop {
            self.carry_on_cables()?;
            let device = self.device()?;
            device.look().map_err(broken)?;
            let is_held = connection_of(&device.state.connections, local).is_some();
            if !is_held || self.is_on_its_way(Some(local))? {
                return Ok(());
            }
            if Instant::now() > give_up {
                return Err(broken(
                    "the device holds the connection of a program that was killed",
                ));
            }
            thread::sleep(TURN);
        }
    }

    pub(crate) fn ask(
        &mut self,
        name: &str,
        method: &str,
        params: &serde_json::Value,
    ) -> Result<(), Mismatch> {
        self.does(name, &json!({"do": "ask", "method": method, "params": params}))
    }

    pub(crate) fn insert(&mut self, name: &str, card: &str) -> Result<(), Mismatch> {
        self.take_from_others(card)?;
        let path = self.card_path(card);
        let person = self.person(name);
        person.slot = Some(card.to_owned());
        if let Some(screens) = &mut person.screens {
            return screens.insert(&path).map_err(broken);
        }
        person.prompt = None;
        self.does(name, &json!({"do": "insert", "card": path}))
    }

    pub(crate) fn take_card_out(&mut self, name: &str) -> Result<(), Mismatch> {
        let person = self.person(name);
        let card = person.slot.take();
        if let Some(screens) = &mut person.screens {
            screens.remove();
        } else if card.is_some() && person.has_client() {
            self.does(name, &json!({"do": "remove"}))?;
            // The next reader may be that of another program.
            self.person(name).sync(Some(0)).map_err(broken)?;
        }
        card.map_or(Ok(()), |card| self.put_tear_behind(&card))
    }

    /// From now on there is no reader at this station.
    pub(crate) fn unplug(&mut self, name: &str) -> Result<(), Mismatch> {
        let person = self.person(name);
        if person.screens.is_some() {
            return Err(broken(format!("a console of {name} that is not started yet")));
        }
        person.is_unplugged = true;
        if person.has_client() {
            return self.does(name, &json!({"do": "unplug"}));
        }
        Ok(())
    }

    pub(crate) fn type_pin(&mut self, name: &str, pin: &str) -> Result<(), Mismatch> {
        self.person(name).prompt = None;
        self.does(name, &json!({"do": "pin", "pin": pin}))
    }

    /// One whole card dialog at a station.
    pub(crate) fn authenticate(&mut self, name: &str, card: &str) -> Result<(), Mismatch> {
        self.settle()?;
        if self.person(name).slot.as_deref() != Some(card) {
            self.take_card_out(name)?;
            self.insert(name, card)?;
        }
        self.ask(name, "auth.start", &json!({}))?;
        self.settle()?;
        if self.person(name).prompt == Some(Prompt::Pin) {
            self.type_pin(name, PIN)?;
            self.settle()?;
        }
        Ok(())
    }

    /// Starts the console at the station of somebody.
    pub(crate) fn start_console(&mut self, name: &str) -> Result<(), Mismatch> {
        let Ok(programs) = &self.programs.console else {
            return Err(broken("the programs of a console"));
        };
        let (card, folder) = (&self.programs.card, self.folder.clone());
        let device = self.device()?;
        let (hsm, fingerprint) = (device.address, device.fingerprint.clone());
        let person = self.person(name);
        let desk = Desk {
            setsid: &programs.setsid,
            client: &programs.client,
            card,
            folder: &folder,
            name,
            hsm,
            source: person.address,
            // Nobody calls from such an address, so no caller has drawn the port; and the device's is no other device's.
            reader: (!person.is_unplugged).then(|| SocketAddr::new(of_readers(person.address), hsm.port())),
            fingerprint: person.trusted.as_ref().unwrap_or(&fingerprint),
        };
        let screens = Screens::start(&desk).map_err(broken)?;
        person.screens = Some(screens);
        Ok(())
    }

    /// Everybody in front of a console sees what was typed there done.
    pub(super) fn settle_consoles(&mut self) -> Result<(), Mismatch> {
        let mut opened = Vec::new();
        for person in self.people.values_mut().filter(|person| person.screens.is_some()) {
            let before = person.local;
            person.sync(Some(0)).map_err(broken)?;
            opened.extend(
                person
                    .local
                    .filter(|local| Some(*local) != before)
                    .map(|local| (local, person.address)),
            );
        }
        for (local, address) in opened {
            let called = self.called(address);
            self.on_opened(local, called);
        }
        self.device()?.look().map_err(broken)
    }

    /// Every line that has crossed a connection of anybody.
    pub(crate) fn lines(&self) -> Vec<String> {
        let lines = self.people.values().flat_map(|person| &person.lines);
        lines.map(|(_, line)| line.clone()).collect()
    }

    /// Whether the device takes this person for its administrator.
    pub(crate) fn is_administrator(&mut self, name: &str) -> Result<bool, Mismatch> {
        let local = self.person(name).local.map(|local| local.to_string());
        let device = self.device()?;
        device.look().map_err(broken)?;
        let manager = device.state.manager.as_ref();
        Ok(manager.is_some_and(|manager| {
            manager.access == Access::Administrator && Some(&manager.peer) == local.as_ref()
        }))
    }

    // Newcomers.

    pub(crate) fn newcomer(&mut self) -> Result<&mut Newcomer, Mismatch> {
        self.newcomers
            .last_mut()
            .ok_or_else(|| mismatch("a newcomer", "none so far"))
    }

    pub(crate) fn newcomers(&self) -> &[Newcomer] {
        &self.newcomers
    }

    pub(crate) fn add_newcomer(&mut self, manner: Manner, number: u16) -> Result<(), Mismatch> {
        let [third, fourth] = number.to_be_bytes();
        let called = Ipv4Addr::new(198, 18, third, fourth);
        let (seed, index) = (self.seed, self.newcomers.len());
        let device = self.device()?;
        let fingerprint: Fingerprint = device
            .fingerprint
            .parse()
            .map_err(|_| broken("a fingerprint in the ready-file"))?;
        let config = TlsClientConfig::new(Trust::Pinned(fingerprint));
        let from = loopback(called).into();
        let (way, hsm) = self.way_to_device()?;
        let mut newcomer = Newcomer::connect(manner, index, from, hsm, &config, seed).map_err(broken)?;
        newcomer.local = self.carry_on(way.as_ref())?.or(newcomer.local);
        if let Some(local) = newcomer.local {
            self.on_opened(local, called);
        }
        self.newcomers.push(newcomer);
        Ok(())
    }
}

/// The address of this computer at which the reader of somebody at this one is.
fn of_readers(station: IpAddr) -> IpAddr {
    match station {
        IpAddr::V4(station) => {
            let [a, _, c, d] = station.octets();
            Ipv4Addr::new(a, 254, c, d).into()
        }
        IpAddr::V6(_) => station,
    }
}
