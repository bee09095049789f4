//! A cable in the hand of the runner, between somebody's program and the device: two real connections, and between them
//! a link of the simulation, on the clock of the device. The device sees the caller's own address, with another port.
//! Looks into no byte.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use machine::Instant as Virtual;
use sim::{Arrival, Link, LinkSettings, Side};
use socket2::{Domain, SockRef, Socket, Type};

use super::device::TURN;

/// How long bytes may be on their way between two programs, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of a segment between cable and device. The system holds no more than some of them for one who does not read.
const SEGMENT_BYTES: u32 = 536;
/// What the system keeps for the cable that the cable has not read.
const UNREAD_BYTES: usize = 1024;

/// One end of a cable: the socket, and how far it is.
pub(super) struct End {
    /// `None` once it is reset, or shut in both directions.
    stream: Option<TcpStream>,
    /// Bytes read from it.
    pub(super) taken: u64,
    /// Bytes written to it.
    pub(super) given: u64,
    /// Nothing more comes from it.
    pub(super) has_ended: bool,
    /// It was told that nothing more comes.
    is_told: bool,
}

impl End {
    pub(super) const fn new(stream: TcpStream) -> Self {
        Self {
            stream: Some(stream),
            taken: 0,
            given: 0,
            has_ended: false,
            is_told: false,
        }
    }

    /// What there is, the end included; `None` if there is nothing.
    pub(super) fn take(&mut self) -> Option<Arrival> {
        let mut bytes = [0; 16_384];
        let stream = self.stream.as_mut().filter(|_| !self.has_ended)?;
        match stream.read(&mut bytes) {
            Ok(0) => {
                self.has_ended = true;
                Some(Arrival::Finished)
            }
            Ok(len) => {
                self.taken += u64::try_from(len).unwrap_or(u64::MAX);
                Some(Arrival::Bytes(bytes[..len].to_vec()))
            }
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => None,
            Err(_) => {
                self.has_ended = true;
                Some(Arrival::Reset)
            }
        }
    }

    /// Gives what has arrived. An end that is gone takes nothing, and its other end is told when it reads.
    pub(super) fn give(&mut self, arrival: &Arrival) -> Result<(), String> {
        match arrival {
            Arrival::Bytes(bytes) => self.write(bytes),
            Arrival::Finished => {
                self.is_told = true;
                if let Some(stream) = &self.stream {
                    // It may have gone first.
                    let _ = stream.shutdown(Shutdown::Write);
                }
                Ok(())
            }
            Arrival::Reset => {
                self.is_told = true;
                self.has_ended = true;
                if let Some(stream) = self.stream.take() {
                    let reset = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                    reset.map_err(|why| format!("reset a connection: {why}"))?;
                }
                Ok(())
            }
        }
    }

