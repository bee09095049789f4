//! Frames of `hsm-sync/1`: a kind, a length, bytes; and what each kind says. Knows no connection.

use protocol::OperatingMode;

use super::{FRAME_BYTES_MAX, MAC_BYTES, NONCE_BYTES, SyncRefusal};
use crate::Objects;

/// Bytes before those of a frame: its kind, and their number in big-endian order.
const HEADER_BYTES: usize = 5;
/// What a hello begins with, so that a stranger who speaks something else is known as one.
const MAGIC: [u8; 4] = *b"HSMS";

/// One frame as it was cut from the stream. What it says is not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    kind: u8,
    payload: Vec<u8>,
}

/// A frame says that it is longer than [`FRAME_BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameTooLong;

/// Cuts a stream into frames, and holds what is not a whole one yet.
#[derive(Clone, Debug, Default)]
pub struct FrameBuffer {
    received: Vec<u8>,
    /// Bytes at its beginning that were taken out already.
    taken: usize,
}

impl FrameBuffer {
    /// Takes bytes in.
    pub fn push(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }

    /// The next whole frame.
    pub fn next_frame(&mut self) -> Option<Result<Frame, FrameTooLong>> {
        let rest = &self.received[self.taken..];
        let whole = rest.split_at_checked(HEADER_BYTES).and_then(|(header, after)| {
            let (&kind, len) = header.split_first()?;
            let len = u32::from_be_bytes(len.try_into().ok()?);
            let len = usize::try_from(len).ok().filter(|len| *len <= FRAME_BYTES_MAX);
            match len {
                None => Some(Err(FrameTooLong)),
                Some(len) => after.get(..len).map(|payload| Ok((kind, payload.to_vec()))),
            }
        });
        match whole {
            None => {
                self.received.drain(..self.taken);
                self.taken = 0;
                None
            }
            Some(Err(too_long)) => Some(Err(too_long)),
            Some(Ok((kind, payload))) => {
                self.taken += HEADER_BYTES + payload.len();
                Some(Ok(Frame { kind, payload }))
            }
        }
    }
}

