//! A device on the bench: driven directly with a `now`, a disk that is quick or slow, one station with a reader, and
//! cards of several sets. Decides nothing about what is right; see `quorum.rs`.

use std::{collections::VecDeque, time::Duration};

use apdu::{Atr, Csn, ReaderAnswer, ReaderCommand};
use card_core::{Card, CardImage, Personalisation, profile};
use hsm_core::{
    Change, ConnectionId, DerivationSettings, Device, Event, Input, Key, LocalCard, Model, Output, Profile,
    Purpose, Scheme, ServerMasterKey, Shelf, Stored, SyncInput, Ticket, UserAnswer, UserSession,
};
use machine::{Cx, Instant, Machine, WallClock};
use protocol::{CardAtr, CardResponse, PinStatus};
use serde_json::{Value, json};
use sim::Seed;

pub(crate) const PIN: &str = "12345678";
pub(crate) const WRONG_PIN: &str = "87654321";

/// The one node in the list, where nobody is.
const NODE: [u8; 4] = [203, 0, 113, 200];

/// Which shadow a card holds: a copy has its original's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Identity {
    pub(crate) set: &'static str,
    pub(crate) index: u8,
}

/// Sets of the device's own key, for its own purpose.
pub(crate) const RIGHT_SETS: [&str; 2] = ["first", "made anew"];

/// Where the cards of a bench stand in [`Bench::cards`]: four of the first set, then these.
pub(crate) const COPY_OF_THE_FIRST: usize = 4;
pub(crate) const CARDS: usize = 11;

#[derive(Clone)]
pub(crate) struct TestCard {
    pub(crate) identity: Identity,
    shadow: Vec<u8>,
    card: Card,
}

/// A card request that the station has not answered.
#[derive(Clone, Debug)]
pub(crate) struct CardRequest {
    pub(crate) connection: ConnectionId,
    pub(crate) id: u64,
    pub(crate) method: String,
    params: Value,
}

/// Something that went into a device or came out of it.
#[derive(Clone, Debug)]
pub(crate) struct Sight {
    pub(crate) at: Instant,
    /// The whole shadow that the station handed over in this very moment.
    pub(crate) delivered: Option<Identity>,
    pub(crate) seen: Seen,
}

#[derive(Clone, Debug)]
pub(crate) enum Seen {
    /// A key, a card at the local reader, or the power button.
    LocalAct,
    /// The local reader handed over a whole shadow.
    LocalShadow(Identity),
    /// A line went in.
    Spoke(ConnectionId),
    /// The other end is gone.
    Left(ConnectionId),
    /// A line came out.
    Line(ConnectionId, Value),
    End(ConnectionId),
    NetworkDown,
    Event(Event),
}

#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) now: Instant,
    /// `None` while there is no power.
    pub(crate) device: Option<Device>,
    pub(crate) profile: Profile,
    pub(crate) durable: Stored,
    pub(crate) shelf: Shelf,
    unwritten: VecDeque<(Ticket, Vec<Change>)>,
    /// What users were told, and how often the log was asked for.
    pub(crate) told_users: Vec<(UserSession, UserAnswer)>,
    pub(crate) log_asks: usize,
    /// Passwords that were hashed.
    pub(crate) derivations: usize,
    pub(crate) disk_is_slow: bool,
    pub(crate) cards: Vec<TestCard>,
    /// The card in the station's reader, and what its holder types.
    pub(crate) slot: Option<usize>,
    pub(crate) types: Option<&'static str>,
    pub(crate) local_slot: Option<usize>,
    pub(crate) open_requests: VecDeque<CardRequest>,
    delivered: Option<Identity>,
    /// The connection that was opened and has not been ended by either side.
    pub(crate) manager: Option<ConnectionId>,
    next_connection: u64,
    next_id: u64,
    /// What happened since the bench was last looked at.
    pub(crate) sights: Vec<Sight>,
}

impl Bench {
    /// A device that is bound to a `required`-of-4 set, switched off, and enabled for remote management.
    pub(crate) fn new(required: u8) -> Self {
        Self::of(Model::Xp, required)
    }

