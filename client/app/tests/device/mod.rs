//! A device for tests: the real appliance behind a real socket on loopback, with its cards. Stands in for the emulator,
//! and has nothing of its own but threads and a clock.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant as RealInstant},
};

use apdu::Csn;
use card_core::{CardImage, Personalisation, profile};
use hsm_core::{
    ConnectionId, Device, Event, Input as DeviceInput, Limits, Profile, Purpose, Scheme, ServerMasterKey,
    Stored,
};
use hsm_listener::{Appliance, Identity, Input, Output};
use machine::{Cx, Instant, Machine as _, WallClock};
use sim::{ChaCha8Rng, Seed};
use virtual_card::CardFile;

/// The PIN of every card.
pub(crate) const PIN: &str = "12345678";
/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A device that runs, armed as after a remote restart, until the test ends.
pub(crate) struct TestDevice {
    pub(crate) address: SocketAddr,
    told: Sender<Told>,
    events: Arc<(Mutex<Vec<Event>>, Condvar)>,
    key: ServerMasterKey,
}

enum Told {
    Accepted(TcpStream),
    Port(Input),
}

impl TestDevice {
    pub(crate) fn start() -> Self {
        Self::with_limits(Profile::xp().limits)
    }

    pub(crate) fn with_limits(limits: Limits) -> Self {
        let mut rng = Seed(7).rng_for("the set of the tests");
        let key = ServerMasterKey::generate(&mut rng);
        let mut stored = Stored::bound_to(key.binding());
        stored.remote_management = true;
        let mut profile = Profile::xp();
        profile.limits = limits;
        Self::of(profile, stored, rng, key)
    }

    /// A Pocket out of the factory. The key is of no use to it.
    #[allow(dead_code, reason = "each file of tests has what it needs of this")]
    pub(crate) fn pocket() -> Self {
        let mut rng = Seed(7).rng_for("the set of the tests");
        let key = ServerMasterKey::generate(&mut rng);
        let profile = Profile::pocket();
        let stored = Stored::out_of_the_factory(&profile);
        Self::of(profile, stored, rng, key)
    }

    fn of(mut profile: Profile, stored: Stored, rng: ChaCha8Rng, key: ServerMasterKey) -> Self {
        profile.limits.start = Duration::from_millis(1);
        profile.limits.stop = Duration::from_millis(1);
        let tls = Identity::generate(&profile.serial)
            .unwrap()
            .server_config()
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (told, tells) = channel();
        let events = Arc::new((Mutex::new(Vec::new()), Condvar::new()));

        let accepted = told.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepted.send(Told::Accepted(stream.unwrap())).is_err() {
                    return;
                }
            }
        });
        let runs = Loop {
            appliance: Appliance::new(Device::new(profile, stored), tls),
            rng,
            begin: RealInstant::now(),
            streams: BTreeMap::new(),
            next: 1,
            told: told.clone(),
            events: Arc::clone(&events),
        };
        thread::spawn(move || runs.run(&tells));
        let device = Self {
            address,
            told,
            events,
            key,
        };
        device.tell(DeviceInput::PowerButton);
        device.wait_for(|event| matches!(event, Event::Started { .. }));
        device
    }

    pub(crate) fn tell(&self, input: DeviceInput) {
        self.told.send(Told::Port(Input::Device(input))).unwrap();
    }

    /// Waits until this has happened, and takes it and everything before it out of sight.
    pub(crate) fn wait_for(&self, is_it: impl Fn(&Event) -> bool) {
        let (events, changed) = &*self.events;
        let mut events = events.lock().unwrap();
        let begin = RealInstant::now();
        loop {
            if let Some(position) = events.iter().position(&is_it) {
                events.drain(..=position);
                return;
            }
            let left = PATIENCE
                .checked_sub(begin.elapsed())
                .unwrap_or_else(|| panic!("it never happened; what did: {events:?}"));
            events = changed.wait_timeout(events, left).unwrap().0;
        }
    }

    /// Makes the cards of a 2-of-3 set in this folder.
    pub(crate) fn make_cards(&self, folder: &Path) -> [PathBuf; 3] {
        let mut rng = Seed(8).rng_for("the cards of the tests");
        let scheme = Scheme::new(2, 3).unwrap();
        let shadows = self.key.split(scheme, Purpose::ServerMasterKey, &mut rng);
        let mut number = 0;
        ["ana", "bruno", "carla"].map(|label| {
            let path = folder.join(format!("{label}.card"));
            let mut csn = *b"\x15\xC0\x00\x00\xE3\xA8\x17\x10\x00\x6F\x00\x00\xFF\x00\x00\x00";
            csn[15] = number;
            let image = CardImage::personalised(&Personalisation {
                csn: Csn(csn),
                pin: PIN,
                label,
                shadow: &shadows[usize::from(number)].to_bytes(),
                card_type: profile::CARD_TYPE,
                presentations_max: profile::PRESENTATIONS_MAX,
            });
            number += 1;
            CardFile::create(&path, image.unwrap()).unwrap();
            path
        })
    }
}

