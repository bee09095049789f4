//! A reader that behaves as the stock driver does, bytes and all: it sends length and message apart, without
//! `TCP_NODELAY`. The bytes are those of vsmartcard, not of our encoder.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
};

use crate::cards::PATIENCE;

pub(crate) const ATR: &[u8] = b"\x3B\x7A\x94\x00\x00\x80\x65\xA2\x01\x01\x01\x3D\x72\xD6\x43";

/// The listening side of one slot.
pub(crate) struct Slot(TcpListener);

impl Slot {
    pub(crate) fn new() -> Self {
        Self::at("127.0.0.1:0".parse().unwrap())
    }

    /// The standard library lets a port be taken again at once.
    pub(crate) fn at(address: SocketAddr) -> Self {
        Self(TcpListener::bind(address).unwrap())
    }

    /// Two slots in a row.
    pub(crate) fn pair() -> [Self; 2] {
        loop {
            let first = Self::new();
            let Some(port) = first.address().port().checked_add(1) else {
                continue;
            };
            if let Ok(second) = TcpListener::bind(("127.0.0.1", port)) {
                return [first, Self(second)];
            }
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// The next card, greeted as the driver greets it.
    pub(crate) fn card(&self) -> Dialog {
        Dialog::new(self.0.accept().unwrap().0)
    }
}

/// A card in the slot.
pub(crate) struct Dialog(TcpStream);

impl Dialog {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut dialog = Self(stream);
        assert_eq!(dialog.ask(&[4]), ATR);
        assert_eq!(dialog.ask(&[4]), ATR);
        dialog.power_on();
        dialog
    }

    pub(crate) fn power_on(&mut self) {
        self.tell(&[1]);
        assert_eq!(self.ask(&[4]), ATR);
    }

    pub(crate) fn tell(&mut self, message: &[u8]) {
        self.try_tell(message).unwrap();
    }

    fn try_tell(&mut self, message: &[u8]) -> io::Result<()> {
        self.0
            .write_all(&u16::try_from(message.len()).unwrap().to_be_bytes())?;
        self.0.write_all(message)
    }

    /// These bytes as they are, in one write.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    pub(crate) fn hear(&mut self) -> io::Result<Vec<u8>> {
        let mut length = [0; 2];
        self.0.read_exact(&mut length)?;
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        self.0.read_exact(&mut message)?;
        Ok(message)
    }

    /// One message and its answer.
    pub(crate) fn ask(&mut self, message: &[u8]) -> Vec<u8> {
        self.try_ask(message).unwrap()
    }

    /// The same, with a card that may be torn out or killed.
    pub(crate) fn try_ask(&mut self, message: &[u8]) -> io::Result<Vec<u8>> {
        self.try_tell(message)?;
        self.hear()
    }

    /// Whether the card has left.
    pub(crate) fn is_over(&mut self) -> bool {
        matches!(self.0.read(&mut [0]), Ok(0))
    }
}