    /// The same of another model. A Pocket is bound to nothing until its password is set, and reads none of the cards.
    pub(crate) fn of(model: Model, required: u8) -> Self {
        let mut rng = Seed(u64::from(required)).rng_for("cards of the bench");
        let key = ServerMasterKey::generate(&mut rng);
        let scheme = Scheme::new(required, 4).expect("the test asks for a scheme that exists");
        let mut cards = Vec::new();
        let mut add = |set, shadows: &[hsm_core::Shadow]| {
            for shadow in shadows {
                let serial = u8::try_from(cards.len()).expect("a handful");
                let identity = Identity {
                    set,
                    index: shadow.index,
                };
                cards.push(TestCard::new(serial, identity, shadow.to_bytes().to_vec()));
            }
        };
        let first = key.split(scheme, Purpose::ServerMasterKey, &mut rng);
        add("first", &first);
        add("first", &first[..1]);
        add(
            "made anew",
            &key.split(scheme, Purpose::ServerMasterKey, &mut rng)[..3],
        );
        let foreign = ServerMasterKey::generate(&mut rng);
        add(
            "foreign",
            &foreign.split(scheme, Purpose::ServerMasterKey, &mut rng)[..1],
        );
        let partition = key.split(scheme, Purpose::PartitionAuthorization, &mut rng);
        add("partition", &partition[..1]);
        let mut damaged = TestCard::new(
            99,
            Identity {
                set: "damaged",
                index: 2,
            },
            first[1].to_bytes().to_vec(),
        );
        damaged.spoil();
        cards.push(damaged);
        assert_eq!(cards.len(), CARDS);

        let mut durable = Stored::bound_to(key.binding());
        durable.remote_management = true;
        let mut profile = Profile::of(model);
        // A password costs a moment here.
        profile.password_hash = DerivationSettings {
            memory_kib: 8,
            iterations: 1,
            lanes: 1,
        };
        let bench = Self {
            now: Instant::POWER_ON,
            device: Some(Device::new(profile.clone(), durable.clone())),
            profile,
            durable,
            shelf: Shelf::default(),
            unwritten: VecDeque::new(),
            told_users: Vec::new(),
            log_asks: 0,
            derivations: 0,
            disk_is_slow: false,
            cards,
            slot: None,
            types: Some(PIN),
            local_slot: None,
            open_requests: VecDeque::new(),
            delivered: None,
            manager: None,
            next_connection: 1,
            next_id: 0,
            sights: Vec::new(),
        };
        if bench.profile.has_console() {
            bench
        } else {
            bench.out_of_the_factory()
        }
    }

    /// The same, switched off and bound to nothing.
    pub(crate) fn out_of_the_factory(mut self) -> Self {
        self.durable = Stored::out_of_the_factory(&self.profile);
        self.device = Some(Device::new(self.profile.clone(), self.durable.clone()));
        self
    }

    /// The same, with a replication node in its list, which nobody answers for.
    pub(crate) fn with_a_node(mut self) -> Self {
        self.durable.nodes = vec![NODE.into()];
        self.device = Some(Device::new(self.profile.clone(), self.durable.clone()));
        self
    }

    /// The same, switched on and past its start.
    pub(crate) fn started(required: u8) -> Self {
        Self::new(required).switched_on()
    }

    /// The same, past its start.
    pub(crate) fn switched_on(mut self) -> Self {
        self.input(Input::PowerButton);
        self.wait(self.profile.limits.start);
        self
    }

    pub(crate) fn administrator(&self) -> Option<ConnectionId> {
        self.device.as_ref().and_then(Device::administrator)
    }

    pub(crate) fn is_activated(&self) -> bool {
        self.device.as_ref().is_some_and(Device::is_activated)
    }

    // Inputs.

    pub(crate) fn input(&mut self, input: Input) {
        match &input {
            Input::Key(_) | Input::LocalCard(_) | Input::PowerButton => self.on_seen(Seen::LocalAct),
            Input::Line { connection, .. } => self.on_seen(Seen::Spoke(*connection)),
            Input::Gone { connection, .. } => self.on_seen(Seen::Left(*connection)),
            Input::PowerReturned
            | Input::LocalReader(_)
            | Input::Arrived { .. }
            | Input::LineTooLong { .. }
            | Input::Slow { .. }
            | Input::TurnedAway { .. }
            | Input::Persisted(_)
            | Input::Derived { .. }
            | Input::Fetched { .. }
            | Input::Generated { .. }
            | Input::Imported(_)
            | Input::Sync(_)
            | Input::User { .. }
            | Input::UserGone { .. }
            | Input::FollowerGone { .. }
            | Input::HttpConsoleAt(_)
            | Input::SelfTestFault(_) => {}
        }
        self.with_device(|device, cx| device.handle_input(cx, input));
    }

