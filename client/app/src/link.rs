//! One connection in the real world: a socket and a clock around the client's machine. Decides nothing about a session,
//! except that a device that owes a word and does not say it in time is given up.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use hsm_client::{
    Connection, ConnectionInput, ConnectionOutput, Speaker, StationInput, StationOutput, TlsClientConfig,
};
use program::shown;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::AsyncWriteExt as _,
    net::{
        TcpSocket, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::{Instant, sleep_until},
};

use crate::{
    address::{Address, Host},
    trace::Trace,
};

/// Bytes taken from the socket at once.
const READ_BYTES_MAX: usize = 16_384;
/// How long a device may take for its word, unless the user says otherwise.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long it may take for an operation, beyond that.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(600);
/// A network that is gone is found out by the system, without a line (CL-05): first probe, and the wait between probes.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(5));
/// Probes without an answer, after which the network is gone.
const KEEPALIVE_PROBES_MAX: u32 = 4;

/// A connection and its socket.
pub(crate) struct Link {
    connection: Connection,
    socket_in: OwnedReadHalf,
    socket_out: OwnedWriteHalf,
    bytes: Vec<u8>,
    /// What the socket has not taken yet.
    unsent: Vec<u8>,
    /// Our half is to be closed behind what is unsent.
    is_finishing: bool,
    is_out_closed: bool,
    answer_timeout: Duration,
    /// When the device has been silent for too long; only while it owes a word.
    silent_at: Option<Instant>,
    trace: Option<Trace>,
    /// Lines that have crossed and nobody has taken; only after [`Link::keep_lines`].
    lines: Option<Vec<(Speaker, String)>>,
    received_len: u64,
    sent_len: u64,
}

impl Link {
    pub(crate) fn new(
        stream: TcpStream,
        config: &TlsClientConfig,
        answer_timeout: Duration,
        trace: Option<Trace>,
    ) -> Self {
        let (socket_in, socket_out) = stream.into_split();
        let mut connection = Connection::new(config);
        if trace.is_some() {
            connection.trace();
        }
        Self {
            connection,
            socket_in,
            socket_out,
            bytes: vec![0; READ_BYTES_MAX],
            unsent: Vec::new(),
            is_finishing: false,
            is_out_closed: false,
            answer_timeout,
            silent_at: Some(Instant::now() + answer_timeout),
            trace,
            lines: None,
            received_len: 0,
            sent_len: 0,
        }
    }

    /// From now on, lines are kept for [`Link::take_lines`]. They may hold what a card answered.
    pub(crate) fn keep_lines(&mut self) {
        self.lines.get_or_insert_default();
    }

