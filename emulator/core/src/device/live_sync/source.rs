//! The side that has the database: it sends nothing before the other side has proved itself, and an image of one moment
//! then, while it goes on serving. The store holds the image; here is one chunk of it at a time.

use core::net::SocketAddr;
use std::collections::VecDeque;

use machine::{Cx, Timer};
use protocol::ServiceState;

use super::{ConnectionId, Device, Errand, Output};
use crate::{
    Event, Fetched, ObjectId, Objects, Query,
    device::Errand as AnyErrand,
    live_sync::{
        BINDING_BYTES, CHUNK_BYTES, CHUNKS_ON_THE_WAY_MAX, Challenge, Hello, IMAGE_FORMAT, ImageBegin,
        ImageEnd, ImageHead, Message, NONCE_BYTES, Proofs, Row, SYNC_PEERS_MAX, SYNC_SILENCE, StreamMac,
        SyncRefusal, VERSION, encode_row,
    },
};

/// Somebody who asks for the database, and how far that is.
#[derive(Clone, Debug)]
pub(super) struct Source {
    peer: SocketAddr,
    step: SourceStep,
    pub(super) silence: Timer,
}

#[derive(Clone, Debug)]
enum SourceStep {
    ExpectHello {
        binding: [u8; BINDING_BYTES],
    },
    ExpectProof {
        proofs: Proofs,
    },
    /// The store makes the image.
    Opening {
        image: u64,
        mac: StreamMac,
        rows: VecDeque<Row>,
        users: u32,
    },
    Sending(Box<Sending>),
    /// Everything is sent; the other side makes it durable.
    ExpectDone {
        objects: u64,
    },
}

#[derive(Clone, Debug)]
struct Sending {
    image: u64,
    mac: StreamMac,
    /// Rows that do not come from the store: configuration and users.
    rows: VecDeque<Row>,
    objects: Objects,
    sent: Objects,
    after: Option<ObjectId>,
    more: bool,
    is_fetching: bool,
    chunks: u64,
    taken: u64,
    bytes: u64,
}

impl Source {
    fn is_proved(&self) -> bool {
        match self.step {
            SourceStep::ExpectHello { .. } | SourceStep::ExpectProof { .. } => false,
            SourceStep::Opening { .. } | SourceStep::Sending(_) | SourceStep::ExpectDone { .. } => true,
        }
    }

    fn image(&self) -> Option<u64> {
        match &self.step {
            SourceStep::Opening { image, .. } => Some(*image),
            SourceStep::Sending(sending) => Some(sending.image),
            SourceStep::ExpectHello { .. }
            | SourceStep::ExpectProof { .. }
            | SourceStep::ExpectDone { .. } => None,
        }
    }

    /// How much of the database is sent.
    pub(super) fn percent(&self) -> Option<u8> {
        match &self.step {
            SourceStep::ExpectHello { .. } | SourceStep::ExpectProof { .. } => None,
            SourceStep::Opening { .. } => Some(0),
            SourceStep::Sending(sending) => {
                let percent = sending.sent.bytes.saturating_mul(100) / sending.objects.bytes.max(1);
                Some(u8::try_from(percent).map_or(100, |percent| percent.min(100)))
            }
            SourceStep::ExpectDone { .. } => Some(100),
        }
    }
}

impl Device {
    pub(super) fn on_source_arrived(
        &mut self,
        cx: &Cx<'_>,
        connection: ConnectionId,
        peer: SocketAddr,
        binding: [u8; BINDING_BYTES],
    ) {
        // Strangers are many; whoever has proved nothing makes room for the next.
        let strangers = self.live_sync.sources.iter();
        let mut strangers = strangers.filter(|(_, source)| !source.is_proved());
        if let Some((oldest, _)) = strangers.next()
            && strangers.count() + 1 >= SYNC_PEERS_MAX
        {
            let oldest = *oldest;
            self.end_source(cx, oldest, SyncRefusal::Busy, true);
        }
        let source = Source {
            peer,
            step: SourceStep::ExpectHello { binding },
            silence: Timer::at(cx.now + SYNC_SILENCE),
        };
        self.live_sync.sources.insert(connection, source);
    }

