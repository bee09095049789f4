//! Other HSMs of a world, which the first one can reach: each with its own port, disk and console, and the cables between
//! them. None of them has a manager; what is done to one is done by a hand at its console.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hsm_core::{
    ConnectionId, Device, Fetched, Generation, ImportStep, Input as DeviceInput, Key, KeyAlgorithm,
    LocalCard, Object, ObjectFacts, ObjectId, ObjectName, Objects, Profile, Query, Record, SealedObject,
    ServerMasterKey, Shelf, Stored, Ticket, User, UserName, Vault,
};
use hsm_listener::{Appliance, Input, Output};
use machine::{Cx, Instant, Machine as _};
use protocol::OperatingMode;
use sim::{Arrival, ChaCha8Rng, Link, Side, Storage};

use super::{CardMaker, Kept, PIN, SmartCard, World, cards, shared_tls};

/// Who is at an end of a cable between HSMs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hsm {
    /// The HSM of the world.
    First,
    /// Another, by its place in [`World::nodes`].
    Other(usize),
}

/// A cable between two HSMs, and what either calls the connection on it.
pub(super) struct Cable {
    pub(super) link: Link,
    ends: [(Hsm, ConnectionId); 2],
    finished: [bool; 2],
}

impl Cable {
    const fn index(side: Side) -> usize {
        match side {
            Side::Client => 0,
            Side::Server => 1,
        }
    }
}

/// What a store does besides making things durable.
#[derive(Default)]
pub(super) struct Desk {
    images: BTreeMap<u64, Shelf>,
    import: Option<Vec<(ObjectId, SealedObject)>>,
}

impl Desk {
    pub(super) fn fetch(&mut self, kept: &Kept, query: &Query) -> Fetched {
        match query {
            Query::OpenImage(image) => {
                self.images.insert(*image, kept.objects.clone());
                kept.objects.fetch(query)
            }
            Query::ImagePage { image, .. } => self.images[image].fetch(query),
            Query::Object(_) | Query::Page { .. } | Query::Size(_) => kept.objects.fetch(query),
        }
    }

    pub(super) fn close_image(&mut self, image: u64) {
        self.images.remove(&image);
    }

    pub(super) fn import(&mut self, step: ImportStep) {
        match step {
            ImportStep::Begin => self.import = Some(Vec::new()),
            ImportStep::Rows(rows) => self.import.as_mut().expect("it has begun").extend(rows),
            ImportStep::Abort => self.import = None,
        }
    }

    /// What is kept after these changes.
    pub(super) fn apply(&mut self, kept: &mut Kept, changes: &[hsm_core::Change]) {
        let import = self.import.take();
        for change in changes {
            kept.stored.apply(change);
            kept.objects.apply(change);
            if let hsm_core::Change::ReplaceDatabase(_) = change {
                kept.objects = Shelf::holding(import.clone().expect("it was imported"));
            }
        }
    }

    /// What was in memory is gone.
    pub(super) fn cut(&mut self) {
        *self = Self::default();
    }
}

/// Another HSM.
pub(crate) struct Node {
    pub(crate) address: IpAddr,
    profile: Profile,
    rng: ChaCha8Rng,
    /// `None` while there is no power.
    appliance: Option<Appliance>,
    pub(crate) storage: Storage<Kept, Ticket>,
    desk: Desk,
    listening: bool,
    cards: BTreeMap<String, SmartCard>,
    slot: Option<String>,
    next_connection: u64,
    pub(crate) records: Vec<Record>,
}

/// How another HSM differs from the first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Making {
    pub(crate) objects: u64,
    pub(crate) same_key: bool,
    pub(crate) mode: OperatingMode,
}

/// What another HSM is made of.
pub(crate) struct Parts {
    pub(crate) kept: Kept,
    pub(crate) profile: Profile,
    pub(crate) cards: BTreeMap<String, SmartCard>,
    rng: ChaCha8Rng,
}

impl Node {
    /// Whether it is activated and its service runs.
    pub(crate) fn runs(&self) -> bool {
        let device = self.appliance.as_ref().map(Appliance::device);
        device.is_some_and(|device| device.service() == hsm_core::ServiceState::Running)
    }
}

