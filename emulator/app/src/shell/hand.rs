//! What a hand does to the device, one request after the other, and what it sees then. The only way from the bench to the
//! device.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use hsm_bench::{
    Access, Advance, Card, Ceremony, ClockMode, Connection, Faults, KeyName, Limit, LimitName, Manager, Name,
    Phase, Port, PowerAction, RemoteManagement, SeedCards, SeededCards, Service, State,
};
use hsm_core::{
    Algorithm, Change, ConnectionId, Input as DeviceInput, Key, LifeCycle, Permissions, Record,
    SCREEN_COLUMNS, SCREEN_ROWS, Scheme, ServerMasterKey, Stored, USER_NAME_CHARACTERS_MAX, User, UserName,
};
use hsm_listener::{Appliance, Input};
use hyper::StatusCode;
use machine::Instant;
use program::{Problem, Signals};
use tokio::{
    sync::mpsc::Receiver,
    time::{Sleep, sleep},
};
use tracing::info;

use super::{End, Shell};
use crate::{
    bench::{Act, EventLog, Refusal, Reply, Request, Server, Sight},
    card_set::personalise,
    store::{Store, Written},
    wires::Wires,
    world::{Clock, OsRandom},
};

/// How long, in real time, a step of the clock may wait for bytes that the device has not read.
const ADVANCE_WAIT_MAX: Duration = Duration::from_secs(10);
/// Timers that may fire during one step, before the device is taken for one that never settles.
const TIMERS_AT_ONCE_MAX: u32 = 1_000_000;

/// Where somebody with a hand sits.
pub(super) struct Seat {
    requests: Receiver<Request>,
    events: EventLog,
    waiting: Option<Waiting>,
}

/// A step of the clock that waits for bytes. Whatever else is asked for waits behind it.
struct Waiting {
    advance: Advance,
    reply: Reply<State>,
    patience: Pin<Box<Sleep>>,
}

/// What a step of the clock waits for.
enum Readiness {
    Ready,
    NotYet,
    Never(Refusal),
}

/// What ends a wait for the device to settle.
enum Done {
    Written(Written),
    Derived(DeviceInput),
    Signal,
}

impl Seat {
    pub(super) fn new(server: Server) -> Self {
        Self {
            requests: server.requests,
            events: server.events,
            waiting: None,
        }
    }

    /// One more reader of the event stream.
    pub(super) fn tell(&self, record: &Record, line: &str) {
        self.push(
            record.at,
            &in_json(record.event.kind()),
            record.event.connection().map_or(0, ConnectionId::as_u64),
            line.to_owned(),
        );
    }

    pub(super) fn push(&self, at: Instant, kind: &str, connection: u64, line: String) {
        self.events.push(hsm_bench::Event {
            number: 0,
            at_us: at.as_micros(),
            kind: kind.to_owned(),
            connection,
            line,
        });
    }

