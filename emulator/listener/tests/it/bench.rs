//! An appliance on the bench and clients made of nothing but rustls. The disk is quick; the cable loses nothing and
//! keeps what nobody has taken.

use std::{collections::BTreeMap, io::Read as _, io::Write as _, sync::Arc, sync::OnceLock, time::Duration};

use hsm_core::{ConnectionId, Device, Event, Input as DeviceInput, Profile, ServerMasterKey, Stored};
use hsm_listener::{AnyCertificate, Appliance, Identity, Input, Output};
use machine::{Cx, Instant, Machine, NoRandomness, WallClock};
use rustls::{
    ClientConfig, ClientConnection, SupportedProtocolVersion,
    crypto::aws_lc_rs,
    pki_types::ServerName,
    version::{TLS12, TLS13},
};
use serde_json::{Value, json};
use sim::Seed;

/// What came out of the device for one connection, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Out {
    Bytes(Vec<u8>),
    Finish,
    Close,
}

pub(crate) struct Bench {
    pub(crate) now: Instant,
    pub(crate) appliance: Appliance,
    /// Whether the cable says at once that it has sent what it was handed.
    pub(crate) cable_is_quick: bool,
    pub(crate) outs: BTreeMap<ConnectionId, Vec<Out>>,
    pub(crate) events: Vec<Event>,
    pub(crate) network_downs: usize,
    next_connection: u64,
}

/// A device's certificate takes a moment to make, and no test depends on which it is.
fn identity() -> &'static Arc<rustls::ServerConfig> {
    static IDENTITY: OnceLock<Arc<rustls::ServerConfig>> = OnceLock::new();
    IDENTITY.get_or_init(|| {
        let identity = Identity::generate("TXP0000001").expect("the crypto library makes a certificate");
        identity.server_config().expect("TLS accepts its own certificate")
    })
}

impl Bench {
    /// A device that is started, not activated, and enabled for remote management.
    pub(crate) fn started() -> Self {
        let mut rng = Seed(1).rng_for("key of the bench");
        let mut stored = Stored::bound_to(ServerMasterKey::generate(&mut rng).binding());
        stored.remote_management = true;
        let device = Device::new(Profile::xp(), stored);
        let mut bench = Self {
            now: Instant::POWER_ON,
            appliance: Appliance::new(device, Arc::clone(identity())),
            cable_is_quick: true,
            outs: BTreeMap::new(),
            events: Vec::new(),
            network_downs: 0,
            next_connection: 1,
        };
        bench.input(Input::Device(DeviceInput::PowerButton));
        bench.wait(Duration::from_secs(20));
        bench
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.with_appliance(|appliance, cx| appliance.handle_input(cx, input));
    }

    fn with_appliance(&mut self, tell: impl FnOnce(&mut Appliance, &mut Cx<'_>)) {
        let mut cx = Cx {
            now: self.now,
            wall_clock: WallClock::from_unix_millis(1_767_225_600_000),
            rng: &mut NoRandomness,
        };
        tell(&mut self.appliance, &mut cx);
        let mut answers = Vec::new();
        while let Some(output) = self.appliance.poll_output() {
            match output {
                Output::Listen(_) => {}
                Output::NetworkDown => self.network_downs += 1,
                Output::Transmit { connection, bytes } => {
                    if self.cable_is_quick {
                        answers.push(Input::Sent {
                            connection,
                            bytes_len: bytes.len(),
                        });
                    }
                    self.outs.entry(connection).or_default().push(Out::Bytes(bytes));
                }
                Output::Finish(connection) => self.outs.entry(connection).or_default().push(Out::Finish),
                Output::Close(connection) => self.outs.entry(connection).or_default().push(Out::Close),
                Output::Derive { .. }
                | Output::Fetch { .. }
                | Output::Generate { .. }
                | Output::CloseImage(_)
                | Output::Import { .. }
                | Output::Connect { .. }
                | Output::User { .. }
                | Output::RetrieveLog { .. }
                | Output::ClearLog => {
                    unreachable!("a rack model without users")
                }
                Output::Persist { ticket, .. } => answers.push(Input::Device(DeviceInput::Persisted(ticket))),
                Output::LocalReader(command) => {
                    panic!("nobody is at the local reader, which is asked {command:?}")
                }
                Output::Event(record) => self.events.push(record.event),
            }
        }
        for answer in answers {
            self.input(answer);
        }
    }

    /// Time passes, timer by timer, the ones of the last instant included.
    pub(crate) fn wait(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(at) = self.appliance.poll_timeout().filter(|at| *at <= end) {
            self.now = at;
            self.with_appliance(Appliance::handle_timeout);
        }
        self.now = end;
    }

    pub(crate) fn accept(&mut self) -> ConnectionId {
        let connection = ConnectionId::new(self.next_connection);
        self.next_connection += 1;
        self.input(Input::Accepted {
            connection,
            peer: "203.0.113.1:40000".parse().expect("an address"),
        });
        connection
    }

    pub(crate) fn deliver(&mut self, connection: ConnectionId, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.input(Input::Received {
                connection,
                bytes: bytes.to_vec(),
            });
        }
    }