/// A database of so many AES keys of a user `node`, sealed under this key.
fn database(key: &ServerMasterKey, objects: u64, mode: OperatingMode) -> Kept {
    let mut stored = Stored::bound_to(key.binding());
    stored.mode = mode;
    let owner = UserName::parse("node").expect("a name");
    let vault = Vault::of(key);
    let algorithm = KeyAlgorithm::Aes128;
    let mut shelf = Vec::new();
    let mut total = Objects::default();
    for number in 0..objects {
        let key = Generation { algorithm }
            .run()
            .expect("the crypto library makes a key");
        let facts = ObjectFacts {
            owner: owner.clone(),
            name: ObjectName::parse(&format!("key{number}")).expect("a name"),
            algorithm,
            attributes: hsm_core::Attributes::default(),
            blocked: false,
            created_unix_millis: 0,
            public: Vec::new(),
        };
        let (id, sealed) = vault.seal(1, &Object::new(facts, &key));
        total.count += 1;
        total.bytes += sealed.stored_bytes();
        shelf.push((id, sealed));
    }
    stored.objects = total;
    let user = User {
        permissions: hsm_core::Permissions::NONE,
        ..User::factory_master()
    };
    stored.users.insert(owner, user);
    stored.replication_domain = Some("nodes".into());
    Kept {
        stored,
        objects: Shelf::holding(shelf),
    }
}

impl World {
    /// What the HSM with this number besides the first is made of, at this address.
    pub(crate) fn node_parts(&self, index: usize, address: IpAddr, making: Making) -> Parts {
        let mut rng = self.seed.rng_for(&format!("HSM {}", index + 2));
        let key = if making.same_key {
            self.set.key()
        } else {
            ServerMasterKey::generate(&mut rng)
        };
        let kept = database(&key, making.objects, making.mode);
        let mut profile = self.profile.clone();
        profile.serial = format!("TXP{:07}", index + 1000);
        if let (IpAddr::V4(ip), Some(interface)) = (address, profile.network.interfaces.first_mut()) {
            interface.ip = ip;
        }
        let cards = CardMaker::new(key, self.seed.rng_for(&format!("cards of HSM {}", index + 2)))
            .set_for(self.scheme, &self.holders);
        Parts {
            kept,
            profile,
            cards,
            rng,
        }
    }

    /// Another HSM, activated at its console, with its service running.
    pub(crate) fn add_node(&mut self, address: IpAddr, making: Making) {
        let index = self.nodes.len();
        let Parts {
            kept,
            profile,
            cards,
            rng,
        } = self.node_parts(index, address, making);
        self.nodes.push(Node {
            address,
            profile,
            rng,
            appliance: None,
            storage: Storage::new(kept, Duration::ZERO),
            desk: Desk::default(),
            listening: false,
            cards,
            slot: None,
            next_connection: 1,
            records: Vec::new(),
        });
        self.plug_node_in(index);
        self.tell_node(index, Input::Device(DeviceInput::PowerButton));
        self.activate_node(index);
    }

    fn plug_node_in(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        let device = Device::new(node.profile.clone(), node.storage.durable().stored.clone());
        node.appliance = Some(Appliance::new(device, Arc::clone(&shared_tls().server)));
    }

    /// The first M holders type their PINs at the console of another HSM.
    pub(crate) fn activate_node(&mut self, index: usize) {
        let limits = &self.nodes[index].profile.limits;
        let span = limits.stop + limits.start;
        self.pass(span);
        let required = usize::from(self.scheme.required());
        for holder in self.holders.iter().take(required).cloned().collect::<Vec<_>>() {
            self.nodes[index].slot = Some(holder);
            self.tell_node(index, Input::Device(DeviceInput::LocalCard(LocalCard::Inserted)));
            for character in PIN.chars() {
                self.press_at_node(index, Key::Char(character));
            }
            self.press_at_node(index, Key::Enter);
            self.settle();
            let node = &mut self.nodes[index];
            if let Some(card) = node.slot.take().and_then(|holder| node.cards.get_mut(&holder)) {
                card.power_off();
            }
            self.tell_node(index, Input::Device(DeviceInput::LocalCard(LocalCard::Removed)));
        }
    }

    pub(crate) fn press_at_node(&mut self, index: usize, key: Key) {
        self.tell_node(index, Input::Device(DeviceInput::Key(key)));
    }

    /// The cable of another HSM is pulled out of its socket.
    pub(crate) fn cut_node(&mut self, index: usize) {
        self.trace.tell(self.now, "another HSM", "power cut");
        let node = &mut self.nodes[index];
        node.storage.cut(self.now);
        node.desk.cut();
        node.appliance = None;
        node.listening = false;
        self.cut_cables(Hsm::Other(index));
    }

    /// The place of the HSM at this address.
    pub(crate) fn node_at(&self, address: IpAddr) -> Option<usize> {
        self.nodes.iter().position(|node| node.address == address)
    }

    fn tell_node(&mut self, index: usize, input: Input) {
        let wall_clock = self.wall_clock();
        let node = &mut self.nodes[index];
        let Some(appliance) = &mut node.appliance else {
            return;
        };
        let mut cx = Cx {
            now: self.now,
            wall_clock,
            rng: &mut node.rng,
        };
        appliance.handle_input(&mut cx, input);
        self.obey_node(index);
    }

