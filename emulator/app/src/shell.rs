//! The task that owns the device: everything that happens to it passes its one queue, and what it asks for is done here
//! or by those who only move bytes. Decides nothing that a manager or a custodian could see.

use std::{collections::BTreeMap, net::SocketAddr, pin::pin};

use apdu::ReaderAnswer;
use hsm_core::{ConnectionId, Event, Input as DeviceInput, Power, Record};
use hsm_listener::{Appliance, Input, Output};
use machine::Machine as _;
use program::{ExitCode, Port, Problem, Signals};
use tokio::{
    net::TcpStream,
    sync::mpsc::{Receiver, Sender, UnboundedReceiver, channel, unbounded_channel},
    time::{Instant, sleep_until},
};
use tracing::{debug, info, warn};

use crate::{
    console_lines::ConsoleLines,
    readiness::Readiness,
    store::{Store, Writer, Written},
    wire::Wire,
    world::{Clock, OsRandom},
};

/// Things that may wait for the device; when there are more, the sockets wait.
const QUEUE_MAX: usize = 64;

/// A running emulator.
pub(crate) struct Shell {
    appliance: Appliance,
    clock: Clock,
    rng: OsRandom,
    console: ConsoleLines,
    port: Port,
    readiness: Option<Readiness>,
    /// Whether the device has started once, so that somebody may be waiting for its address.
    is_ready: bool,
    wires: BTreeMap<ConnectionId, Wire>,
    next_connection: u64,
    inputs: Sender<Input>,
    queue: Receiver<Input>,
    writer: Writer,
    written: UnboundedReceiver<Written>,
}

impl Shell {
    /// Puts the parts together. Must be called inside a runtime.
    pub(crate) fn new(
        appliance: Appliance,
        clock: Clock,
        console: ConsoleLines,
        port: Port,
        readiness: Option<Readiness>,
        store: Store,
    ) -> Result<Self, Problem> {
        let (inputs, queue) = channel(QUEUE_MAX);
        let (tell_written, written) = unbounded_channel();
        let writer = Writer::start(store, tell_written)
            .map_err(|error| Problem::new(ExitCode::InputOutput, format!("start a thread: {error}")))?;
        Ok(Self {
            appliance,
            clock,
            rng: OsRandom,
            console,
            port,
            readiness,
            is_ready: false,
            wires: BTreeMap::new(),
            next_connection: 1,
            inputs,
            queue,
            writer,
            written,
        })
    }

    /// Plugs the device in and lets it live until a signal or the disk ends it.
    pub(crate) async fn run(mut self, signals: &mut Signals) -> Result<(), Problem> {
        let ended = self.live(signals).await;
        if ended.is_err() {
            // Nothing more is acknowledged, not even what waits in a socket.
            for (_, wire) in std::mem::take(&mut self.wires) {
                wire.reset();
            }
        }
        self.port.close();
        self.writer.close();
        // A write that failed while everything else was fine is the reason of the end, whatever else was.
        let mut ended = ended;
        while let Ok(written) = self.written.try_recv() {
            ended = ended.and(written.map(|_| ()).map_err(Problem::from));
        }
        let removed = self.readiness.map_or(Ok(()), Readiness::remove);
        ended.and(removed)
    }

    async fn live(&mut self, signals: &mut Signals) -> Result<(), Problem> {
        self.tell(Input::Device(DeviceInput::PowerReturned))?;
        if self.appliance.device().power() == Power::Off {
            // Somebody started this program: that is the hand at the button.
            self.tell(Input::Device(DeviceInput::PowerButton))?;
        }
        // One timer for all deadlines, never later than the next. It is left alone when that one moves away, which it
        // does with every line; a timer that fires too early finds nothing to do.
        let mut timer = pin!(sleep_until(Instant::now()));
        loop {
            let deadline = self.appliance.poll_timeout().and_then(|at| self.clock.real(at));
            if let Some(deadline) = deadline
                && (timer.is_elapsed() || deadline < timer.deadline())
            {
                timer.as_mut().reset(deadline);
            }
            tokio::select! {
                biased;
                signal = signals.next() => {
                    info!("{signal}: ending");
                    return Ok(());
                }
                Some(written) = self.written.recv() => {
                    self.tell(Input::Device(DeviceInput::Persisted(written?)))?;
                }
                () = &mut timer, if deadline.is_some() => {
                    let mut cx = self.clock.cx(&mut self.rng);
                    self.appliance.handle_timeout(&mut cx);
                    self.obey()?;
                }
                key = self.console.next() => self.tell(Input::Device(DeviceInput::Key(key)))?,
                Some(input) = self.queue.recv() => self.on_wire(input)?,
                (stream, peer) = self.port.accept() => self.on_accepted(stream, peer)?,
            }
        }
    }

    fn on_accepted(&mut self, stream: TcpStream, peer: SocketAddr) -> Result<(), Problem> {
        let connection = ConnectionId::new(self.next_connection);
        self.next_connection += 1;
        self.wires
            .insert(connection, Wire::new(connection, stream, &self.inputs));
        self.tell(Input::Accepted { connection, peer })
    }

