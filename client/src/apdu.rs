//! Stand-ins for the crate `apdu`, in its shapes, until it is here.
#![allow(missing_docs, unreachable_pub, reason = "deleted when the crate comes")]

use core::fmt;
use zeroize::Zeroize;

#[derive(Clone, PartialEq, Eq)]
pub enum ReaderCommand {
    PowerOn,
    Transmit(Vec<u8>),
    PowerOff,
}

impl fmt::Debug for ReaderCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PowerOn => f.write_str("PowerOn"),
            Self::Transmit(tpdu) => write!(f, "Transmit({} bytes)", tpdu.len()),
            Self::PowerOff => f.write_str("PowerOff"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReaderAnswer {
    Atr(Atr),
    Response(ResponseApdu),
    PoweredOff,
    CardAbsent,
    CardRemoved,
    CardMute,
    ReaderUnavailable,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Atr(Vec<u8>);
impl Atr {
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
impl TryFrom<&[u8]> for Atr {
    type Error = ();
    fn try_from(bytes: &[u8]) -> Result<Self, ()> {
        Ok(Self(bytes.to_vec()))
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusWord(pub u16);
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseApdu {
    pub data: Vec<u8>,
    pub status: StatusWord,
}
impl ResponseApdu {
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.data.clone();
        bytes.extend(self.status.0.to_be_bytes());
        bytes
    }
}
impl TryFrom<&[u8]> for ResponseApdu {
    type Error = ();
    fn try_from(bytes: &[u8]) -> Result<Self, ()> {
        let (data, status) = bytes.split_last_chunk::<2>().ok_or(())?;
        Ok(Self {
            data: data.to_vec(),
            status: StatusWord(u16::from_be_bytes(*status)),
        })
    }
}

pub struct PinEntry([u8; 8]);
pub struct Command(Vec<u8>);
impl Command {
    pub fn to_tpdu(&self) -> Vec<u8> {
        self.0.clone()
    }
}
impl PinEntry {
    pub fn to_verify(&self) -> Command {
        let mut tpdu = vec![0, 0x20, 0, 0, 8];
        tpdu.extend(self.0);
        Command(tpdu)
    }
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidPinEntry {
    Length { characters: usize },
    Character,
}
impl TryFrom<&str> for PinEntry {
    type Error = InvalidPinEntry;
    fn try_from(typed: &str) -> Result<Self, InvalidPinEntry> {
        let characters = typed.chars().count();
        if characters != 8 {
            return Err(InvalidPinEntry::Length { characters });
        }
        match <[u8; 8]>::try_from(typed.as_bytes()) {
            Ok(bytes) if bytes.iter().all(u8::is_ascii_alphanumeric) => Ok(Self(bytes)),
            Ok(_) | Err(_) => Err(InvalidPinEntry::Character),
        }
    }
}
impl Drop for PinEntry {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
