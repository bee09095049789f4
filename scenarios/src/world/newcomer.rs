//! Somebody who connects and is not a station: polite, silent, slow, rude, or a person who types lines by hand.
//! Speaks TLS where it must and nothing else of the protocol.

use std::{net::IpAddr, time::Duration};

use hsm_client::TlsClient;
use hsm_core::ConnectionId;
use machine::Instant;
use protocol::LineBuffer;
use rand_core::Rng as _;
use sim::{Arrival, Side};

use super::{Caller, Due, World, client_config};

/// How a newcomer behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Finishes the handshake, reads what it is told, closes when it is told to.
    Polite,
    /// Says nothing at all.
    Silent,
    /// Sends its first message at one byte a second.
    Slow,
    /// Sends random bytes.
    Garbage,
    /// Begins a handshake and stops in the middle.
    Stopping,
    /// Sends what a browser sends to the wrong port.
    PlainHttp,
    /// Begins a client session of the HSM service.
    ClientSession,
    /// Offers TLS 1.1 and nothing newer.
    OldTls,
    /// Offers TLS 1.2 with a suite that is not AEAD.
    NoAead,
    /// Offers an application protocol that the device does not know.
    UnknownAlpn,
}

impl Manner {
    pub(crate) const ALL: [Self; 10] = [
        Self::Polite,
        Self::Silent,
        Self::Slow,
        Self::Garbage,
        Self::Stopping,
        Self::PlainHttp,
        Self::ClientSession,
        Self::OldTls,
        Self::NoAead,
        Self::UnknownAlpn,
    ];
}

/// One newcomer.
pub(crate) struct Newcomer {
    pub(crate) link: Option<ConnectionId>,
    tls: Option<TlsClient>,
    lines: LineBuffer,
    /// Lines it was told, with their instants.
    pub(crate) heard: Vec<(Instant, String)>,
    /// Bytes it was told outside TLS.
    pub(crate) raw: Vec<u8>,
    /// When and how its connection ended.
    pub(crate) ended: Option<Instant>,
    /// What a slow one has still to say.
    unsaid: Vec<u8>,
}

impl World {
    /// Somebody connects. Gives its place in `newcomers`.
    pub(crate) fn newcomer(&mut self, manner: Manner, from: IpAddr) -> usize {
        let index = self.newcomers.len();
        self.newcomers.push(Newcomer {
            link: None,
            tls: None,
            lines: LineBuffer::default(),
            heard: Vec::new(),
            raw: Vec::new(),
            ended: None,
            unsaid: Vec::new(),
        });
        let Some(id) = self.open(Caller::Newcomer(index), from) else {
            self.newcomers[index].ended = Some(self.now);
            return index;
        };
        self.newcomers[index].link = Some(id);
        match manner {
            Manner::Polite => {
                self.newcomers[index].tls = Some(TlsClient::new(client_config()));
                self.flush_newcomer(index, id);
            }
            Manner::Silent => {}
            Manner::Slow => {
                let mut hello = TlsClient::new(client_config())
                    .poll_transmit()
                    .expect("TLS begins with a hello");
                hello.reverse();
                self.newcomers[index].unsaid = hello;
                self.on_newcomer_due(index);
            }
            Manner::Garbage => {
                let mut garbage = [0; 64];
                self.seed()
                    .rng_for(&format!("garbage {index}"))
                    .fill_bytes(&mut garbage);
                // One seed in 256 would begin like TLS, which is another manner.
                garbage[0] |= 0x80;
                self.send(id, Side::Client, garbage.to_vec());
            }
            Manner::Stopping => {
                let hello = TlsClient::new(client_config())
                    .poll_transmit()
                    .expect("TLS begins with a hello");
                self.send(id, Side::Client, hello);
            }
            Manner::PlainHttp => self.send(id, Side::Client, b"GET / HTTP/1.1\r\n\r\n".to_vec()),
            Manner::ClientSession => self.send(id, Side::Client, b"OLEH\x01\x00\x01\x00".to_vec()),
            Manner::OldTls => self.send(id, Side::Client, client_hello(0x0302, 0xC009, None)),
            Manner::NoAead => self.send(id, Side::Client, client_hello(0x0303, 0xC023, None)),
            Manner::UnknownAlpn => {
                self.send(id, Side::Client, client_hello(0x0303, 0xC02B, Some(b"smtp/1.0")));
            }
        }
        index
    }