    fn on_wire(&mut self, input: Input) -> Result<(), Problem> {
        match input {
            Input::Reset { connection } => {
                self.wires.remove(&connection);
            }
            Input::Sent {
                connection,
                bytes_len,
            } => {
                if let Some(wire) = self.wires.get_mut(&connection) {
                    wire.on_sent(bytes_len);
                }
            }
            Input::Accepted { .. } | Input::Received { .. } | Input::Finished { .. } | Input::Device(_) => {}
        }
        self.tell(input)
    }

    /// Sends, and tells the device what came of it at once. Whoever obeys does what it asks for because of that, too.
    fn transmit(&mut self, connection: ConnectionId, bytes: Vec<u8>) {
        let Some(wire) = self.wires.get_mut(&connection) else {
            return;
        };
        let input = if let Ok(bytes_len) = wire.transmit(bytes) {
            Input::Sent {
                connection,
                bytes_len,
            }
        } else {
            // The reader may tell it too; the device hears it once.
            self.wires.remove(&connection);
            Input::Reset { connection }
        };
        let mut cx = self.clock.cx(&mut self.rng);
        self.appliance.handle_input(&mut cx, input);
    }

    fn tell(&mut self, input: Input) -> Result<(), Problem> {
        let mut cx = self.clock.cx(&mut self.rng);
        self.appliance.handle_input(&mut cx, input);
        self.obey()
    }

    /// Does what the device asks for.
    fn obey(&mut self) -> Result<(), Problem> {
        let was_ready = self.is_ready;
        let mut was_port_touched = false;
        while let Some(output) = self.appliance.poll_output() {
            match output {
                Output::Listen(listening) => {
                    was_port_touched = true;
                    self.listen(listening)?;
                }
                Output::NetworkDown => {
                    was_port_touched = true;
                    self.port.close();
                    for (_, wire) in std::mem::take(&mut self.wires) {
                        wire.network_down();
                    }
                }
                Output::Transmit { connection, bytes } => self.transmit(connection, bytes),
                Output::Finish(connection) => {
                    if let Some(wire) = self.wires.get_mut(&connection) {
                        wire.finish();
                    }
                }
                Output::Close(connection) => {
                    if let Some(wire) = self.wires.remove(&connection) {
                        wire.close();
                    }
                }
                Output::Persist { ticket, stored } => self.writer.write(ticket, stored),
                // There is no local reader yet.
                Output::LocalReader(_) => {
                    let answer = DeviceInput::LocalReader(ReaderAnswer::ReaderUnavailable);
                    let mut cx = self.clock.cx(&mut self.rng);
                    self.appliance.handle_input(&mut cx, Input::Device(answer));
                }
                Output::Event(record) => self.on_event(&record),
            }
        }
        self.console.show(|| self.appliance.device().screen());
        if self.is_ready && (!was_ready || was_port_touched) {
            self.tell_readiness(!was_ready)?;
        }
        Ok(())
    }

    fn listen(&mut self, listening: bool) -> Result<(), Problem> {
        if !listening {
            self.port.close();
            return Ok(());
        }
        let address = self.port.address();
        self.port.open().map_err(|error| listen_problem(address, &error))
    }

    fn on_event(&mut self, record: &Record) {
        // Made only if somebody reads it.
        let line = || record.log_line();
        match &record.event {
            Event::TurnedAway { .. } | Event::ManagerDenied { .. } => debug!("{}", line()),
            Event::SelfTest { passed: false } => warn!("{}", line()),
            Event::Started { .. } => {
                self.is_ready = true;
                info!("{}", line());
            }
            Event::Off => {
                info!("{}", line());
                if self.appliance.device().power() == Power::Off {
                    info!("the device is off; end this program and start it again to switch it on");
                }
            }
            Event::SelfTest { passed: true }
            | Event::Stopping(_)
            | Event::Activated(_)
            | Event::ServiceStarted
            | Event::ServiceStopped
            | Event::RemoteManagementEnabled
            | Event::RemoteManagementDisabled(_)
            | Event::ManagerConnected { .. }
            | Event::SessionEnded { .. }
            | Event::CardUsed { .. }
            | Event::CeremonyReset(_)
            | Event::AdministratorGranted { .. }
            | Event::OperationAccepted { .. }
            | Event::OperationRefused { .. }
            | Event::OperationDone(_) => info!("{}", line()),
        }
    }

    /// Says where the device is, or that it has no open port. Only the first time must it succeed.
    fn tell_readiness(&mut self, is_first: bool) -> Result<(), Problem> {
        let management = self.port.is_open().then(|| self.port.address());
        let told = self
            .readiness
            .as_mut()
            .map_or(Ok(()), |readiness| readiness.tell(management));
        match told {
            Err(problem) if is_first => return Err(problem),
            Err(problem) => warn!("{}", problem.what),
            Ok(()) => {}
        }
        let ready = if is_first { "ready: " } else { "" };
        let place = management.map_or_else(|| "port closed".to_owned(), |address| format!("on {address}"));
        info!("{ready}management {place}");
        Ok(())
    }
}

/// Why a port is not ours.
pub(crate) fn listen_problem(address: SocketAddr, error: &std::io::Error) -> Problem {
    let what = format!("listen on {address}: {error}");
    match error.kind() {
        std::io::ErrorKind::AddrInUse => Problem::new(ExitCode::InUse, what).hint(
            "end the program that has it, or choose another with `--listen`; port 0 is one that is free",
        ),
        _ => Problem::new(ExitCode::Usage, what),
    }
}