/// What a frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// Who wants a database: its first word.
    Hello(Hello),
    /// Whose it is: its first word.
    Challenge(Challenge),
    /// Of either side.
    Proof([u8; MAC_BYTES]),
    /// The other side stops here, and says why.
    Refuse(SyncRefusal),
    /// The image begins.
    ImageBegin(ImageBegin),
    /// Rows of it.
    Chunk(Vec<u8>),
    /// So many chunks were taken so far.
    Taken(u64),
    /// The image is whole.
    ImageEnd(ImageEnd),
    /// It is durable where it was taken.
    Done,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) version: u16,
    pub(crate) mode: OperatingMode,
    pub(crate) nonce: [u8; NONCE_BYTES],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    pub(crate) version: u16,
    pub(crate) format: u16,
    pub(crate) mode: OperatingMode,
    pub(crate) nonce: [u8; NONCE_BYTES],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ImageBegin {
    pub(crate) format: u16,
    pub(crate) users: u32,
    pub(crate) objects: Objects,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ImageEnd {
    pub(crate) chunks: u64,
    pub(crate) bytes: u64,
    pub(crate) seal: [u8; MAC_BYTES],
}

const HELLO: u8 = 1;
const CHALLENGE: u8 = 2;
const PROOF: u8 = 3;
const REFUSE: u8 = 4;
const IMAGE_BEGIN: u8 = 5;
const CHUNK: u8 = 6;
const TAKEN: u8 = 7;
const IMAGE_END: u8 = 8;
const DONE: u8 = 9;

const fn mode_code(mode: OperatingMode) -> u8 {
    match mode {
        OperatingMode::Nrm => 0,
        OperatingMode::Rm1 => 1,
        OperatingMode::Rm2 => 2,
    }
}

fn mode_of(code: u8) -> Option<OperatingMode> {
    [OperatingMode::Nrm, OperatingMode::Rm1, OperatingMode::Rm2]
        .into_iter()
        .find(|mode| mode_code(*mode) == code)
}

impl Message {
    /// The frame that says this.
    pub(crate) fn to_frame(&self) -> Vec<u8> {
        let mut frame = vec![0; HEADER_BYTES];
        frame[0] = match self {
            Self::Hello(hello) => {
                frame.extend_from_slice(&MAGIC);
                frame.extend_from_slice(&hello.version.to_be_bytes());
                frame.push(mode_code(hello.mode));
                frame.extend_from_slice(&hello.nonce);
                HELLO
            }
            Self::Challenge(challenge) => {
                frame.extend_from_slice(&challenge.version.to_be_bytes());
                frame.extend_from_slice(&challenge.format.to_be_bytes());
                frame.push(mode_code(challenge.mode));
                frame.extend_from_slice(&challenge.nonce);
                CHALLENGE
            }
            Self::Proof(proof) => {
                frame.extend_from_slice(proof);
                PROOF
            }
            Self::Refuse(refusal) => {
                frame.push(refusal.code());
                REFUSE
            }
            Self::ImageBegin(begin) => {
                frame.extend_from_slice(&begin.format.to_be_bytes());
                frame.extend_from_slice(&begin.users.to_be_bytes());
                frame.extend_from_slice(&begin.objects.count.to_be_bytes());
                frame.extend_from_slice(&begin.objects.bytes.to_be_bytes());
                IMAGE_BEGIN
            }
            Self::Chunk(rows) => {
                frame.extend_from_slice(rows);
                CHUNK
            }
            Self::Taken(chunks) => {
                frame.extend_from_slice(&chunks.to_be_bytes());
                TAKEN
            }
            Self::ImageEnd(end) => {
                frame.extend_from_slice(&end.chunks.to_be_bytes());
                frame.extend_from_slice(&end.bytes.to_be_bytes());
                frame.extend_from_slice(&end.seal);
                IMAGE_END
            }
            Self::Done => DONE,
        };
        let len = u32::try_from(frame.len() - HEADER_BYTES).expect("a frame has its limit");
        frame[1..HEADER_BYTES].copy_from_slice(&len.to_be_bytes());
        frame
    }

    /// What the frame says; `None` if that is nothing. A hello or a challenge of a later version may be longer.
    pub(crate) fn of(frame: Frame) -> Option<Self> {
        let mut reader = Reader(&frame.payload);
        let message = match frame.kind {
            HELLO => {
                (reader.array::<4>()? == MAGIC).then_some(())?;
                let version = u16::from_be_bytes(reader.array()?);
                let mode = mode_of(reader.byte()?);
                let nonce = reader.array()?;
                // Of a later version nothing is known but that it is one.
                let mode = if version == super::VERSION {
                    mode?
                } else {
                    OperatingMode::Nrm
                };
                if version > super::VERSION {
                    reader.0 = &[];
                }
                Self::Hello(Hello { version, mode, nonce })
            }
            CHALLENGE => {
                let version = u16::from_be_bytes(reader.array()?);
                let format = u16::from_be_bytes(reader.array()?);
                let mode = mode_of(reader.byte()?);
                let nonce = reader.array()?;
                let mode = if version == super::VERSION {
                    mode?
                } else {
                    OperatingMode::Nrm
                };
                if version > super::VERSION {
                    reader.0 = &[];
                }
                Self::Challenge(Challenge {
                    version,
                    format,
                    mode,
                    nonce,
                })
            }
            PROOF => Self::Proof(reader.array()?),
            REFUSE => Self::Refuse(SyncRefusal::of_code(reader.byte()?)?),
            IMAGE_BEGIN => Self::ImageBegin(ImageBegin {
                format: u16::from_be_bytes(reader.array()?),
                users: u32::from_be_bytes(reader.array()?),
                objects: Objects {
                    count: u64::from_be_bytes(reader.array()?),
                    bytes: u64::from_be_bytes(reader.array()?),
                },
            }),
            CHUNK => return Some(Self::Chunk(frame.payload)),
            TAKEN => Self::Taken(u64::from_be_bytes(reader.array()?)),
            IMAGE_END => Self::ImageEnd(ImageEnd {
                chunks: u64::from_be_bytes(reader.array()?),
                bytes: u64::from_be_bytes(reader.array()?),
                seal: reader.array()?,
            }),
            DONE => Self::Done,
            _ => return None,
        };
        reader.0.is_empty().then_some(message)
    }
}

/// What is left of a frame while it is read.
struct Reader<'p>(&'p [u8]);