    pub(crate) fn outs(&self, connection: ConnectionId) -> &[Out] {
        self.outs.get(&connection).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn is_closed(&self, connection: ConnectionId) -> bool {
        self.outs(connection).contains(&Out::Close)
    }

    /// A whole handshake with what follows it at once.
    pub(crate) fn connect(&mut self, config: &Arc<ClientConfig>) -> Client {
        let mut client = Client::new(self.accept(), config);
        client.exchange(self);
        client
    }
}

/// A client: TLS and the lines that came out of it.
pub(crate) struct Client {
    pub(crate) id: ConnectionId,
    pub(crate) tls: ClientConnection,
    /// How many of the device's outputs it has taken.
    taken: usize,
    pub(crate) plaintext: Vec<u8>,
    pub(crate) error: Option<rustls::Error>,
    /// The device has said `close_notify`.
    pub(crate) is_closed: bool,
}

impl Client {
    pub(crate) fn new(id: ConnectionId, config: &Arc<ClientConfig>) -> Self {
        let name = ServerName::try_from("device").expect("a name");
        let mut tls =
            ClientConnection::new(Arc::clone(config), name).expect("the test makes a good configuration");
        tls.set_buffer_limit(None);
        Self {
            id,
            tls,
            taken: 0,
            plaintext: Vec::new(),
            error: None,
            is_closed: false,
        }
    }

    /// What TLS wants to send.
    pub(crate) fn take_ciphertext(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.tls.wants_write() {
            self.tls
                .write_tls(&mut bytes)
                .expect("writing to memory cannot fail");
        }
        bytes
    }

    /// Reads what the device has sent and this client has not yet taken.
    pub(crate) fn take_in(&mut self, bench: &Bench) {
        let outs = bench.outs(self.id).get(self.taken..).unwrap_or_default().to_vec();
        self.taken += outs.len();
        for out in outs {
            let Out::Bytes(bytes) = out else { continue };
            let mut bytes = &bytes[..];
            while !bytes.is_empty() && self.error.is_none() && !self.is_closed {
                self.tls
                    .read_tls(&mut bytes)
                    .expect("reading from memory cannot fail");
                match self.tls.process_new_packets() {
                    Ok(state) => {
                        let start = self.plaintext.len();
                        self.plaintext.resize(start + state.plaintext_bytes_to_read(), 0);
                        self.tls
                            .reader()
                            .read_exact(&mut self.plaintext[start..])
                            .expect("TLS said so");
                        self.is_closed = state.peer_has_closed();
                    }
                    Err(why) => self.error = Some(why),
                }
            }
        }
    }

    /// Both sides send until neither has anything to say.
    pub(crate) fn exchange(&mut self, bench: &mut Bench) {
        loop {
            let bytes = self.take_ciphertext();
            bench.deliver(self.id, &bytes);
            let taken = self.taken;
            self.take_in(bench);
            if bytes.is_empty() && self.taken == taken {
                return;
            }
        }
    }

    pub(crate) fn write(&mut self, text: &[u8]) {
        self.tls
            .writer()
            .write_all(text)
            .expect("TLS buffers without limit");
    }

    pub(crate) fn ask(&mut self, bench: &mut Bench, id: u64, method: &str) {
        self.write(request(id, method).as_bytes());
        self.exchange(bench);
    }

    /// The lines that the device has said.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let lines = self.plaintext.split_inclusive(|byte| *byte == b'\n');
        lines
            .map(|line| serde_json::from_slice(line).expect("the device speaks JSON"))
            .collect()
    }

    /// Methods of what it was told, and ids of what was answered.
    pub(crate) fn told(&self) -> Vec<String> {
        let name = |line: &Value| match (&line["method"], &line["params"]["reason"]) {
            (Value::String(method), Value::String(reason)) => format!("{method} {reason}"),
            (Value::String(method), _) => method.clone(),
            (_, _) => format!("answer {}", line["id"]),
        };
        self.lines().iter().map(name).collect()
    }
}

pub(crate) fn request(id: u64, method: &str) -> String {
    format!("{}\n", json!({"jsonrpc": "2.0", "id": id, "method": method}))
}

pub(crate) fn config(versions: &[&'static SupportedProtocolVersion], alpn: &[&[u8]]) -> ClientConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = AnyCertificate::new(&provider);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("the provider has suites for both versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    config
}

/// What a management client offers.
pub(crate) fn manager() -> Arc<ClientConfig> {
    Arc::new(config(&[&TLS13, &TLS12], &[protocol::ALPN]))
}