    fn with_device(&mut self, tell: impl FnOnce(&mut Device, &mut Cx<'_>)) {
        let Some(device) = &mut self.device else { return };
        let now = self.now;
        let millis = i64::try_from(now.as_micros() / 1000).expect("tests are short");
        let mut rng = Seed(self.next_id).rng_for("device");
        let mut cx = Cx {
            now,
            wall_clock: WallClock::from_unix_millis(1_767_225_600_000 + millis),
            rng: &mut rng,
        };
        tell(device, &mut cx);
        self.obey();
    }

    fn obey(&mut self) {
        while let Some(output) = self.device.as_mut().and_then(Device::poll_output) {
            match output {
                Output::Listen(_) => {}
                Output::NetworkDown => self.on_seen(Seen::NetworkDown),
                Output::Send { connection, line } => {
                    let line = serde_json::from_str(&line).expect("the device speaks JSON");
                    self.on_seen(Seen::Line(connection, line));
                }
                Output::End { connection } => self.on_seen(Seen::End(connection)),
                Output::Persist { ticket, changes } => self.unwritten.push_back((ticket, changes)),
                Output::Derive { job, derivation } => {
                    self.derivations += 1;
                    let derived = derivation.run();
                    self.input(Input::Derived { job, derived });
                }
                Output::Fetch { job, query } => {
                    // What is not written yet is in the answer, too.
                    let mut shelf = self.shelf.clone();
                    for change in self.unwritten.iter().flat_map(|(_, changes)| changes) {
                        shelf.apply(change);
                    }
                    let fetched = shelf.fetch(&query);
                    self.input(Input::Fetched { job, fetched });
                }
                // The one node in the list is not there.
                Output::Connect { connection, .. } => {
                    self.input(Input::Sync(SyncInput::Unreachable { connection }));
                }
                Output::CloseImage(_) | Output::Import { .. } | Output::SendFrame { .. } => {
                    unreachable!("live sync has a bench of its own")
                }
                Output::Generate { job, generation } => {
                    let key = generation.run();
                    self.input(Input::Generated { job, key });
                }
                Output::User { session, answer } => self.told_users.push((session, answer)),
                Output::RetrieveLog { .. } | Output::ClearLog => self.log_asks += 1,
                Output::LocalReader(command) => self.use_local_reader(&command),
                Output::Event(record) => self.on_seen(Seen::Event(record.event)),
            }
        }
        if !self.disk_is_slow {
            self.write_one();
        }
    }

    fn on_seen(&mut self, seen: Seen) {
        match &seen {
            Seen::Line(connection, line) => match (line["method"].as_str(), line["id"].as_u64()) {
                (Some("session.opened"), _) => self.manager = Some(*connection),
                (Some("session.closing"), _) => self.forget(*connection),
                (Some(method), Some(id)) => self.open_requests.push_back(CardRequest {
                    connection: *connection,
                    id,
                    method: method.to_owned(),
                    params: line["params"].clone(),
                }),
                (Some(_) | None, _) => {}
            },
            Seen::End(connection) | Seen::Left(connection) => self.forget(*connection),
            Seen::NetworkDown => self.manager = None,
            Seen::LocalAct | Seen::LocalShadow(_) | Seen::Spoke(_) | Seen::Event(_) => {}
        }
        self.sights.push(Sight {
            at: self.now,
            delivered: self.delivered,
            seen,
        });
    }

    fn forget(&mut self, connection: ConnectionId) {
        self.manager = self.manager.filter(|manager| *manager != connection);
    }

    /// The next write becomes durable, if one is on its way.
    pub(crate) fn write_one(&mut self) {
        if let Some((ticket, changes)) = self.unwritten.pop_front() {
            for change in &changes {
                self.durable.apply(change);
                self.shelf.apply(change);
            }
            self.input(Input::Persisted(ticket));
        }
    }

    /// Time passes, timer by timer. At the end something happens that means nothing: an input and no timeout.
    pub(crate) fn wait(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(at) = self.device.as_ref().and_then(Machine::poll_timeout)
            && at < end
        {
            self.now = at;
            self.with_device(Machine::handle_timeout);
        }
        self.now = end;
        let peer = "203.0.113.99:9".parse().expect("an address");
        let why = hsm_core::TurnedAway::NotTls;
        self.input(Input::TurnedAway { peer, why });
    }

    pub(crate) fn cut(&mut self) {
        self.device = None;
        self.unwritten.clear();
        self.on_seen(Seen::NetworkDown);
    }

    pub(crate) fn return_power(&mut self) {
        if self.device.is_none() {
            self.device = Some(Device::new(self.profile.clone(), self.durable.clone()));
            self.input(Input::PowerReturned);
        }
    }

    pub(crate) fn press(&mut self, keys: &[Key]) {
        for key in keys {
            self.input(Input::Key(*key));
        }
    }

    // The network.

    pub(crate) fn arrive(&mut self) -> ConnectionId {
        let connection = ConnectionId::new(self.next_connection);
        self.next_connection += 1;
        self.input(Input::Arrived {
            connection,
            peer: "203.0.113.1:40000".parse().expect("an address"),
            cipher_suite: "TLS13_AES_256_GCM_SHA384".into(),
        });
        connection
    }

    pub(crate) fn line(&mut self, connection: ConnectionId, line: impl Into<Vec<u8>>) {
        self.input(Input::Line {
            connection,
            line: line.into(),
        });
    }

    /// The manager asks; nothing happens without one.
    pub(crate) fn ask(&mut self, method: &str) -> Option<u64> {
        self.ask_with(method, &json!({}))
    }

    /// The same, with parameters.
    pub(crate) fn ask_with(&mut self, method: &str, params: &Value) -> Option<u64> {
        let connection = self.manager?;
        let id = self.next_id;
        self.next_id += 1;
        self.line(
            connection,
            json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string(),
        );
        Some(id)
    }

    /// The answer to a request, if it has come.
    pub(crate) fn answer_to(&self, asked: u64) -> Option<&Value> {
        self.lines()
            .find(|line| line["id"] == asked && line.get("method").is_none())
    }

    /// What the device has said on any connection.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &Value> {
        self.sights.iter().filter_map(|sight| match &sight.seen {
            Seen::Line(_, line) => Some(line),
            Seen::LocalAct
            | Seen::LocalShadow(_)
            | Seen::Spoke(_)
            | Seen::Left(_)
            | Seen::End(_)
            | Seen::NetworkDown
            | Seen::Event(_) => None,
        })
    }