    /// The next request that can be served. A step of the clock waits for its bytes, and everything behind it waits, too.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, wires: &Wires) -> Poll<Request> {
        loop {
            if let Some(waiting) = &mut self.waiting {
                let readiness = match readiness(&waiting.advance, wires) {
                    Readiness::NotYet if waiting.patience.as_mut().poll(cx).is_ready() => {
                        Readiness::Never(too_late(&waiting.advance, wires))
                    }
                    // Nobody waits for it any more, and time was not moved.
                    Readiness::NotYet if waiting.reply.poll_closed(cx).is_ready() => {
                        self.waiting = None;
                        continue;
                    }
                    other => other,
                };
                let Some(Waiting { advance, reply, .. }) =
                    self.waiting.take_if(|_| !matches!(readiness, Readiness::NotYet))
                else {
                    return Poll::Pending;
                };
                match readiness {
                    Readiness::Never(refusal) => {
                        let _ = reply.send(Err(refusal));
                    }
                    Readiness::Ready | Readiness::NotYet => {
                        return Poll::Ready(Request::Advance(advance, reply));
                    }
                }
            }
            match self.requests.poll_recv(cx) {
                Poll::Ready(Some(Request::Advance(advance, reply))) => {
                    self.waiting = Some(Waiting {
                        advance,
                        reply,
                        patience: Box::pin(sleep(ADVANCE_WAIT_MAX)),
                    });
                }
                Poll::Ready(Some(request)) => return Poll::Ready(request),
                // The server ends with the program.
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// Whether the device has read what a step of the clock waits for.
fn readiness(advance: &Advance, wires: &Wires) -> Readiness {
    let mut readiness = Readiness::Ready;
    for until in &advance.after {
        let expected = format!("{} bytes read from connection {}", until.bytes, until.connection);
        let never = |came: String| Readiness::Never(Refusal::conflict("advance the clock", &expected, came));
        match wires.read_len(ConnectionId::new(until.connection)) {
            Some((read_len, _)) if read_len >= until.bytes => {}
            Some((_, true)) => readiness = Readiness::NotYet,
            Some((read_len, false)) => return never(format!("its end after {read_len}")),
            None => return never("no such connection, or one that is long over".to_owned()),
        }
    }
    readiness
}

fn too_late(advance: &Advance, wires: &Wires) -> Refusal {
    let read = |connection| {
        wires
            .read_len(ConnectionId::new(connection))
            .map_or(0, |(read_len, _)| read_len)
    };
    let lacking = advance
        .after
        .iter()
        .find(|until| read(until.connection) < until.bytes);
    let (connection, bytes) = lacking.map_or((0, 0), |until| (until.connection, until.bytes));
    Refusal::conflict(
        "advance the clock",
        format!(
            "{bytes} bytes read from connection {connection} within {} s",
            ADVANCE_WAIT_MAX.as_secs()
        ),
        format!("{}; the clock was not moved", read(connection)),
    )
    .hint("count what the socket took, TLS and all; `bytes_read` of the state is what came")
}

impl Shell {
    pub(super) async fn on_request(&mut self, request: Request, signals: &mut Signals) -> Result<(), End> {
        // Whoever asked may have gone: what was done is done.
        match request {
            Request::Look(reply) => {
                let _ = reply.send(Ok(self.state()));
            }
            Request::Screen(reply) => {
                let _ = reply.send(Ok(self.screen()));
            }
            Request::See(reply) => {
                let shown = self
                    .appliance
                    .as_ref()
                    .map(|appliance| appliance.device().screen());
                let _ = reply.send(Ok(Sight {
                    state: self.state(),
                    screen: self.screen(),
                    focus: shown.as_ref().and_then(|screen| screen.focus),
                    cursor: shown.as_ref().and_then(|screen| screen.cursor),
                }));
            }
            Request::Act(act, reply) => {
                let done = self.act(act, signals).await?;
                self.settle(signals).await?;
                self.tell_change();
                let _ = reply.send(done.map(|()| self.state()));
            }
            Request::Advance(advance, reply) => {
                let done = self.advance(&advance, signals).await?;
                self.tell_change();
                let _ = reply.send(done.map(|()| self.state()));
            }
            Request::SeedCards(seed, reply) => {
                let made = self.seed_cards(&seed)?;
                let _ = reply.send(made);
            }
        }
        Ok(())
    }

    /// Waits until everything that the disk is busy with is durable and every password is derived, and everything that
    /// follows from it is done.
    pub(super) async fn settle(&mut self, signals: &mut Signals) -> Result<(), End> {
        while self.disk.begun() + self.derivations.begun() > 0 {
            let done = poll_fn(|cx| {
                if let Poll::Ready(signal) = signals.poll(cx) {
                    info!("{signal}: ending");
                    return Poll::Ready(Done::Signal);
                }
                if let Poll::Ready(derived) = self.derivations.poll(cx) {
                    return Poll::Ready(Done::Derived(derived));
                }
                self.disk.poll(cx).map(Done::Written)
            });
            match done.await {
                Done::Written(written) => self.on_written(written)?,
                Done::Derived(derived) => self.tell(Input::Device(derived))?,
                Done::Signal => return Err(End::Signal),
            }
        }
        Ok(())
    }

    /// Waits until it is known of every node that was called whether it is there, but not for ever: what stands still is
    /// the device's clock, not the network's.
    async fn settle_calls(&mut self, signals: &mut Signals) -> Result<(), End> {
        let mut patience = pin!(sleep(ADVANCE_WAIT_MAX));
        while self.calls.pending() > 0 {
            let called = poll_fn(|cx| {
                if let Poll::Ready(signal) = signals.poll(cx) {
                    info!("{signal}: ending");
                    return Poll::Ready(Err(End::Signal));
                }
                if let Poll::Ready(called) = self.calls.poll(cx) {
                    return Poll::Ready(Ok(Some(called)));
                }
                patience.as_mut().poll(cx).map(|()| Ok(None))
            });
            let Some((connection, stream)) = called.await? else {
                return Ok(());
            };
            self.on_dialled(connection, stream)?;
        }
        Ok(())
    }

    /// Those who look on look again.
    pub(super) fn tell_change(&self) {
        if let Some(seat) = &self.seat {
            seat.events.tell_change();
        }
    }

    // Time.

    async fn advance(
        &mut self,
        advance: &Advance,
        signals: &mut Signals,
    ) -> Result<Result<(), Refusal>, End> {
        let doing = "advance the clock";
        if let Clock::Real { .. } = self.clock {
            let refusal = Refusal::conflict(doing, "a manual clock", "a real one");
            return Ok(Err(refusal.hint("start the emulator with `--clock manual`")));
        }
        let now = self.clock.read().now;
        let target = advance
            .by_ms
            .checked_mul(1000)
            .and_then(|by_us| now.as_micros().checked_add(by_us));
        let Some(target) = target.map(Instant::from_micros) else {
            let most = (u64::MAX - now.as_micros()) / 1000;
            let refusal = Refusal::conflict(doing, format!("at most {most} ms"), advance.by_ms.to_string());
            return Ok(Err(refusal.hint("the clock ends there")));
        };
        self.clock.move_calendar(advance.calendar_by_ms);
        self.settle_calls(signals).await?;
        self.settle(signals).await?;
        for _ in 0..TIMERS_AT_ONCE_MAX {
            let Some(next) = self.poll_timeout().filter(|next| *next <= target) else {
                self.clock.move_to(target);
                return Ok(Ok(()));
            };
            self.clock.move_to(next);
            self.expire()?;
            self.settle(signals).await?;
        }
        panic!("the device did not settle: {TIMERS_AT_ONCE_MAX} timers fired during one step");
    }

    // Hands.

    async fn act(&mut self, act: Act, signals: &mut Signals) -> Result<Result<(), Refusal>, End> {
        match act {
            Act::Keys(keys) => {
                for key in keys {
                    self.press(key_of(key), signals).await?;
                }
            }
            Act::Type(text) => {
                for character in text.text.chars() {
                    self.press(Key::Char(character), signals).await?;
                }
            }
            Act::InsertCard(path) if !path.is_absolute() => {
                let doing = "put a card into the local reader";
                return Ok(Err(Refusal::conflict(doing, "an absolute path", "another")));
            }
            Act::InsertCard(path) => return Ok(self.insert_card(&path)?.map_err(Refusal::from)),
            Act::RemoveCard => return Ok(self.remove_card()?.map_err(Refusal::from)),
            Act::Power(action) => return self.change_power(action, signals).await,
            Act::Faults(faults) => self.set_faults(faults)?,
            Act::DropLink(connection) => {
                if !self.wires.reset(connection) {
                    let number = connection.as_u64();
                    let expected = "the number of an open connection";
                    return Ok(Err(Refusal::new(
                        StatusCode::NOT_FOUND,
                        "break a connection",
                        expected,
                        number.to_string(),
                    )
                    .hint("`connections` of the state has them")));
                }
                self.tell(Input::Reset { connection })?;
            }
            Act::SeedUsers(users) => return Ok(self.seed_users(&users)?),
        }
        Ok(Ok(()))
    }

    /// One key, and everything that comes of it, before the next.
    async fn press(&mut self, key: Key, signals: &mut Signals) -> Result<(), End> {
        self.tell(Input::Device(DeviceInput::Key(key)))?;
        self.settle(signals).await
    }

    fn set_faults(&mut self, faults: Faults) -> Result<(), Problem> {
        let now = self.clock.read().now;
        self.disk.set_faults(now, faults);
        self.force_self_test()
    }

    /// A device that has just got its power does not know what it computes wrong.
    pub(super) fn force_self_test(&mut self) -> Result<(), Problem> {
        let fault = self.disk.faults().computes_wrong.map(algorithm_of);
        self.tell(Input::Device(DeviceInput::SelfTestFault(fault)))
    }

    // Power.

    async fn change_power(
        &mut self,
        action: PowerAction,
        signals: &mut Signals,
    ) -> Result<Result<(), Refusal>, End> {
        let conflict =
            |expected: &str, came: &str| Ok(Err(Refusal::conflict("change the power", expected, came)));
        match (action, self.life_cycle()) {
            (PowerAction::On, None) => {
                self.return_power()?;
                self.settle(signals).await?;
            }
            (PowerAction::Off | PowerAction::Cut, None) => {
                return conflict("mains", "none: the power is cut");
            }
            (PowerAction::Off, Some(LifeCycle::Off)) => {
                return conflict("a device that is not off", "one that is off");
            }
            (PowerAction::On, Some(state)) if state != LifeCycle::Off => {
                return conflict("a device that is off", "one that is not");
            }
            (PowerAction::On | PowerAction::Off, Some(_)) => {
                self.tell(Input::Device(DeviceInput::PowerButton))?;
            }
            (PowerAction::Cut, Some(_)) => self.cut_power(),
        }
        Ok(Ok(()))
    }

    // Seeds.

    /// Changes what a device without power keeps.
    fn seed<T>(
        &mut self,
        doing: &str,
        change: impl FnOnce(&Stored) -> Result<(Vec<Change>, T), Refusal>,
    ) -> Result<Result<T, Refusal>, Problem> {
        if self.life_cycle().is_some() {
            let refusal = Refusal::conflict(doing, "a device without power", "one with power");
            return Ok(Err(
                refusal.hint("cut the power first, and let it return afterwards")
            ));
        }
        let (store, kept): (Store, _) = self.mains.open()?;
        let (changes, made) = match change(&kept.stored) {
            Ok(made) => made,
            Err(refusal) => return Ok(Err(refusal)),
        };
        store.persist(&changes)?;
        Ok(Ok(made))
    }

    fn seed_cards(&mut self, seed: &SeedCards) -> Result<Result<SeededCards, Refusal>, Problem> {
        let doing = "make cards";
        let cards = u8::try_from(seed.holders.len()).ok();
        let Some(scheme) = cards.and_then(|cards| Scheme::new(seed.required, cards)) else {
            let expected = format!("no more cards required than the {} there are", seed.holders.len());
            return Ok(Err(Refusal::conflict(doing, expected, seed.required.to_string())));
        };
        self.seed(doing, |stored| {
            let key = ServerMasterKey::generate(&mut OsRandom);
            let images = personalise(
                &key,
                scheme,
                seed.holders.iter().map(Name::as_str),
                seed.pin.as_str(),
            );
            let cards = seed.holders.iter().zip(images).map(|(holder, image)| Card {
                holder: holder.clone(),
                image: image.to_text(),
            });
            let made = SeededCards {
                cards: cards.collect(),
            };
            let mut changes = vec![Change::Binding(Some(key.binding()))];
            if !stored.sealed_users.is_empty() {
                // Another key opens nothing of the database.
                changes.push(Change::EraseDatabase);
            }
            Ok((changes, made))
        })
    }

    fn seed_users(&mut self, users: &[Name]) -> Result<Result<(), Refusal>, Problem> {
        let doing = "give the device users";
        let mut names = Vec::with_capacity(users.len());
        for user in users {
            let Some(name) = UserName::parse(user.as_str()) else {
                let expected = format!("names of 1 to {USER_NAME_CHARACTERS_MAX} letters and digits");
                return Ok(Err(Refusal::conflict(doing, expected, user.as_str())));
            };
            names.push(name);
        }
        self.seed(doing, |_| {
            // All of them have the factory's password: what was sealed before cannot be opened without the key.
            let others = names.into_iter().map(|name| {
                let user = User {
                    permissions: Permissions::NONE,
                    ..User::factory_master()
                };
                (name, user)
            });
            let mut users: BTreeMap<_, _> = others.collect();
            users.insert(UserName::master(), User::factory_master());
            Ok((vec![Change::SeedUsers(users)], ()))
        })
    }

    // What is seen.

    /// 25 lines of 80 characters. A screen without power is dark.
    fn screen(&self) -> String {
        let shown = self
            .appliance
            .as_ref()
            .map(|appliance| appliance.device().screen().to_string());
        let shown = shown.unwrap_or_default();
        let mut lines = shown.lines();
        let mut screen = String::new();
        for _ in 0..SCREEN_ROWS {
            let line = lines.next().unwrap_or_default();
            writeln!(screen, "{line:<SCREEN_COLUMNS$}").expect("a String takes everything");
        }
        screen
    }

    fn state(&self) -> State {
        let moment = self.clock.read();
        let device = self.appliance.as_ref().map(Appliance::device);
        let screen = device.map(hsm_core::Device::screen);
        let seat = self.seat.as_ref();
        State {
            power: match self.life_cycle() {
                None => hsm_bench::Power::Cut,
                Some(LifeCycle::Off) => hsm_bench::Power::Off,
                Some(LifeCycle::Starting) => hsm_bench::Power::Starting,
                Some(LifeCycle::Stopping) => hsm_bench::Power::Stopping,
                Some(
                    LifeCycle::FirstBoot
                    | LifeCycle::Waiting
                    | LifeCycle::Stopped
                    | LifeCycle::Running
                    | LifeCycle::StoppedLocked
                    | LifeCycle::RunningLocked,
                ) => hsm_bench::Power::On,
            },
            activated: device.is_some_and(hsm_core::Device::is_activated),
            service: match device.map(hsm_core::Device::service) {
                Some(hsm_core::ServiceState::Running) => Service::Running,
                Some(hsm_core::ServiceState::Stopped) | None => Service::Stopped,
            },
            remote_management: match device.map(hsm_core::Device::remote_management) {
                Some(hsm_core::RemoteManagement::Enabled) => RemoteManagement::Enabled,
                Some(hsm_core::RemoteManagement::Enabling) => RemoteManagement::Enabling,
                Some(hsm_core::RemoteManagement::Disabled) | None => RemoteManagement::Disabled,
            },
            port: Port {
                address: self.port.address().to_string(),
                open: self.port.is_open(),
            },
            manager: device.and_then(hsm_core::Device::manager).map(
                |(connection, peer, is_administrator)| Manager {
                    connection: connection.as_u64(),
                    peer: peer.to_string(),
                    access: if is_administrator {
                        Access::Administrator
                    } else {
                        Access::Anyone
                    },
                },
            ),
            ceremony: device
                .and_then(hsm_core::Device::ceremony)
                .map(|(presented, required)| Ceremony { presented, required }),
            connections: self.connections(),
            limits: self.limits(),
            focus: screen
                .as_ref()
                .and_then(|screen| screen.focus)
                .map(|area| hsm_bench::Focus {
                    row: cells(area.row),
                    column: cells(area.column),
                    width: cells(area.width),
                    height: cells(area.height),
                }),
            cursor: screen
                .and_then(|screen| screen.cursor)
                .map(|place| hsm_bench::Cell {
                    row: cells(place.row),
                    column: cells(place.column),
                }),
            card: self.reader.card_path().map(|card| card.display().to_string()),
            writes_pending: u64::try_from(self.disk.pending()).unwrap_or(u64::MAX),
            faults: self.disk.faults(),
            clock: hsm_bench::Clock {
                mode: match self.clock {
                    Clock::Real { .. } => ClockMode::Real,
                    Clock::Manual { .. } => ClockMode::Manual,
                },
                now_us: moment.now.as_micros(),
                date_time: moment.wall_clock.to_string(),
            },
            events: seat.map_or(hsm_bench::EventRange { oldest: 0, next: 0 }, |seat| {
                seat.events.range()
            }),
        }
    }

    fn connections(&self) -> Vec<Connection> {
        let seen = self.appliance.iter().flat_map(Appliance::connections);
        seen.map(|seen| Connection {
            connection: seen.id.as_u64(),
            peer: seen.peer.to_string(),
            phase: match seen.phase {
                hsm_listener::Phase::FirstBytes => Phase::FirstBytes,
                hsm_listener::Phase::Handshake => Phase::Handshake,
                hsm_listener::Phase::Lines => Phase::Lines,
                hsm_listener::Phase::Frames => Phase::Frames,
                hsm_listener::Phase::End => Phase::End,
            },
            bytes_read: self.wires.read_len(seen.id).map_or(0, |(read_len, _)| read_len),
            bytes_written: self.wires.written_len(seen.id),
        })
        .collect()
    }

    fn limits(&self) -> Vec<Limit> {
        let device = self.appliance.as_ref().map(Appliance::device);
        let manager = device.and_then(hsm_core::Device::manager);
        let manager = manager.map_or(0, |(connection, ..)| connection.as_u64());
        let of_device =
            device
                .into_iter()
                .flat_map(hsm_core::Device::limits)
                .map(|(limit, at)| match limit {
                    hsm_core::Limit::PowerSequence => (at, LimitName::PowerSequence, 0),
                    hsm_core::Limit::Interval => (at, LimitName::Interval, 0),
                    hsm_core::Limit::Inactivity => (at, LimitName::Inactivity, manager),
                    hsm_core::Limit::UserIdle => (at, LimitName::UserIdle, 0),
                    hsm_core::Limit::Denials => (at, LimitName::Denials, 0),
                    hsm_core::Limit::LiveSync => (at, LimitName::LiveSync, 0),
                });
        let seen = self.appliance.iter().flat_map(Appliance::connections);
        let of_connections = seen.filter_map(|seen| {
            let limit = match seen.phase {
                hsm_listener::Phase::FirstBytes | hsm_listener::Phase::Handshake => LimitName::Handshake,
                hsm_listener::Phase::Lines | hsm_listener::Phase::Frames | hsm_listener::Phase::End => {
                    LimitName::Linger
                }
            };
            seen.deadline.map(|at| (at, limit, seen.id.as_u64()))
        });
        let of_others = [
            self.wires.poll_timeout().map(|at| (at, LimitName::Linger, 0)),
            self.disk.poll_timeout().map(|at| (at, LimitName::Write, 0)),
        ];
        let mut limits: Vec<_> = of_device
            .chain(of_connections)
            .chain(of_others.into_iter().flatten())
            .collect();
        limits.sort_unstable();
        let told = limits.into_iter().map(|(at, limit, connection)| Limit {
            limit,
            connection,
            at_us: at.as_micros(),
        });
        told.collect()
    }
}

/// The name of a kind of event as JSON has names: `PowerCut` is `power_cut`.
fn in_json(kind: &str) -> String {
    let mut name = String::with_capacity(kind.len() + 4);
    for character in kind.chars() {
        if character.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(character.to_ascii_lowercase());
    }
    name
}

/// A count of cells, of which no screen has many.
fn cells(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn algorithm_of(algorithm: hsm_bench::Algorithm) -> Algorithm {
    match algorithm {
        hsm_bench::Algorithm::Sha256 => Algorithm::Sha256,
        hsm_bench::Algorithm::HmacSha256 => Algorithm::HmacSha256,
        hsm_bench::Algorithm::Aes256Gcm => Algorithm::Aes256Gcm,
        hsm_bench::Algorithm::Argon2id => Algorithm::Argon2id,
        hsm_bench::Algorithm::Gf256 => Algorithm::Gf256,
        hsm_bench::Algorithm::SecretSharing => Algorithm::SecretSharing,
    }
}

fn key_of(key: KeyName) -> Key {
    match key {
        KeyName::Up => Key::Up,
        KeyName::Down => Key::Down,
        KeyName::Left => Key::Left,
        KeyName::Right => Key::Right,
        KeyName::Tab => Key::Tab,
        KeyName::Enter => Key::Enter,
        KeyName::Esc => Key::Esc,
        KeyName::Backspace => Key::Backspace,
        KeyName::F1 => Key::Function(1),
        KeyName::F2 => Key::Function(2),
        KeyName::F3 => Key::Function(3),
        KeyName::F4 => Key::Function(4),
        KeyName::F5 => Key::Function(5),
        KeyName::F6 => Key::Function(6),
        KeyName::F7 => Key::Function(7),
        KeyName::F8 => Key::Function(8),
        KeyName::F9 => Key::Function(9),
        KeyName::F10 => Key::Function(10),
        KeyName::F11 => Key::Function(11),
        KeyName::F12 => Key::Function(12),
    }
}