    /// The lines that have crossed since they were taken last.
    pub(crate) fn take_lines(&mut self) -> Vec<(Speaker, String)> {
        self.lines.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Bytes that came over the socket, TLS and all.
    pub(crate) const fn received_len(&self) -> u64 {
        self.received_len
    }

    /// Bytes that the socket has taken, TLS and all.
    pub(crate) const fn sent_len(&self) -> u64 {
        self.sent_len
    }

    /// Breaks the connection as a program does that crashes: the device sees a reset, and no word before it.
    /// The program has to end now, which closes the socket.
    pub(crate) fn reset(self) -> io::Result<()> {
        let reset = SockRef::from(self.socket_out.as_ref()).set_linger(Some(Duration::ZERO));
        // To be dropped is to say goodbye.
        std::mem::forget(self);
        reset
    }

    /// Whether the socket has taken everything.
    pub(crate) const fn is_sent(&self) -> bool {
        self.unsent.is_empty()
    }

    /// Lets the next thing happen at the socket; false if the device owed a word and the time for it is over.
    pub(crate) async fn step(&mut self) -> bool {
        let silent_at = self.silent_at;
        tokio::select! {
            ready = self.socket_in.readable() => {
                let read = ready.and_then(|()| self.socket_in.try_read(&mut self.bytes));
                self.on_read(read);
            }
            _ = self.socket_out.writable(), if !self.unsent.is_empty() => self.send(),
            () = passed(silent_at) => {
                self.silent_at = None;
                return false;
            }
        }
        true
    }

    /// Tells the session.
    pub(crate) fn tell(&mut self, input: StationInput) {
        self.connection.handle_input(ConnectionInput::Station(input));
    }

    /// What the session has for the station. Until there is none, everything else is done on the way.
    pub(crate) fn poll(&mut self) -> Option<StationOutput> {
        while let Some(output) = self.connection.poll_output() {
            match output {
                ConnectionOutput::Transmit(bytes) => {
                    self.unsent.extend(bytes);
                    self.send();
                }
                ConnectionOutput::Disconnect => self.is_finishing = true,
                ConnectionOutput::Line { speaker, line } => self.on_line(speaker, &line),
                ConnectionOutput::Told(told) => {
                    if let Some(trace) = &mut self.trace {
                        trace.session(&told);
                    }
                }
                ConnectionOutput::Station(output) => return Some(output),
            }
        }
        None
    }

    /// Closes our half once everything is out.
    pub(crate) async fn finish(&mut self) {
        if self.is_finishing && self.unsent.is_empty() && !self.is_out_closed {
            self.is_out_closed = true;
            // The device may have gone first.
            let _ = self.socket_out.shutdown().await;
        }
    }

    fn on_read(&mut self, read: io::Result<usize>) {
        match read {
            Ok(0) => self.connection.handle_input(ConnectionInput::Closed),
            Ok(len) => {
                self.received_len += u64::try_from(len).unwrap_or(u64::MAX);
                let received = ConnectionInput::Received(self.bytes[..len].to_vec());
                self.connection.handle_input(received);
            }
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => {}
            Err(why) => {
                tracing::debug!(%why, "connection broken");
                self.connection.handle_input(ConnectionInput::Closed);
            }
        }
    }

    fn send(&mut self) {
        while !self.unsent.is_empty() {
            match self.socket_out.try_write(&self.unsent) {
                Ok(len) => {
                    self.unsent.drain(..len);
                    self.sent_len += u64::try_from(len).unwrap_or(u64::MAX);
                }
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => return,
                // Whoever reads finds out what the matter is, and may find a last line before it.
                Err(_) => self.unsent.clear(),
            }
        }
    }

    /// Notes whose turn it is, and logs that a line crossed, by its method: what stands in it may be a card's.
    fn on_line(&mut self, speaker: Speaker, line: &str) {
        let message: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        let method = message.get("method").and_then(serde_json::Value::as_str);
        self.silent_at = match speaker {
            Speaker::Device => None,
            Speaker::Station if method.is_some_and(|method| method.starts_with("ops.")) => {
                Some(Instant::now() + self.answer_timeout.max(OPERATION_TIMEOUT))
            }
            Speaker::Station => Some(Instant::now() + self.answer_timeout),
        };
        let method = method.map_or_else(|| "answer".to_owned(), shown);
        let bytes_len = line.len();
        tracing::debug!(?speaker, method, bytes_len, "line");
        if let Some(lines) = &mut self.lines {
            lines.push((speaker, line.to_owned()));
        }
    }
}

/// Whatever ends the program, a panic too: the session is closed, as far as the socket takes it.
impl Drop for Link {
    fn drop(&mut self) {
        self.tell(StationInput::HangUp);
        while self.poll().is_some() {}
    }
}

/// Waits for a moment, if there is one.
pub(crate) async fn passed(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => core::future::pending().await,
    }
}

/// Tries each address that the name has, in turn.
pub(crate) async fn connect(hsm: &Address, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let candidates: Vec<SocketAddr> = match &hsm.host {
        Host::Ip(ip) => vec![SocketAddr::new(*ip, hsm.port)],
        Host::Name(name) => tokio::net::lookup_host((name.as_str(), hsm.port))
            .await?
            .collect(),
    };
    let mut failure = io::Error::other("the name has no address");
    for candidate in candidates {
        match connect_to(candidate, source).await {
            Ok(stream) => return Ok(stream),
            Err(why) => failure = why,
        }
    }
    Err(failure)
}

async fn connect_to(device: SocketAddr, source: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = match device {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some(source) = source {
        if source.is_ipv4() != device.is_ipv4() {
            return Err(io::Error::other(format!(
                "`--source` is {source}, and the device is at {}",
                device.ip()
            )));
        }
        socket
            .bind(SocketAddr::new(source, 0))
            .map_err(|why| io::Error::new(why.kind(), format!("bind to `--source` {source}: {why}")))?;
    }
    let stream = socket.connect(device).await?;
    stream.set_nodelay(true)?;
    let (first, between) = KEEPALIVE;
    let keepalive = TcpKeepalive::new()
        .with_time(first)
        .with_interval(between)
        .with_retries(KEEPALIVE_PROBES_MAX);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(stream)
}