    fn write(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        let give_up = Instant::now() + PATIENCE;
        while let (Some(stream), false) = (&mut self.stream, bytes.is_empty()) {
            match stream.write(bytes) {
                Ok(len) => {
                    self.given += u64::try_from(len).unwrap_or(u64::MAX);
                    bytes = &bytes[len..];
                }
                Err(why) if why.kind() == io::ErrorKind::WouldBlock && Instant::now() < give_up => {
                    thread::sleep(TURN);
                }
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => {
                    return Err("somebody who reads what a cable carries".into());
                }
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }
}

/// Where the programs connect that a cable carries on.
pub(super) struct Cables {
    /// How connections are carried that are opened from now on.
    pub(super) settings: LinkSettings,
    carried: Vec<Cable>,
}

/// One connection that is carried.
pub(super) struct Cable {
    /// Of whoever has called, and of the device.
    near: End,
    far: End,
    /// What the device takes for the caller's own end.
    local: SocketAddr,
    link: Link,
    /// Nothing is carried any more, and nobody is told.
    is_cut: bool,
    /// What the device says is left where it is.
    is_held: bool,
}

impl Cables {
    pub(super) fn new() -> Self {
        Self {
            settings: LinkSettings::default(),
            carried: Vec::new(),
        }
    }

    /// A port for one caller.
    pub(super) fn listen() -> Result<(TcpListener, SocketAddr), String> {
        let failed = |why: io::Error| format!("listen for a cable: {why}");
        let listener = TcpListener::bind((IpAddr::from([127, 0, 0, 1]), 0)).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok((listener, address))
    }

    /// Carries the connection of whoever has called there on to the device, from the same address; the own end of it.
    pub(super) fn carry_on(
        &mut self,
        listener: &TcpListener,
        device: SocketAddr,
    ) -> Result<SocketAddr, String> {
        let failed = |why: io::Error| format!("carry a connection on to {device}: {why}");
        let (near, caller) = listener.accept().map_err(failed)?;
        let far = Socket::new(Domain::IPV4, Type::STREAM, None).map_err(failed)?;
        far.bind(&SocketAddr::new(caller.ip(), 0).into())
            .map_err(failed)?;
        far.set_tcp_mss(SEGMENT_BYTES).map_err(failed)?;
        far.set_recv_buffer_size(UNREAD_BYTES).map_err(failed)?;
        far.connect(&device.into()).map_err(failed)?;
        let far = TcpStream::from(far);
        for stream in [&near, &far] {
            stream.set_nodelay(true).map_err(failed)?;
            stream.set_nonblocking(true).map_err(failed)?;
        }
        let local = far.local_addr().map_err(failed)?;
        self.carried.push(Cable {
            near: End::new(near),
            far: End::new(far),
            local,
            link: Link::new(self.settings),
            is_cut: false,
            is_held: false,
        });
        Ok(local)
    }

    /// The one whose end the device knows by this address.
    pub(super) fn of(&mut self, local: SocketAddr) -> Option<&mut Cable> {
        self.carried.iter_mut().find(|cable| cable.local == local)
    }

    /// Carries what there is on all of them.
    pub(super) fn carry(&mut self, now: Virtual) -> Result<(), String> {
        self.carried
            .iter_mut()
            .try_for_each(|cable| cable.carry(now).map(drop))
    }

    /// When something arrives next at an end of one.
    pub(super) fn next_at(&self) -> Option<Virtual> {
        let carrying = self.carried.iter().filter(|cable| !cable.is_cut);
        carrying.filter_map(|cable| cable.link.next_at()).min()
    }

    /// How far they are: bytes that were given, and ends that were told of the other one's.
    pub(super) fn position(&self) -> Vec<(bool, u64, u64)> {
        let ends = self.carried.iter().flat_map(|cable| [&cable.near, &cable.far]);
        ends.map(|end| (end.is_told, end.taken, end.given)).collect()
    }
}

impl Cable {
    /// Nothing arrives any more in either direction.
    pub(super) const fn cut(&mut self) {
        self.is_cut = true;
    }

    /// Whether what the device says is left where it is.
    pub(super) const fn hold(&mut self, is_held: bool) {
        self.is_held = is_held;
    }

    /// What the caller can have heard so far: so many bytes, or, with `None`, the end.
    pub(super) fn heard(&self) -> Option<u64> {
        (!self.near.is_told).then_some(self.near.given)
    }

    /// Bytes that the device can have read so far.
    pub(super) const fn said(&self) -> u64 {
        self.far.given
    }

    /// Whether only time brings what is on its way, or nothing does.
    pub(super) fn waits(&self, now: Virtual) -> bool {
        self.is_cut || self.link.next_at().is_some_and(|at| at > now)
    }

    /// Carries until so many bytes of the device, or all to its end, and so many of the caller were taken, and what is
    /// due at this instant has arrived.
    pub(super) fn carry_until(&mut self, now: Virtual, said: Option<u64>, heard: u64) -> Result<(), String> {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let is_carried = self.carry(now)?;
            let is_far =
                self.is_held || self.far.has_ended || said.is_some_and(|said| self.far.taken >= said);
            let is_near = self.near.has_ended || self.near.taken >= heard;
            if self.is_cut || (is_far && is_near && !is_carried) {
                return Ok(());
            }
            if Instant::now() > give_up {
                let taken = (self.far.taken, self.near.taken);
                return Err(format!(
                    "carried {taken:?} bytes of {said:?} and {heard} that were said"
                ));
            }
            if !is_carried {
                thread::sleep(TURN);
            }
        }
    }

    /// Carries what there is; whether there was something.
    fn carry(&mut self, now: Virtual) -> Result<bool, String> {
        if self.is_cut {
            return Ok(false);
        }
        let mut is_carried = false;
        for side in [Side::Client, Side::Server] {
            while let Some(arrival) = self.take(side) {
                is_carried = true;
                match arrival {
                    Arrival::Bytes(bytes) => self.link.send(now, side, bytes),
                    Arrival::Finished => self.link.finish(now, side),
                    Arrival::Reset => self.link.reset(now, side),
                }
            }
        }
        while let Some((side, arrival)) = self.link.poll(now) {
            is_carried = true;
            match side {
                Side::Client => self.near.give(&arrival)?,
                Side::Server => self.far.give(&arrival)?,
            }
        }
        Ok(is_carried)
    }

    fn take(&mut self, side: Side) -> Option<Arrival> {
        match side {
            Side::Client => self.near.take(),
            Side::Server if self.is_held => None,
            Side::Server => self.far.take(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A caller, the cable, and the end that the device has.
    fn carried(settings: LinkSettings) -> (TcpStream, Cables, SocketAddr, TcpStream) {
        let device = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = device.local_addr().expect("it listens");
        let mut cables = Cables::new();
        cables.settings = settings;
        let (listener, near) = Cables::listen().expect("a port is free");
        let caller = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there are sockets");
        let from: SocketAddr = "127.3.2.1:0".parse().expect("it is an address");
        caller.bind(&from.into()).expect("it is loopback");
        caller.connect(&near.into()).expect("it listens");
        let local = cables.carry_on(&listener, address).expect("it listens");
        let (end, peer) = device.accept().expect("the cable has called");
        assert_eq!(peer, local);
        assert_eq!(local.ip(), from.ip(), "the caller's own address");
        end.set_nonblocking(true).expect("it is a socket");
        (caller.into(), cables, local, end)
    }

    fn read(mut end: &TcpStream) -> Option<Vec<u8>> {
        let mut bytes = [0; 64];
        end.read(&mut bytes).ok().map(|len| bytes[..len].to_vec())
    }

    #[test]
    fn what_is_said_takes_its_time_on_the_clock_of_the_device() {
        let delay = Duration::from_millis(40);
        let settings = LinkSettings {
            delay,
            ..LinkSettings::default()
        };
        let (mut caller, mut cables, local, end) = carried(settings);
        caller.write_all(b"hello").expect("somebody is there");
        let cable = cables.of(local).expect("it is carried");
        cable
            .carry_until(Virtual::POWER_ON, Some(0), 5)
            .expect("it was said");
        assert!(cable.waits(Virtual::POWER_ON));
        assert_eq!((cable.said(), read(&end)), (0, None));
        let arrival = cables.next_at().expect("it is on its way");
        assert_eq!(arrival, Virtual::POWER_ON + delay);
        cables.carry(arrival).expect("the device reads");
        let cable = cables.of(local).expect("it is carried");
        assert!(!cable.waits(arrival));
        assert_eq!((cable.said(), read(&end)), (5, Some(b"hello".to_vec())));
    }

    #[test]
    fn a_cut_cable_carries_nothing_and_tells_nobody() {
        let (mut caller, mut cables, local, end) = carried(LinkSettings::default());
        cables.of(local).expect("it is carried").cut();
        caller.write_all(b"hello").expect("somebody is there");
        drop(caller);
        let cable = cables.of(local).expect("it is carried");
        cable
            .carry_until(Virtual::POWER_ON, None, 5)
            .expect("nobody waits for a cut cable");
        assert_eq!((cable.said(), cable.heard()), (0, Some(0)));
        assert_eq!(read(&end), None, "neither bytes nor an end");
    }

    #[test]
    fn whoever_reads_nothing_leaves_it_where_it_is_and_hears_it_later_with_the_end() {
        let (caller, mut cables, local, mut end) = carried(LinkSettings::default());
        caller.set_nonblocking(true).expect("it is a socket");
        let cable = cables.of(local).expect("it is carried");
        cable.hold(true);
        end.write_all(b"slow").expect("somebody is there");
        end.shutdown(Shutdown::Write).expect("it is open");
        cable
            .carry_until(Virtual::POWER_ON, None, 0)
            .expect("nobody waits for one who does not read");
        assert_eq!((cable.heard(), read(&caller)), (Some(0), None));
        cable.hold(false);
        cable
            .carry_until(Virtual::POWER_ON, None, 0)
            .expect("it was said");
        assert_eq!(cable.heard(), None, "the end was told");
        assert_eq!(
            [read(&caller), read(&caller)],
            [Some(b"slow".to_vec()), Some(Vec::new())]
        );
    }
}