struct Loop {
    appliance: Appliance,
    rng: ChaCha8Rng,
    begin: RealInstant,
    streams: BTreeMap<ConnectionId, TcpStream>,
    next: u64,
    told: Sender<Told>,
    events: Arc<(Mutex<Vec<Event>>, Condvar)>,
}

impl Loop {
    fn run(mut self, tells: &Receiver<Told>) {
        loop {
            let now = self.now();
            let told = match self.appliance.poll_timeout() {
                Some(at) if at <= now => None,
                Some(at) => match tells.recv_timeout(at.since(now)) {
                    Ok(told) => Some(told),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => return,
                },
                None => match tells.recv() {
                    Ok(told) => Some(told),
                    Err(_) => return,
                },
            };
            match told {
                None => self.with_cx(|appliance, cx| {
                    if appliance.poll_timeout().is_some_and(|at| at <= cx.now) {
                        appliance.handle_timeout(cx);
                    }
                }),
                Some(Told::Accepted(stream)) => self.accept(stream),
                Some(Told::Port(input)) => self.with_cx(|appliance, cx| appliance.handle_input(cx, input)),
            }
            self.obey();
        }
    }

    fn now(&self) -> Instant {
        Instant::from_micros(u64::try_from(self.begin.elapsed().as_micros()).unwrap())
    }

    fn with_cx(&mut self, act: impl FnOnce(&mut Appliance, &mut Cx<'_>)) {
        let now = self.now();
        let mut cx = Cx {
            now,
            wall_clock: WallClock::from_unix_millis(0),
            rng: &mut self.rng,
        };
        act(&mut self.appliance, &mut cx);
    }

    fn accept(&mut self, stream: TcpStream) {
        let connection = ConnectionId::new(self.next);
        self.next += 1;
        stream.set_nodelay(true).unwrap();
        let peer = stream.peer_addr().unwrap();
        let mut reads = stream.try_clone().unwrap();
        let told = self.told.clone();
        thread::spawn(move || {
            let mut bytes = vec![0; 16_384];
            loop {
                let input = match reads.read(&mut bytes) {
                    Ok(0) => Input::Finished { connection },
                    Ok(len) => Input::Received {
                        connection,
                        bytes: bytes[..len].to_vec(),
                    },
                    Err(_) => Input::Reset { connection },
                };
                let is_last = !matches!(input, Input::Received { .. });
                if told.send(Told::Port(input)).is_err() || is_last {
                    return;
                }
            }
        });
        self.streams.insert(connection, stream);
        self.with_cx(|appliance, cx| appliance.handle_input(cx, Input::Accepted { connection, peer }));
    }

    fn obey(&mut self) {
        while let Some(output) = self.appliance.poll_output() {
            match output {
                Output::Listen(_) => {}
                Output::NetworkDown => self.streams.clear(),
                Output::Transmit { connection, bytes } => {
                    if let Some(mut stream) = self.streams.get(&connection) {
                        let bytes_len = bytes.len();
                        let _ = stream.write_all(&bytes);
                        let sent = Input::Sent {
                            connection,
                            bytes_len,
                        };
                        self.with_cx(|appliance, cx| appliance.handle_input(cx, sent));
                    }
                }
                Output::Finish(connection) => {
                    if let Some(stream) = self.streams.get(&connection) {
                        let _ = stream.shutdown(Shutdown::Write);
                    }
                }
                Output::Close(connection) => {
                    if let Some(stream) = self.streams.remove(&connection) {
                        let _ = stream.shutdown(Shutdown::Both);
                    }
                }
                Output::Derive { job, derivation } => {
                    let derived = derivation.run();
                    let derived = Input::Device(DeviceInput::Derived { job, derived });
                    self.with_cx(|appliance, cx| appliance.handle_input(cx, derived));
                }
                Output::Fetch { .. }
                | Output::Generate { .. }
                | Output::CloseImage(_)
                | Output::Import { .. }
                | Output::Connect { .. }
                | Output::User { .. }
                | Output::RetrieveLog { .. }
                | Output::ClearLog => {
                    unreachable!("a device without users")
                }
                Output::Persist { ticket, .. } => {
                    let persisted = Input::Device(DeviceInput::Persisted(ticket));
                    self.with_cx(|appliance, cx| appliance.handle_input(cx, persisted));
                }
                Output::LocalReader(command) => panic!("nobody is at the local reader for {command:?}"),
                Output::Event(record) => {
                    let (events, changed) = &*self.events;
                    events.lock().unwrap().push(record.event);
                    changed.notify_all();
                }
            }
        }
    }
}
