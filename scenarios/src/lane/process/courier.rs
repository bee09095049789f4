//! What a station and the device say to each other, carried by hand: one message after the other, so that somebody can act
//! between two of them, or the last one is never carried. A message is a record of TLS; what is in it nobody here knows.

use std::{
    collections::VecDeque,
    io::{self, Read as _, Write as _},
    mem,
    net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use socket2::{Domain, SockRef, Socket, Type};

/// How long bytes that were said may be on their way, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// The last two of them say how many bytes follow. Source: RFC 8446, section 5.1.
const RECORD_HEADER_BYTES: usize = 5;
/// Bytes that are read at once.
const READ_BYTES: usize = 16_384;

/// One connection in two halves, with nothing carried between them yet.
pub(super) struct Courier {
    /// The own end of the half to the device, which the device takes for the station.
    pub(super) local: SocketAddr,
    device: Half,
    station: Half,
    /// What was said and not carried yet, in its order, and whether the device said it.
    waiting: VecDeque<(bool, Said)>,
    /// Messages that were carried.
    pub(super) messages: u32,
}

/// The way to one of the two.
struct Half {
    /// `None` once it was broken.
    stream: Option<TcpStream>,
    read_len: u64,
    /// The beginning of a message.
    partial: Vec<u8>,
    /// It says nothing more.
    is_over: bool,
    /// Bytes that were carried to it.
    carried_len: u64,
    /// The end of the other one was carried to it.
    is_told_end: bool,
}

/// What one of the two has said.
enum Said {
    Message(Vec<u8>),
    End,
    Reset,
}

impl Courier {
    /// Connects with the device from this address, and has `connect` connect the station with the address that it is
    /// given. `None` if no device listens; then nobody was connected.
    pub(super) fn between(
        from: IpAddr,
        device: SocketAddr,
        connect: impl FnOnce(SocketAddr) -> Result<bool, String>,
    ) -> Result<Option<Self>, String> {
        let failed = |why: io::Error| format!("carry what a station and {device} say: {why}");
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).map_err(failed)?;
        socket.bind(&SocketAddr::new(from, 0).into()).map_err(failed)?;
        match socket.connect(&device.into()) {
            Ok(()) => {}
            Err(why) if why.kind() == io::ErrorKind::ConnectionRefused => return Ok(None),
            Err(why) => return Err(failed(why)),
        }
        let device = TcpStream::from(socket);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        if !connect(listener.local_addr().map_err(failed)?)? {
            return Err("a station that connects with somebody who listens".into());
        }
        // It has connected, so this does not wait.
        let (station, _) = listener.accept().map_err(failed)?;
        Ok(Some(Self {
            local: device.local_addr().map_err(failed)?,
            device: Half::new(device).map_err(failed)?,
            station: Half::new(station).map_err(failed)?,
            waiting: VecDeque::new(),
            messages: 0,
        }))
    }

    /// Whether the device has said something, or has gone.
    pub(super) fn is_answered(&self) -> bool {
        self.device
            .stream
            .as_ref()
            .is_none_or(|stream| look(stream) != Sight::Nothing)
    }

    /// Takes what the device has said: so many bytes, or all to its end if there is no number.
    pub(super) fn hear_device(&mut self, written: Option<u64>) -> Result<(), String> {
        let said = self.device.hear(written)?;
        self.waiting.extend(said.into_iter().map(|said| (true, said)));
        Ok(())
    }

    /// The same with what the station has said.
    pub(super) fn hear_station(&mut self, sent: Option<u64>) -> Result<(), String> {
        let said = self.station.hear(sent)?;
        self.waiting.extend(said.into_iter().map(|said| (false, said)));
        Ok(())
    }

    /// Carries what was said, with so many messages at most; whether there was something.
    pub(super) fn carry(&mut self, messages_max: u32) -> bool {
        let mut is_something = false;
        let until = self.messages.saturating_add(messages_max);
        while self.messages < until
            && let Some((is_of_device, said)) = self.waiting.pop_front()
        {
            is_something = true;
            self.messages += u32::from(matches!(said, Said::Message(_)));
            let to = if is_of_device {
                &mut self.station
            } else {
                &mut self.device
            };
            to.take(said);
        }
        is_something
    }

    /// Whether both have ended, and each was told so.
    pub(super) fn is_over(&self) -> bool {
        self.device.is_over && self.station.is_over && self.waiting.is_empty()
    }

    /// How many bytes came to the station; `None` once it was told the end.
    pub(super) const fn heard_by_station(&self) -> Option<u64> {
        if self.station.is_told_end {
            None
        } else {
            Some(self.station.carried_len)
        }
    }

    /// How many bytes came to the device.
    pub(super) const fn heard_by_device(&self) -> u64 {
        self.device.carried_len
    }

    /// Resets the connection with the device, as the system of a program that crashes does. What was not carried is lost.
    pub(super) fn reset(mut self) {
        self.device.take(Said::Reset);
    }
}