    fn expire_node(&mut self, index: usize) {
        let wall_clock = self.wall_clock();
        let node = &mut self.nodes[index];
        if let Some(appliance) = &mut node.appliance {
            let mut cx = Cx {
                now: self.now,
                wall_clock,
                rng: &mut node.rng,
            };
            appliance.handle_timeout(&mut cx);
            self.obey_node(index);
        }
    }

    fn obey_node(&mut self, index: usize) {
        while let Some(output) = self.nodes[index]
            .appliance
            .as_mut()
            .and_then(Appliance::poll_output)
        {
            let node = &mut self.nodes[index];
            let device = |input| Input::Device(input);
            match output {
                Output::Listen(listening) => node.listening = listening,
                Output::NetworkDown => {
                    node.listening = false;
                    self.cut_cables(Hsm::Other(index));
                }
                Output::Transmit { connection, bytes } => {
                    self.send_on_cable(Hsm::Other(index), connection, bytes);
                }
                Output::Finish(connection) | Output::Close(connection) => {
                    self.finish_cable(Hsm::Other(index), connection);
                }
                Output::Persist { ticket, changes } => {
                    let mut kept = node.storage.newest().clone();
                    node.desk.apply(&mut kept, &changes);
                    node.storage.write(self.now, ticket, kept);
                }
                Output::Derive { job, derivation } => {
                    let derived = derivation.run();
                    self.tell_node(index, device(DeviceInput::Derived { job, derived }));
                }
                Output::Generate { job, generation } => {
                    let key = generation.run();
                    self.tell_node(index, device(DeviceInput::Generated { job, key }));
                }
                Output::Fetch { job, query } => {
                    let Node { desk, storage, .. } = node;
                    let fetched = desk.fetch(storage.newest(), &query);
                    self.tell_node(index, device(DeviceInput::Fetched { job, fetched }));
                }
                Output::CloseImage(image) => node.desk.close_image(image),
                Output::Import { job, step } => {
                    node.desk.import(step);
                    if let Some(job) = job {
                        self.tell_node(index, device(DeviceInput::Imported(job)));
                    }
                }
                Output::Connect { connection, node: to } => self.call(Hsm::Other(index), connection, to),
                Output::LocalReader(command) => {
                    let Node { cards, slot, .. } = node;
                    let answer = cards::answer(cards, slot.as_deref(), &command);
                    self.tell_node(index, device(DeviceInput::LocalReader(answer)));
                }
                Output::Event(record) => {
                    let who = format!("the HSM at {}", node.address);
                    self.trace.tell(self.now, &who, record.event.to_string());
                    self.nodes[index].records.push(record);
                }
                // Nobody is a user there, and its log is its events.
                Output::User { .. } | Output::RetrieveLog { .. } | Output::ClearLog => {}
            }
        }
    }

    // Cables.

    fn tell_hsm(&mut self, hsm: Hsm, input: Input) {
        match hsm {
            Hsm::First => self.tell(input),
            Hsm::Other(index) => self.tell_node(index, input),
        }
    }

    /// One HSM connects to another, or to itself.
    pub(super) fn call(&mut self, from: Hsm, connection: ConnectionId, to: IpAddr) {
        let own = [self.own_address(), self.other_address_of_the_first];
        let callee = if own.contains(&Some(to)) {
            Some(Hsm::First).filter(|_| self.listening)
        } else {
            let index = self.node_at(to);
            index.filter(|index| self.nodes[*index].listening).map(Hsm::Other)
        };
        let Some(callee) = callee else {
            return self.tell_hsm(from, Input::Unreachable { connection });
        };
        let number = match callee {
            Hsm::First => &mut self.next_connection,
            Hsm::Other(index) => &mut self.nodes[index].next_connection,
        };
        let accepted = ConnectionId::new(*number);
        *number += 1;
        let mut link = Link::new(self.link_settings);
        for fault in self.cable_faults.drain(..) {
            link.add_fault(fault).expect("nothing was written yet");
        }
        self.cables.push(Cable {
            link,
            ends: [(from, connection), (callee, accepted)],
            finished: [false; 2],
        });
        let address = match from {
            Hsm::First => self.own_address(),
            Hsm::Other(index) => Some(self.nodes[index].address),
        };
        let address = address.unwrap_or(IpAddr::from([203, 0, 113, 254]));
        let peer = SocketAddr::new(address, 50_000);
        self.tell_hsm(
            callee,
            Input::Accepted {
                connection: accepted,
                peer,
            },
        );
        self.tell_hsm(from, Input::Connected { connection });
    }