    // The station.

    /// The whole dialog of one custodian, as an honest station has it. Gives the answer to `auth.start`.
    pub(crate) fn present(&mut self, card: usize) -> Option<Value> {
        self.slot = Some(card);
        let id = self.ask("auth.start")?;
        while let Some(request) = self.open_requests.pop_front() {
            self.answer_honestly(&request);
        }
        self.answer_to(id).cloned()
    }

    pub(crate) fn answer(&mut self, request: &CardRequest, member: &str, value: &Value) {
        let line = json!({"jsonrpc": "2.0", "id": request.id, member: value});
        self.line(request.connection, line.to_string());
        self.delivered = None;
    }

    pub(crate) fn answer_honestly(&mut self, request: &CardRequest) {
        let tpdu = match request.method.as_str() {
            "card.transmit" => hex(&request.params["apdu"]),
            "card.verify_pin" => {
                let Some(pin) = self.types else {
                    return self.answer(request, "error", &station_error(17, "pin_cancelled"));
                };
                let mut tpdu = hex(&request.params["header"]);
                tpdu.push(8);
                tpdu.extend(pin.bytes());
                tpdu
            }
            "card.power_on" | "card.power_off" => Vec::new(),
            other => panic!("the device asked for `{other}`"),
        };
        let Some(card) = self.slot.map(|slot| &mut self.cards[slot]) else {
            return self.answer(request, "error", &station_error(13, "card_absent"));
        };
        let result = match request.method.as_str() {
            "card.power_on" => value(&CardAtr {
                atr: card.power_on().as_bytes().to_vec(),
            }),
            "card.transmit" => match card.transmit(&tpdu) {
                Some(response) => {
                    self.delivered = card.is_shadow(&response).then_some(card.identity);
                    value(&CardResponse { response })
                }
                None => return self.answer(request, "error", &station_error(14, "card_removed")),
            },
            "card.verify_pin" => match card.transmit(&tpdu) {
                Some(status_word) => value(&PinStatus { status_word }),
                None => return self.answer(request, "error", &station_error(14, "card_removed")),
            },
            _ => {
                card.power_off();
                json!({})
            }
        };
        self.answer(request, "result", &result);
    }