impl Half {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream: Some(stream),
            read_len: 0,
            partial: Vec::new(),
            is_over: false,
            carried_len: 0,
            is_told_end: false,
        })
    }

    fn hear(&mut self, until: Option<u64>) -> Result<Vec<Said>, String> {
        let mut said = Vec::new();
        let mut bytes = [0; READ_BYTES];
        let until = until.unwrap_or(u64::MAX);
        while let (false, Some(stream)) = (self.is_over, &mut self.stream) {
            let left = usize::try_from(until.saturating_sub(self.read_len)).unwrap_or(usize::MAX);
            // Behind the last byte there may be an end.
            if left == 0 && look(stream) != Sight::End {
                break;
            }
            match stream.read(&mut bytes[..left.clamp(1, READ_BYTES)]) {
                Ok(0) => {
                    self.is_over = true;
                    said.extend(self.rest());
                    said.push(Said::End);
                }
                Ok(len) => {
                    self.read_len += u64::try_from(len).unwrap_or(u64::MAX);
                    self.partial.extend(&bytes[..len]);
                    while let Some(record) = first_record(&mut self.partial) {
                        said.push(Said::Message(record));
                    }
                }
                Err(why) if matches!(why.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    return Err(format!(
                        "wait for what was said on a connection: nothing for {PATIENCE:?}"
                    ));
                }
                Err(_) => {
                    self.is_over = true;
                    said.extend(self.rest());
                    said.push(Said::Reset);
                }
            }
        }
        Ok(said)
    }

    /// What was said of a message that has no end.
    fn rest(&mut self) -> Option<Said> {
        let rest = mem::take(&mut self.partial);
        (!rest.is_empty()).then_some(Said::Message(rest))
    }

    /// Whoever has gone hears nothing.
    fn take(&mut self, said: Said) {
        let Some(stream) = &mut self.stream else { return };
        match said {
            Said::Message(bytes) => {
                if stream.write_all(&bytes).is_ok() {
                    self.carried_len += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                }
            }
            Said::End => {
                self.is_told_end = true;
                let _ = stream.shutdown(Shutdown::Write);
            }
            Said::Reset => {
                self.is_told_end = true;
                // It is closed when it is dropped, and with this it is reset.
                let _ = SockRef::from(&*stream).set_linger(Some(Duration::ZERO));
                self.stream = None;
            }
        }
    }
}

/// What a read would find.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// It would wait.
    Nothing,
    Bytes,
    /// The end, or a reset.
    End,
}

fn look(stream: &TcpStream) -> Sight {
    let looked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0]));
    // A read that waits no more would find nothing, which is told as silence.
    let set_back = stream.set_nonblocking(false);
    match looked.and_then(|len| set_back.map(|()| len)) {
        Err(why) if why.kind() == io::ErrorKind::WouldBlock => Sight::Nothing,
        Ok(0) | Err(_) => Sight::End,
        Ok(_) => Sight::Bytes,
    }
}

/// Takes the first record away, if it is whole.
fn first_record(bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let &[_, _, _, high, low] = bytes.first_chunk::<RECORD_HEADER_BYTES>()?;
    let len = RECORD_HEADER_BYTES + usize::from(u16::from_be_bytes([high, low]));
    (bytes.len() >= len).then(|| bytes.drain(..len).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device, a courier and a station.
    fn three() -> (TcpStream, Courier, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let mut station = None;
        let courier = Courier::between(
            Ipv4Addr::new(127, 0, 0, 9).into(),
            listener.local_addr().expect("it has one"),
            |at| {
                station = TcpStream::connect(at).ok();
                Ok(true)
            },
        );
        let courier = courier.expect("it connects").expect("somebody listens");
        let (device, from) = listener.accept().expect("it has connected");
        assert_eq!(from, courier.local);
        (device, courier, station.expect("it has connected"))
    }

    fn record(bytes: &[u8]) -> Vec<u8> {
        [&[22, 3, 3, 0, u8::try_from(bytes.len()).expect("short")], bytes].concat()
    }

    #[test]
    fn messages_are_carried_one_by_one_and_in_their_order() {
        let (mut device, mut courier, mut station) = three();
        let said = [record(b"one"), record(b"two"), record(b"three")].concat();
        device.write_all(&said).expect("it is taken");
        // The last byte is still on its way.
        let len = u64::try_from(said.len()).expect("short");
        courier.hear_device(Some(len - 1)).expect("it came");
        assert!(courier.carry(1));
        assert_eq!((courier.messages, courier.heard_by_station()), (1, Some(8)));
        assert!(courier.carry(u32::MAX));
        assert_eq!(courier.messages, 2, "the third is not whole");
        assert!(!courier.carry(u32::MAX));
        courier.hear_device(Some(len)).expect("it came");
        assert!(courier.carry(u32::MAX));
        let mut heard = vec![0; said.len()];
        station.read_exact(&mut heard).expect("it came");
        assert_eq!(heard, said);
        drop(station);
        courier.hear_station(None).expect("it has gone");
        assert!(courier.carry(u32::MAX));
        assert_eq!(device.read(&mut [0]).expect("an end"), 0);
    }

    #[test]
    fn an_end_is_found_behind_the_last_byte_and_a_reset_is_one() {
        let (mut device, mut courier, mut station) = three();
        device.write_all(&record(b"bye")).expect("it is taken");
        device.shutdown(Shutdown::Write).expect("it is ours");
        courier.hear_device(Some(8)).expect("it came");
        assert!(courier.carry(u32::MAX));
        let mut heard = Vec::new();
        station.read_to_end(&mut heard).expect("an end");
        assert_eq!((heard, courier.heard_by_station()), (record(b"bye"), None));
        courier.reset();
        let why = device.read(&mut [0]).expect_err("it was reset").kind();
        assert_eq!(why, io::ErrorKind::ConnectionReset);
    }
}