    fn own_address(&self) -> Option<IpAddr> {
        let interface = self.profile.network.interfaces.first();
        interface.map(|interface| IpAddr::V4(interface.ip))
    }

    /// The cable on which this HSM calls the connection so, and its side of it.
    fn cable_of(&self, hsm: Hsm, connection: ConnectionId) -> Option<(usize, Side)> {
        self.cables.iter().enumerate().find_map(|(index, cable)| {
            let side = cable.ends.iter().position(|end| *end == (hsm, connection))?;
            Some((index, if side == 0 { Side::Client } else { Side::Server }))
        })
    }

    /// Whether the first HSM has this connection on a cable to another.
    pub(super) fn is_cable(&self, connection: ConnectionId) -> bool {
        self.cable_of(Hsm::First, connection).is_some()
    }

    /// Sends on a cable between HSMs.
    pub(super) fn send_on_cable(&mut self, hsm: Hsm, connection: ConnectionId, bytes: Vec<u8>) {
        let Some((index, side)) = self.cable_of(hsm, connection) else {
            return;
        };
        let bytes_len = bytes.len();
        let cable = &mut self.cables[index];
        if !cable.finished[Cable::index(side)] {
            cable.link.send(self.now, side, bytes);
            self.schedule_cable(index);
        }
        self.tell_hsm(
            hsm,
            Input::Sent {
                connection,
                bytes_len,
            },
        );
    }

    /// Closes one half of a cable between HSMs.
    pub(super) fn finish_cable(&mut self, hsm: Hsm, connection: ConnectionId) {
        let Some((index, side)) = self.cable_of(hsm, connection) else {
            return;
        };
        let cable = &mut self.cables[index];
        if !core::mem::replace(&mut cable.finished[Cable::index(side)], true) {
            cable.link.finish(self.now, side);
            self.schedule_cable(index);
        }
    }

    /// Nobody at the ends of an HSM's cables hears anything any more.
    pub(super) fn cut_cables(&mut self, hsm: Hsm) {
        for cable in &mut self.cables {
            if cable.ends.iter().any(|(end, _)| *end == hsm) {
                cable.link.cut();
            }
        }
    }

    fn schedule_cable(&mut self, index: usize) {
        if let Some(at) = self.cables[index].link.next_at() {
            self.agenda.schedule(at, super::Due::Cable(index));
        }
    }

    pub(super) fn on_cable_due(&mut self, index: usize) {
        let cable = &mut self.cables[index];
        let Some((receiver, arrival)) = cable.link.poll(self.now) else {
            return;
        };
        let (hsm, connection) = cable.ends[Cable::index(receiver)];
        self.schedule_cable(index);
        self.cable_messages += 1;
        let input = match arrival {
            Arrival::Bytes(bytes) => Input::Received { connection, bytes },
            Arrival::Finished => Input::Finished { connection },
            Arrival::Reset => Input::Reset { connection },
        };
        self.tell_hsm(hsm, input);
        if let Some(cut) = self.cable_cut
            && self.cable_messages >= cut.after
        {
            self.cable_cut = None;
            match cut.what {
                CutWhat::Link => {
                    for cable in &mut self.cables {
                        cable.link.cut();
                    }
                }
                CutWhat::First => self.cut_power(),
                CutWhat::Other => self.cut_node(0),
            }
        }
    }

    // Time.

    /// Something that happens to another HSM at this instant, if anything does.
    pub(super) fn settle_nodes(&mut self) -> bool {
        for index in 0..self.nodes.len() {
            let deadline = self.nodes[index]
                .appliance
                .as_ref()
                .and_then(Appliance::poll_timeout);
            if deadline.is_some_and(|deadline| deadline <= self.now) {
                self.expire_node(index);
                return true;
            }
            if let Some(ticket) = self.nodes[index].storage.poll(self.now) {
                self.tell_node(index, Input::Device(DeviceInput::Persisted(ticket)));
                return true;
            }
        }
        false
    }

    pub(super) fn nodes_next_at(&self) -> Option<Instant> {
        let nodes = self.nodes.iter();
        nodes
            .flat_map(|node| {
                let timeout = node.appliance.as_ref().and_then(Appliance::poll_timeout);
                [timeout, node.storage.next_at()]
            })
            .flatten()
            .min()
    }
}

/// What is cut while one HSM takes the database of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CutWhat {
    /// The cable between them.
    Link,
    /// The power of the one that takes it.
    First,
    /// The power of the one that has it.
    Other,
}

/// A cut, after so many messages have crossed the cables between HSMs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CableCut {
    pub(crate) what: CutWhat,
    pub(crate) after: u32,
}