    pub(crate) fn take_card_out(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.cards[slot].power_off();
        }
    }

    // The local reader and console.

    pub(crate) fn put_in_locally(&mut self, card: usize) {
        self.local_slot = Some(card);
        self.input(Input::LocalCard(LocalCard::Inserted));
    }

    fn use_local_reader(&mut self, command: &ReaderCommand) {
        let answer = match self.local_slot.map(|slot| &mut self.cards[slot]) {
            None => ReaderAnswer::CardAbsent,
            Some(card) => match command {
                ReaderCommand::PowerOn => ReaderAnswer::Atr(card.power_on()),
                ReaderCommand::Transmit(tpdu) => match card.transmit(tpdu) {
                    Some(response) => {
                        let shadow = card.is_shadow(&response).then_some(card.identity);
                        if let Some(identity) = shadow {
                            self.on_seen(Seen::LocalShadow(identity));
                        }
                        ReaderAnswer::from_received(&response)
                    }
                    None => ReaderAnswer::CardRemoved,
                },
                ReaderCommand::PowerOff => {
                    card.power_off();
                    ReaderAnswer::PoweredOff
                }
            },
        };
        self.input(Input::LocalReader(answer));
    }
}

impl TestCard {
    fn new(serial: u8, identity: Identity, shadow: Vec<u8>) -> Self {
        let mut csn = *b"\x15\xC0\x00\x00\xE3\xA8\x17\x10\x00\x6F\x00\x00\xFF\x00\x00\x00";
        csn[15] = serial;
        let image = CardImage::personalised(&Personalisation {
            csn: Csn(csn),
            pin: PIN,
            label: identity.set,
            shadow: &shadow,
            card_type: profile::CARD_TYPE,
            presentations_max: profile::PRESENTATIONS_MAX,
        });
        let card = Card::from_image(image.expect("labels and shadows of the bench fit on a card"));
        Self {
            identity,
            shadow,
            card,
        }
    }

    fn spoil(&mut self) {
        let mut shadow = self.shadow.clone();
        shadow[20] ^= 1;
        *self = Self::new(99, self.identity, shadow);
    }

    fn is_shadow(&self, response: &[u8]) -> bool {
        response.strip_suffix(&[0x90, 0x00]) == Some(&self.shadow)
    }

    fn power_on(&mut self) -> Atr {
        self.card.handle_input(card_core::Input::PowerOn);
        match self.card.poll_output() {
            Some(card_core::Output::Atr(atr)) => atr,
            other => panic!("expected the answer to a reset, got {other:?}"),
        }
    }

    fn transmit(&mut self, tpdu: &[u8]) -> Option<Vec<u8>> {
        self.card.handle_input(card_core::Input::Transmit(tpdu));
        while let Some(output) = self.card.poll_output() {
            match output {
                card_core::Output::Write(_) => self.card.handle_input(card_core::Input::Written),
                card_core::Output::Answer(response) => return Some(response.to_bytes()),
                card_core::Output::Atr(_) => unreachable!("it was not reset"),
            }
        }
        None
    }

    fn power_off(&mut self) {
        self.card.handle_input(card_core::Input::PowerOff);
    }
}

fn station_error(code: u8, name: &str) -> Value {
    json!({"code": code, "message": name, "data": {"name": name}})
}

fn hex(text: &Value) -> Vec<u8> {
    apdu::hex::decode(text.as_str().expect("bytes are text")).expect("the device writes hexadecimal")
}

fn value(result: &impl serde::Serialize) -> Value {
    serde_json::to_value(result).expect("our own types have string keys")
}
