//! Somebody with a socket who is not a station: polite, silent, slow or rude, as in the simulation. Speaks TLS where it
//! must and nothing else of the protocol.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Shutdown, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use hsm_client::{TlsClient, TlsClientConfig};
use protocol::LineBuffer;
use rand_core::Rng as _;
use sim::Seed;
use socket2::{Domain, Socket, Type};

use super::device::TURN;
use crate::world::{Manner, client_hello};

/// How long something may take that should happen at once, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Newcomer {
    stream: Option<TcpStream>,
    pub(super) local: Option<SocketAddr>,
    tls: Option<TlsClient>,
    lines: LineBuffer,
    /// Lines it was told.
    pub(super) heard: Vec<String>,
    /// Bytes it was told outside TLS.
    pub(super) raw: Vec<u8>,
    pub(super) is_over: bool,
    /// Whether the device has been seen to hold its connection.
    pub(super) is_seen: bool,
    pub(super) sent: u64,
    pub(super) received: u64,
    /// What a slow one has still to say, the next byte last.
    unsaid: Vec<u8>,
}

impl Newcomer {
    /// Connects from this address. Nobody who listens is no failure.
    pub(super) fn connect(
        manner: Manner,
        index: usize,
        from: IpAddr,
        hsm: SocketAddr,
        config: &TlsClientConfig,
        seed: Seed,
    ) -> Result<Self, String> {
        let mut newcomer = Self {
            stream: None,
            local: None,
            tls: None,
            lines: LineBuffer::default(),
            heard: Vec::new(),
            raw: Vec::new(),
            is_over: false,
            is_seen: false,
            sent: 0,
            received: 0,
            unsaid: Vec::new(),
        };
        let failed = |why: io::Error| format!("connect a newcomer: {why}");
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).map_err(failed)?;
        socket.bind(&SocketAddr::new(from, 0).into()).map_err(failed)?;
        match socket.connect(&hsm.into()) {
            Ok(()) => {}
            Err(why) if why.kind() == io::ErrorKind::ConnectionRefused => {
                newcomer.is_over = true;
                return Ok(newcomer);
            }
            Err(why) => return Err(failed(why)),
        }
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true).map_err(failed)?;
        stream.set_nonblocking(true).map_err(failed)?;
        newcomer.local = Some(stream.local_addr().map_err(failed)?);
        newcomer.stream = Some(stream);
        let hello = || {
            let hello = TlsClient::new(config).poll_transmit();
            hello.ok_or_else(|| "TLS that begins with a hello".to_owned())
        };
        match manner {
            Manner::Polite => {
                newcomer.tls = Some(TlsClient::new(config));
                newcomer.flush()?;
            }
            Manner::Silent => {}
            Manner::Slow => {
                newcomer.unsaid = hello()?;
                newcomer.unsaid.reverse();
                newcomer.say_one_more()?;
            }
            Manner::Garbage => {
                let mut garbage = [0; 64];
                seed.rng_for(&format!("garbage {index}")).fill_bytes(&mut garbage);
                // One seed in 256 would begin like TLS, which is another manner.
                garbage[0] |= 0x80;
                newcomer.send(&garbage)?;
            }
            Manner::Stopping => newcomer.send(&hello()?)?,
            Manner::PlainHttp => newcomer.send(b"GET / HTTP/1.1\r\n\r\n")?,
            Manner::ClientSession => newcomer.send(b"OLEH\x01\x00\x01\x00")?,
            Manner::OldTls => newcomer.send(&client_hello(0x0302, 0xC009, None))?,
            Manner::NoAead => newcomer.send(&client_hello(0x0303, 0xC023, None))?,
            Manner::UnknownAlpn => newcomer.send(&client_hello(0x0303, 0xC02B, Some(b"smtp/1.0")))?,
        }
        Ok(newcomer)
    }

    pub(super) fn has_more_to_say(&self) -> bool {
        !self.unsaid.is_empty() && !self.is_over
    }

    /// A slow one says its next byte.
    pub(super) fn say_one_more(&mut self) -> Result<(), String> {
        match self.unsaid.pop() {
            Some(byte) if !self.is_over => self.send(&[byte]),
            _ => Ok(()),
        }
    }

    /// Sends plaintext as it stands, whatever it is.
    pub(super) fn say(&mut self, plaintext: &[u8]) -> Result<(), String> {
        if let Some(tls) = &mut self.tls {
            tls.send(plaintext);
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<(), String> {
        while let Some(bytes) = self.tls.as_mut().and_then(TlsClient::poll_transmit) {
            self.send(&bytes)?;
        }
        Ok(())
    }

    fn send(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        let give_up = Instant::now() + PATIENCE;
        while let (Some(stream), false) = (&mut self.stream, bytes.is_empty()) {
            match stream.write(bytes) {
                Ok(len) => {
                    self.sent += u64::try_from(len).unwrap_or(u64::MAX);
                    bytes = &bytes[len..];
                }
                Err(why) if why.kind() == io::ErrorKind::WouldBlock && Instant::now() < give_up => {
                    std::thread::sleep(TURN);
                }
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => {
                    return Err("a device that reads what a newcomer says".into());
                }
                // Whoever reads finds out what the matter is.
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Reads until so many bytes have come in all, or until the end if there is no number. Waits for them.
    pub(super) fn read_until(&mut self, received: Option<u64>) -> Result<(), String> {
        let give_up = Instant::now() + PATIENCE;
        while !self.is_over && received.is_none_or(|received| self.received < received) {
            if !self.read()? {
                if Instant::now() > give_up {
                    return Err(format!(
                        "a newcomer who hears {received:?} bytes, not {}",
                        self.received
                    ));
                }
                std::thread::sleep(TURN);
            }
        }
        Ok(())
    }

    /// Reads what is there; whether there was something.
    pub(super) fn read(&mut self) -> Result<bool, String> {
        let mut bytes = [0; 16_384];
        let Some(stream) = &mut self.stream else {
            return Ok(false);
        };
        match stream.read(&mut bytes) {
            Ok(0) => self.end(),
            Ok(len) => {
                self.received += u64::try_from(len).unwrap_or(u64::MAX);
                self.on_bytes(&bytes[..len])?;
            }
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(_) => self.end(),
        }
        Ok(true)
    }

    fn on_bytes(&mut self, bytes: &[u8]) -> Result<(), String> {
        let Some(tls) = &mut self.tls else {
            // One that stops in mid-handshake, or never began one, does not answer.
            self.raw.extend(bytes);
            return Ok(());
        };
        let mut plaintext = Vec::new();
        let is_received = tls.receive(bytes, &mut plaintext).is_ok();
        let is_over = !is_received || tls.has_peer_closed();
        self.lines.push(&plaintext);
        while let Some(Ok(line)) = self.lines.next_line() {
            self.heard.push(String::from_utf8_lossy(&line).into_owned());
        }
        self.flush()?;
        if is_over {
            self.end();
        }
        Ok(())
    }

    /// Closes this end, if it is not closed yet.
    pub(super) fn end(&mut self) {
        if let Some(stream) = self.stream.take_if(|_| !self.is_over) {
            // The other end may have gone first.
            let _ = stream.shutdown(Shutdown::Write);
        }
        self.is_over = true;
    }
}