impl Reader<'_> {
    fn array<const LEN: usize>(&mut self) -> Option<[u8; LEN]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn every_message() -> Vec<Message> {
        let mut messages = vec![
            Message::Hello(Hello {
                version: super::super::VERSION,
                mode: OperatingMode::Rm1,
                nonce: [1; NONCE_BYTES],
            }),
            Message::Challenge(Challenge {
                version: super::super::VERSION,
                format: 7,
                mode: OperatingMode::Rm2,
                nonce: [2; NONCE_BYTES],
            }),
            Message::Proof([3; MAC_BYTES]),
            Message::ImageBegin(ImageBegin {
                format: 1,
                users: 2,
                objects: Objects { count: 3, bytes: 4 },
            }),
            Message::Chunk(vec![9; 100]),
            Message::Taken(5),
            Message::ImageEnd(ImageEnd {
                chunks: 6,
                bytes: 7,
                seal: [8; MAC_BYTES],
            }),
            Message::Done,
        ];
        messages.extend(SyncRefusal::ALL.map(Message::Refuse));
        messages
    }

    fn cut(bytes: &[u8]) -> Vec<Result<Frame, FrameTooLong>> {
        let mut buffer = FrameBuffer::default();
        buffer.push(bytes);
        std::iter::from_fn(|| buffer.next_frame()).take(1000).collect()
    }

    #[test]
    fn every_message_survives_the_wire_and_nothing_shorter_or_longer_is_one() {
        for message in every_message() {
            let frame = message.to_frame();
            let [Ok(cut)] = &cut(&frame)[..] else {
                panic!("{message:?}")
            };
            assert_eq!(Message::of(cut.clone()), Some(message.clone()));
            if matches!(message, Message::Chunk(_)) {
                continue;
            }
            let mut longer = cut.clone();
            longer.payload.push(0);
            assert_eq!(Message::of(longer), None, "{message:?}");
            let mut shorter = cut.clone();
            if shorter.payload.pop().is_some() {
                assert_eq!(Message::of(shorter), None, "{message:?}");
            }
        }
    }

    /// The bytes of `docs/live-sync.md`.
    #[test]
    fn the_bytes_are_those_of_the_page() {
        let refusal = Message::Refuse(SyncRefusal::Mode).to_frame();
        assert_eq!(refusal, [4, 0, 0, 0, 1, 3]);
        let hello = Message::Hello(Hello {
            version: 1,
            mode: OperatingMode::Rm2,
            nonce: [0xAA; NONCE_BYTES],
        });
        let mut expected = vec![1, 0, 0, 0, 39, b'H', b'S', b'M', b'S', 0, 1, 2];
        expected.extend([0xAA; 32]);
        assert_eq!(hello.to_frame(), expected);
    }

    #[test]
    fn a_frame_has_its_limit() {
        let frame = |len: usize| {
            let mut frame = vec![CHUNK];
            frame.extend(u32::try_from(len).expect("it is short").to_be_bytes());
            frame.resize(HEADER_BYTES + len, 0);
            frame
        };
        assert!(matches!(cut(&frame(FRAME_BYTES_MAX))[..], [Ok(_)]));
        assert_eq!(cut(&frame(FRAME_BYTES_MAX + 1))[0], Err(FrameTooLong));
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_are_cut_alike_and_panic_nothing(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            at in 0_usize..300,
        ) {
            let whole: Vec<_> = cut(&bytes).into_iter().map_while(Result::ok).collect();
            let mut buffer = FrameBuffer::default();
            let (first, second) = bytes.split_at(at.min(bytes.len()));
            let mut pieces = Vec::new();
            for piece in [first, second] {
                buffer.push(piece);
                while let Some(Ok(frame)) = buffer.next_frame() {
                    pieces.push(frame);
                }
            }
            prop_assert_eq!(&pieces, &whole);
            for frame in whole {
                let _ = Message::of(frame);
            }
        }
    }
}