    pub(super) fn on_source_message(&mut self, cx: &mut Cx<'_>, connection: ConnectionId, message: Message) {
        let Some(source) = self.live_sync.sources.get_mut(&connection) else {
            return;
        };
        source.silence.set(cx.now + SYNC_SILENCE);
        let done = match (&mut source.step, message) {
            (_, Message::Refuse(why)) => return self.end_source(cx, connection, why, false),
            (SourceStep::ExpectHello { binding }, Message::Hello(hello)) => {
                let binding = *binding;
                self.on_hello(cx, connection, &binding, &hello)
            }
            (SourceStep::ExpectProof { proofs }, Message::Proof(proof)) => {
                let proofs = proofs.clone();
                if proofs.is_of_target(&proof) {
                    self.on_proved(cx, connection, &proofs)
                } else {
                    Err(SyncRefusal::Key)
                }
            }
            (SourceStep::Sending(sending), Message::Taken(taken)) => {
                if taken > sending.taken && taken <= sending.chunks {
                    sending.taken = taken;
                    self.pump(connection);
                    Ok(())
                } else {
                    Err(SyncRefusal::Protocol)
                }
            }
            // The last chunks are taken after everything was sent.
            (SourceStep::ExpectDone { .. }, Message::Taken(_)) => Ok(()),
            (SourceStep::ExpectDone { objects }, Message::Done) => {
                let (peer, objects) = (source.peer, *objects);
                self.live_sync.sources.remove(&connection);
                self.outputs.push_back(Output::End { connection });
                self.tell(cx, Event::LiveSyncSent { peer, objects });
                Ok(())
            }
            _ => Err(SyncRefusal::Protocol),
        };
        if let Err(why) = done {
            self.end_source(cx, connection, why, true);
        }
    }

    //= LS-01
    fn on_hello(
        &mut self,
        cx: &mut Cx<'_>,
        connection: ConnectionId,
        binding: &[u8; BINDING_BYTES],
        hello: &Hello,
    ) -> Result<(), SyncRefusal> {
        if hello.version != VERSION {
            return Err(SyncRefusal::Version);
        }
        let target = self.live_sync.target.as_ref();
        if target.is_some_and(|target| target.hello.nonce == hello.nonce) {
            return Err(SyncRefusal::Itself);
        }
        if self.service() == ServiceState::Stopped {
            return Err(SyncRefusal::ServiceStopped);
        }
        if hello.mode != self.stored.mode {
            return Err(SyncRefusal::Mode);
        }
        let key = self.key.as_ref().ok_or(SyncRefusal::ServiceStopped)?;
        let mut nonce = [0; NONCE_BYTES];
        cx.rng.fill_bytes(&mut nonce);
        let challenge = Message::Challenge(Challenge {
            version: VERSION,
            format: IMAGE_FORMAT,
            mode: self.stored.mode,
            nonce,
        });
        let hello = Message::Hello(hello.clone()).to_frame();
        let proofs = Proofs::new(key, binding, &hello, &challenge.to_frame());
        self.set_step(connection, SourceStep::ExpectProof { proofs });
        self.send_sync(connection, &challenge);
        Ok(())
    }

    /// The other side has the same key. Now this one proves it, and makes an image.
    fn on_proved(
        &mut self,
        cx: &Cx<'_>,
        connection: ConnectionId,
        proofs: &Proofs,
    ) -> Result<(), SyncRefusal> {
        let proved = self
            .live_sync
            .sources
            .values()
            .filter(|source| source.is_proved());
        if proved.count() >= SYNC_PEERS_MAX {
            return Err(SyncRefusal::Busy);
        }
        self.send_sync(connection, &Message::Proof(proofs.of_source()));
        let image = self.live_sync.next_image;
        self.live_sync.next_image += 1;
        // What the device knows and what the store holds are of one moment: the store reads after every write before.
        let head = ImageHead {
            replication_domain: self.stored.replication_domain.clone(),
            nodes: self.stored.nodes.clone(),
            ntp: self.network().ntp.clone(),
            password_policy: self.stored.password_policy,
        };
        let users = u32::try_from(self.stored.sealed_users.len()).expect("they have their limit");
        let mut rows = VecDeque::from([Row::Head(Box::new(head))]);
        let stored = self.stored.sealed_users.iter();
        rows.extend(stored.map(|(id, sealed)| Row::User(*id, sealed.clone())));
        let step = SourceStep::Opening {
            image,
            mac: proofs.stream(),
            rows,
            users,
        };
        self.set_step(connection, step);
        if let Some(source) = self.live_sync.sources.get(&connection) {
            let peer = source.peer;
            self.tell(cx, Event::LiveSyncSending { peer });
        }
        self.fetch(
            Query::OpenImage(image),
            AnyErrand::Sync(Errand::Source(connection)),
        );
        Ok(())
    }

    fn set_step(&mut self, connection: ConnectionId, step: SourceStep) {
        if let Some(source) = self.live_sync.sources.get_mut(&connection) {
            source.step = step;
        }
    }

