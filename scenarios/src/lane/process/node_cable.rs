//! A cable between the first HSM and another one, in the hand of the runner: it carries whole records of TLS and counts
//! them, and carries nothing more after the one at which it is cut. Decrypts nothing.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
};

use hsm_bench::{Connection, Phase};
use sim::Arrival;
use socket2::{Domain, Socket, Type};

use super::cable::End;
use crate::world::{CableCut, CutWhat};

/// Bytes before the payload of a record: its type, its version, and how long it is.
const RECORD_HEADER_LEN: usize = 5;

/// Where the first HSM finds another one, and the calls so far.
pub(super) struct NodeCable {
    listener: TcpListener,
    /// Where it listens, in the other one's place.
    pub(super) address: SocketAddr,
    /// Where the other one is.
    onward: SocketAddr,
    calls: Vec<Call>,
    /// Records and ends that have arrived since a cut was asked for.
    messages: u32,
    cut: Option<CableCut>,
}

/// One call: the end of the first HSM, and that of the other one.
struct Call {
    ends: [End; 2],
    /// What was read from each and is no whole record yet.
    unfinished: [Vec<u8>; 2],
    /// What the other one takes for the caller's own end.
    local: SocketAddr,
    /// The number that the first HSM has given to it, once that was seen.
    number: Option<u64>,
    is_cut: bool,
}

impl NodeCable {
    /// Listens there, for calls to somebody who is somewhere else.
    pub(super) fn listen(address: SocketAddr, onward: SocketAddr) -> Result<Self, String> {
        let failed = |why: io::Error| format!("listen at {address}: {why}");
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        Ok(Self {
            listener,
            address,
            onward,
            calls: Vec::new(),
            messages: 0,
            cut: None,
        })
    }

    /// It is cut when so many messages more have arrived.
    pub(super) const fn cut_after(&mut self, cut: CableCut) {
        self.messages = 0;
        self.cut = Some(cut);
    }

    /// Nobody waits for the cut any more; `None` if it has happened.
    pub(super) const fn forget_cut(&mut self) -> Option<CableCut> {
        self.cut.take()
    }

    /// The cut, if it is time for it: the cable carries nothing any more, and whoever was told last has read it.
    pub(super) fn due_cut(&mut self) -> Option<CableCut> {
        let messages = self.messages;
        let due = self.cut.take_if(|cut| messages >= cut.after)?;
        if due.what == CutWhat::First {
            // It will count its connections anew.
            self.calls.iter_mut().for_each(|call| call.number = Some(0));
        }
        Some(due)
    }

    /// Lets in who has called, and carries what there is up to the cut.
    pub(super) fn carry(&mut self) -> Result<(), String> {
        match self.listener.accept() {
            Ok((near, caller)) => self.call(near, caller.ip())?,
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => {}
            Err(why) => return Err(format!("accept a call to {}: {why}", self.address)),
        }
        let left = self.cut.map(|cut| cut.after.saturating_sub(self.messages));
        let mut left = left.unwrap_or(u32::MAX);
        for call in self.calls.iter_mut().filter(|call| !call.is_cut) {
            self.messages += call.carry(&mut left)?;
        }
        if left == 0 {
            self.calls.iter_mut().for_each(|call| call.is_cut = true);
        }
        Ok(())
    }

    fn call(&mut self, near: TcpStream, from: IpAddr) -> Result<(), String> {
        let failed = |why: io::Error| format!("call {}: {why}", self.onward);
        let far = Socket::new(Domain::IPV4, Type::STREAM, None).map_err(failed)?;
        far.bind(&SocketAddr::new(from, 0).into()).map_err(failed)?;
        match far.connect(&self.onward.into()) {
            Ok(()) => {}
            // As whoever has called would have found out at once.
            Err(why) if why.kind() == io::ErrorKind::ConnectionRefused => return Ok(()),
            Err(why) => return Err(failed(why)),
        }
        let far = TcpStream::from(far);
        for stream in [&near, &far] {
            stream.set_nodelay(true).map_err(failed)?;
            stream.set_nonblocking(true).map_err(failed)?;
        }
        let local = far.local_addr().map_err(failed)?;
        self.calls.push(Call {
            ends: [near, far].map(End::new),
            unfinished: [Vec::new(), Vec::new()],
            local,
            number: None,
            is_cut: false,
        });
        Ok(())
    }

    /// Whether all that was said has arrived and was read, as far as the cable carries it. These are the connections
    /// of both HSMs, of which the first calls the other one so.
    pub(super) fn is_settled(&mut self, called: IpAddr, ours: &[Connection], theirs: &[Connection]) -> bool {
        let address = SocketAddr::new(called, 0).to_string();
        let ours = ours.iter().filter(|end| end.peer == address);
        let ours = ours.max_by_key(|end| end.connection);
        let before = self.calls.iter().rev().skip(1).find_map(|call| call.number);
        let Some(call) = self.calls.last_mut() else {
            return ours.is_none();
        };
        let ours = ours.filter(|end| Some(end.connection) > before);
        call.number = call.number.or(ours.map(|end| end.connection));
        if ours.is_some_and(|end| Some(end.connection) != call.number) {
            return false;
        }
        let local = call.local.to_string();
        let theirs = theirs.iter().find(|end| end.peer == local);
        let [near, far] = &call.ends;
        call.is_read(near, ours) && call.is_read(far, theirs)
    }
}

impl Call {
    /// Carries at most so many messages; how many it were.
    fn carry(&mut self, left: &mut u32) -> Result<u32, String> {
        let before = *left;
        for from in [0, 1] {
            let to = 1 - from;
            loop {
                while let Some(len) = record_len(&self.unfinished[from]).filter(|_| *left > 0) {
                    let record = self.unfinished[from].drain(..len).collect();
                    self.ends[to].give(&Arrival::Bytes(record))?;
                    *left -= 1;
                }
                if *left == 0 {
                    return Ok(before);
                }
                match self.ends[from].take() {
                    Some(Arrival::Bytes(bytes)) => self.unfinished[from].extend(bytes),
                    Some(end) => {
                        let rest = std::mem::take(&mut self.unfinished[from]);
                        self.ends[to].give(&Arrival::Bytes(rest))?;
                        self.ends[to].give(&end)?;
                        *left -= 1;
                    }
                    None => break,
                }
            }
        }
        Ok(before - *left)
    }

    /// Whether this end has read what it was given, and, unless the cable is cut, what it has said was taken.
    fn is_read(&self, end: &End, held: Option<&Connection>) -> bool {
        match held {
            Some(held) => {
                (self.is_cut || end.taken >= held.bytes_written)
                    && (held.phase == Phase::End || held.bytes_read >= end.given)
            }
            None => self.is_cut || end.has_ended,
        }
    }
}

/// How long the record is that begins here; `None` if it is not whole.
fn record_len(bytes: &[u8]) -> Option<usize> {
    let [_, _, _, high, low] = *bytes.get(..RECORD_HEADER_LEN)? else {
        return None;
    };
    let len = RECORD_HEADER_LEN + usize::from(u16::from_be_bytes([high, low]));
    (bytes.len() >= len).then_some(len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_as_long_as_it_says() {
        let record = [0x17, 3, 3, 0, 2, 0xAA, 0xBB];
        for len in 0..record.len() {
            assert_eq!(record_len(&record[..len]), None, "{len} bytes of it");
        }
        assert_eq!(record_len(&record), Some(7));
        assert_eq!(record_len(&[&record[..], &record[..3]].concat()), Some(7));
    }
}