    /// Sends plaintext as it stands, whatever it is.
    pub(crate) fn newcomer_says(&mut self, index: usize, plaintext: &[u8]) {
        let newcomer = &mut self.newcomers[index];
        if let (Some(tls), Some(id)) = (&mut newcomer.tls, newcomer.link) {
            tls.send(plaintext);
            self.flush_newcomer(index, id);
        }
    }

    pub(super) fn on_newcomer_due(&mut self, index: usize) {
        let newcomer = &mut self.newcomers[index];
        if let (Some(byte), Some(id), None) = (newcomer.unsaid.pop(), newcomer.link, newcomer.ended) {
            self.send(id, Side::Client, vec![byte]);
            self.agenda
                .schedule(self.now + Duration::from_secs(1), Due::Newcomer(index));
        }
    }

    pub(super) fn on_arrival_at_newcomer(&mut self, index: usize, id: ConnectionId, arrival: Arrival) {
        let now = self.now;
        let newcomer = &mut self.newcomers[index];
        match arrival {
            Arrival::Bytes(bytes) => {
                let Some(tls) = &mut newcomer.tls else {
                    // One that stops in mid-handshake, or never began one, does not answer.
                    newcomer.raw.extend(bytes);
                    return;
                };
                let mut plaintext = Vec::new();
                let received = tls.receive(&bytes, &mut plaintext);
                newcomer.lines.push(&plaintext);
                while let Some(Ok(line)) = newcomer.lines.next_line() {
                    newcomer
                        .heard
                        .push((now, String::from_utf8_lossy(&line).into_owned()));
                }
                let over = received.is_err() || tls.has_peer_closed();
                self.flush_newcomer(index, id);
                if over {
                    self.end_newcomer(index, id);
                }
            }
            Arrival::Finished | Arrival::Reset => self.end_newcomer(index, id),
        }
    }

    /// Closes this end, if it is not closed yet.
    pub(crate) fn end_newcomer(&mut self, index: usize, id: ConnectionId) {
        if self.newcomers[index].ended.is_none() {
            self.newcomers[index].ended = Some(self.now);
            self.finish(id, Side::Client);
        }
    }

    fn flush_newcomer(&mut self, index: usize, id: ConnectionId) {
        while let Some(bytes) = self.newcomers[index]
            .tls
            .as_mut()
            .and_then(TlsClient::poll_transmit)
        {
            self.send(id, Side::Client, bytes);
        }
    }
}

/// A `ClientHello` with one cipher suite and no newer version than this one (RFC 5246, section 7.4.1.2).
pub(crate) fn client_hello(version: u16, cipher_suite: u16, alpn: Option<&[u8; 8]>) -> Vec<u8> {
    let mut extensions: Vec<u8> = Vec::new();
    extensions.extend([0x00, 0x0A, 0x00, 0x04, 0x00, 0x02, 0x00, 0x17]); // supported groups: P-256
    extensions.extend([0x00, 0x0B, 0x00, 0x02, 0x01, 0x00]); // point formats: uncompressed
    extensions.extend([0x00, 0x0D, 0x00, 0x04, 0x00, 0x02, 0x04, 0x03]); // signatures: ECDSA with SHA-256
    if let Some(name) = alpn {
        extensions.extend([0x00, 0x10, 0x00, 0x0B, 0x00, 0x09, 0x08]);
        extensions.extend(name);
    }
    let mut body = version.to_be_bytes().to_vec();
    body.extend([0x5A; 32]); // random
    body.push(0); // no session
    body.extend([0x00, 0x02]);
    body.extend(cipher_suite.to_be_bytes());
    body.extend([0x01, 0x00]); // no compression
    body.extend(
        u16::try_from(extensions.len())
            .expect("they are short")
            .to_be_bytes(),
    );
    body.extend(extensions);
    let body_len = u16::try_from(body.len()).expect("it is short");
    let mut record = vec![0x16, 0x03, 0x01];
    record.extend((body_len + 4).to_be_bytes());
    record.extend([0x01, 0x00]);
    record.extend(body_len.to_be_bytes());
    record.extend(body);
    record
}