    pub(super) fn on_source_fetched(&mut self, cx: &Cx<'_>, connection: ConnectionId, fetched: Fetched) {
        let Some(source) = self.live_sync.sources.get_mut(&connection) else {
            return;
        };
        source.silence.set(cx.now + SYNC_SILENCE);
        match (&mut source.step, fetched) {
            (
                SourceStep::Opening {
                    image,
                    mac,
                    rows,
                    users,
                },
                Fetched::Image(objects),
            ) => {
                let begin = Message::ImageBegin(ImageBegin {
                    format: IMAGE_FORMAT,
                    users: *users,
                    objects,
                });
                source.step = SourceStep::Sending(Box::new(Sending {
                    image: *image,
                    mac: mac.clone(),
                    rows: core::mem::take(rows),
                    objects,
                    sent: Objects::default(),
                    after: None,
                    more: true,
                    is_fetching: false,
                    chunks: 0,
                    taken: 0,
                    bytes: 0,
                }));
                self.send_sync(connection, &begin);
            }
            (SourceStep::Sending(sending), Fetched::Page { objects, more }) => {
                sending.is_fetching = false;
                sending.more = more;
                let mut chunk = Vec::with_capacity(CHUNK_BYTES);
                for (id, sealed) in objects {
                    sending.after = Some(id);
                    sending.sent.count += 1;
                    sending.sent.bytes += sealed.stored_bytes();
                    encode_row(&mut chunk, &Row::Object(id, sealed));
                }
                self.send_chunk(connection, chunk);
            }
            _ => unreachable!("the store answers what it was asked"),
        }
        self.pump(connection);
    }

    fn send_chunk(&mut self, connection: ConnectionId, chunk: Vec<u8>) {
        let Some(source) = self.live_sync.sources.get_mut(&connection) else {
            return;
        };
        if let SourceStep::Sending(sending) = &mut source.step
            && !chunk.is_empty()
        {
            sending.chunks += 1;
            sending.bytes += u64::try_from(chunk.len()).expect("a chunk has its limit");
            sending.mac.update(&chunk);
            self.send_sync(connection, &Message::Chunk(chunk));
        }
    }

    /// Sends as much as may be on its way, and fetches the next of it.
    fn pump(&mut self, connection: ConnectionId) {
        loop {
            let Some(source) = self.live_sync.sources.get_mut(&connection) else {
                return;
            };
            let SourceStep::Sending(sending) = &mut source.step else {
                return;
            };
            let on_the_way = sending.chunks - sending.taken;
            let is_full = on_the_way >= u64::try_from(CHUNKS_ON_THE_WAY_MAX).unwrap_or(u64::MAX);
            if is_full || sending.is_fetching {
                return;
            }
            if !sending.rows.is_empty() {
                let mut chunk = Vec::new();
                while chunk.len() < CHUNK_BYTES / 2
                    && let Some(row) = sending.rows.pop_front()
                {
                    encode_row(&mut chunk, &row);
                }
                self.send_chunk(connection, chunk);
                continue;
            }
            let image = sending.image;
            if sending.more {
                sending.is_fetching = true;
                let query = Query::ImagePage {
                    image,
                    after: sending.after,
                    bytes_max: CHUNK_BYTES,
                };
                self.fetch(query, AnyErrand::Sync(Errand::Source(connection)));
                return;
            }
            let end = Message::ImageEnd(ImageEnd {
                chunks: sending.chunks,
                bytes: sending.bytes,
                seal: sending.mac.clone().finish(),
            });
            source.step = SourceStep::ExpectDone {
                objects: sending.objects.count,
            };
            self.send_sync(connection, &end);
            self.outputs.push_back(Output::CloseImage(image));
            return;
        }
    }

    /// It came to nothing.
    pub(super) fn end_source(
        &mut self,
        cx: &Cx<'_>,
        connection: ConnectionId,
        why: SyncRefusal,
        is_ours: bool,
    ) {
        let Some(source) = self.live_sync.sources.remove(&connection) else {
            return;
        };
        if let Some(image) = source.image() {
            self.outputs.push_back(Output::CloseImage(image));
        }
        let is_theirs =
            |errand: &AnyErrand| matches!(errand, AnyErrand::Sync(Errand::Source(of)) if *of == connection);
        self.errands.retain(|_, errand| !is_theirs(errand));
        if is_ours {
            self.send_sync(connection, &Message::Refuse(why));
        }
        self.outputs.push_back(Output::End { connection });
        self.tell_not_sent(cx, source.peer, why);
    }
}
