//! The side that takes the database of another node: it asks, proves, is proved to, takes the rows as fast as its store
//! does, and changes nothing before all of them are there and sealed.

use core::net::IpAddr;
use std::collections::BTreeMap;

use machine::{Cx, Timer};
use protocol::DeviceNotification;
use serde_json::json;

use super::{ConnectionId, Device, Errand, ImportStep, Output};
use crate::{
    Change, Event, OBJECTS_MAX, ObjectId, Objects, Operation, SealedObject, USERS_MAX, UserName, Vault,
    device::{Errand as AnyErrand, Promise, operations::Requester, sealed_users::open_users},
    live_sync::{
        BINDING_BYTES, CHUNKS_ON_THE_WAY_MAX, Challenge, Hello, IMAGE_FORMAT, ImageBegin, ImageEnd,
        ImageHead, Message, NONCE_BYTES, PROGRESS_STEP, Proofs, Row, SYNC_SILENCE, StreamMac, SyncRefusal,
        VERSION, rows_of,
    },
    stored::NewDatabase,
};

/// A database that is coming in.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) connection: ConnectionId,
    pub(super) node: IpAddr,
    pub(super) requester: Requester,
    pub(super) hello: Hello,
    pub(super) step: TargetStep,
    pub(super) silence: Timer,
}

/// What is waited for.
#[derive(Clone, Debug)]
pub(super) enum TargetStep {
    Connecting,
    ExpectChallenge {
        binding: [u8; BINDING_BYTES],
    },
    ExpectProof {
        proofs: Proofs,
    },
    ExpectBegin {
        proofs: Proofs,
    },
    Taking(Box<Taking>),
    /// Everything was handed over to the store.
    Committing,
    /// Something else had to be written.
    Lost,
}

/// Rows that are coming.
#[derive(Clone, Debug)]
pub(super) struct Taking {
    begin: ImageBegin,
    mac: StreamMac,
    /// Chunks that came, and those that the store has taken.
    chunks: u64,
    taken: u64,
    bytes: u64,
    head: Option<ImageHead>,
    /// Sealed with the key that both sides have proved.
    users: BTreeMap<ObjectId, SealedObject>,
    last_object: Option<ObjectId>,
    objects: Objects,
    end: Option<ImageEnd>,
    told_percent: u8,
}

impl Taking {
    fn percent(&self) -> u8 {
        let all = self.begin.objects.bytes.max(1);
        u8::try_from(self.objects.bytes.saturating_mul(100) / all).map_or(100, |percent| percent.min(100))
    }

    /// Takes a chunk apart, and hands out its objects.
    fn take(&mut self, chunk: &[u8]) -> Result<Vec<(ObjectId, SealedObject)>, SyncRefusal> {
        let on_the_way = self.chunks - self.taken;
        let is_too_fast = on_the_way >= u64::try_from(CHUNKS_ON_THE_WAY_MAX).unwrap_or(u64::MAX);
        if is_too_fast || self.end.is_some() {
            return Err(SyncRefusal::Protocol);
        }
        self.chunks += 1;
        self.bytes += u64::try_from(chunk.len()).expect("a frame has its limit");
        self.mac.update(chunk);
        let mut objects = Vec::new();
        for row in rows_of(chunk).map_err(|_| SyncRefusal::Damaged)? {
            match row {
                Row::Head(head) => {
                    if self.head.replace(*head).is_some() {
                        return Err(SyncRefusal::Protocol);
                    }
                }
                Row::User(id, sealed) => {
                    if self.users.len() >= USERS_MAX || self.users.insert(id, sealed).is_some() {
                        return Err(SyncRefusal::Protocol);
                    }
                }
                Row::Object(id, sealed) => {
                    if self.last_object.is_some_and(|last| last >= id) {
                        return Err(SyncRefusal::Protocol);
                    }
                    self.last_object = Some(id);
                    self.objects.count += 1;
                    self.objects.bytes += sealed.stored_bytes();
                    // What was announced was found small enough.
                    if self.objects.count > self.begin.objects.count
                        || self.objects.bytes > self.begin.objects.bytes
                    {
                        return Err(SyncRefusal::Damaged);
                    }
                    objects.push((id, sealed));
                }
            }
        }
        Ok(objects)
    }

    /// Whether what came is what was announced and sealed.
    fn is_whole(&self, end: &ImageEnd) -> bool {
        let users = u32::try_from(self.users.len()).expect("they have their limit");
        self.mac.clone().finish() == end.seal
            && (self.chunks, self.bytes) == (end.chunks, end.bytes)
            && (users, self.objects) == (self.begin.users, self.begin.objects)
            && self.head.is_some()
    }
}

impl Target {
    pub(super) fn percent(&self) -> u8 {
        match &self.step {
            TargetStep::Taking(taking) => taking.percent(),
            TargetStep::Committing => 100,
            TargetStep::Connecting
            | TargetStep::ExpectChallenge { .. }
            | TargetStep::ExpectProof { .. }
            | TargetStep::ExpectBegin { .. }
            | TargetStep::Lost => 0,
        }
    }
}

impl Device {
    //= OP-05
    pub(in crate::device) fn begin_sync(&mut self, cx: &mut Cx<'_>, requester: Requester, node: IpAddr) {
        let mut nonce = [0; NONCE_BYTES];
        cx.rng.fill_bytes(&mut nonce);
        let connection = self.live_sync.new_connection();
        let hello = Hello {
            version: VERSION,
            mode: self.stored.mode,
            nonce,
        };
        self.live_sync.target = Some(Target {
            connection,
            node,
            requester,
            hello,
            step: TargetStep::Connecting,
            silence: Timer::at(cx.now + SYNC_SILENCE),
        });
        self.tell(cx, Event::LiveSyncBegun { node });
        self.outputs.push_back(Output::Connect { connection, node });
        self.tell_progress(0, format!("connecting to {node}"));
    }

    pub(super) fn on_target_connected(&mut self, cx: &Cx<'_>, binding: [u8; BINDING_BYTES]) {
        let Some(target) = &mut self.live_sync.target else {
            return;
        };
        target.step = TargetStep::ExpectChallenge { binding };
        target.silence.set(cx.now + SYNC_SILENCE);
        let (connection, hello) = (target.connection, Message::Hello(target.hello.clone()));
        self.send_sync(connection, &hello);
    }

    pub(super) fn on_target_message(&mut self, cx: &Cx<'_>, message: Message) {
        let Some(target) = &mut self.live_sync.target else {
            return;
        };
        target.silence.set(cx.now + SYNC_SILENCE);
        let step = core::mem::replace(&mut target.step, TargetStep::Lost);
        let is_taking = matches!(step, TargetStep::Taking(_));
        let gone_on = match (step, message) {
            // Too late for words.
            (TargetStep::Committing, _) => Ok(TargetStep::Committing),
            (_, Message::Refuse(why)) => {
                if is_taking {
                    self.abort_import();
                }
                return self.end_target(cx, why, false);
            }
            (TargetStep::ExpectChallenge { binding }, Message::Challenge(challenge)) => {
                self.on_challenge(&binding, &challenge)
            }
            (TargetStep::ExpectProof { proofs }, Message::Proof(proof)) => {
                if proofs.is_of_source(&proof) {
                    Ok(TargetStep::ExpectBegin { proofs })
                } else {
                    Err(SyncRefusal::Key)
                }
            }
            (TargetStep::ExpectBegin { proofs }, Message::ImageBegin(begin)) => {
                self.on_image_begin(&proofs, begin)
            }
            (TargetStep::Taking(mut taking), Message::Chunk(chunk)) => match taking.take(&chunk) {
                Ok(rows) => {
                    self.import(ImportStep::Rows(rows));
                    Ok(TargetStep::Taking(taking))
                }
                Err(why) => Err(why),
            },
            (TargetStep::Taking(mut taking), Message::ImageEnd(end)) => {
                if taking.end.is_none() && taking.is_whole(&end) {
                    taking.end = Some(end);
                    Ok(TargetStep::Taking(taking))
                } else {
                    Err(SyncRefusal::Damaged)
                }
            }
            _ => Err(SyncRefusal::Protocol),
        };
        match gone_on {
            Ok(step) => {
                if let Some(target) = &mut self.live_sync.target {
                    target.step = step;
                }
                self.commit_if_whole(cx);
            }
            Err(why) => {
                if is_taking {
                    self.abort_import();
                }
                self.end_target(cx, why, true);
            }
        }
    }

    fn on_challenge(
        &mut self,
        binding: &[u8; BINDING_BYTES],
        challenge: &Challenge,
    ) -> Result<TargetStep, SyncRefusal> {
        if challenge.version != VERSION {
            return Err(SyncRefusal::Version);
        }
        if challenge.format != IMAGE_FORMAT {
            return Err(SyncRefusal::Format);
        }
        //= LS-01
        if challenge.mode != self.stored.mode {
            return Err(SyncRefusal::Mode);
        }
        let target = self.live_sync.target.as_ref().ok_or(SyncRefusal::Abandoned)?;
        let key = self.key.as_ref().ok_or(SyncRefusal::Abandoned)?;
        let hello = Message::Hello(target.hello.clone()).to_frame();
        let challenge = Message::Challenge(challenge.clone()).to_frame();
        let proofs = Proofs::new(key, binding, &hello, &challenge);
        let connection = target.connection;
        self.send_sync(connection, &Message::Proof(proofs.of_target()));
        Ok(TargetStep::ExpectProof { proofs })
    }

    fn on_image_begin(&mut self, proofs: &Proofs, begin: ImageBegin) -> Result<TargetStep, SyncRefusal> {
        if begin.format != IMAGE_FORMAT {
            return Err(SyncRefusal::Format);
        }
        if begin.objects.count > OBJECTS_MAX
            || begin.objects.bytes > self.profile.database_bytes_max
            || usize::try_from(begin.users).is_ok_and(|users| users > USERS_MAX)
        {
            return Err(SyncRefusal::TooLarge);
        }
        self.import(ImportStep::Begin);
        Ok(TargetStep::Taking(Box::new(Taking {
            begin,
            mac: proofs.stream(),
            chunks: 0,
            taken: 0,
            bytes: 0,
            head: None,
            users: BTreeMap::new(),
            last_object: None,
            objects: Objects::default(),
            end: None,
            told_percent: 0,
        })))
    }

    fn import(&mut self, step: ImportStep) {
        // The answer to the beginning counts no chunk.
        let is_begin = step == ImportStep::Begin;
        let errand = if is_begin {
            None
        } else {
            Some(AnyErrand::Sync(Errand::Target))
        };
        let job = errand.map(|errand| self.new_job(errand));
        self.outputs.push_back(Output::Import { job, step });
    }

    /// The store has taken a chunk.
    pub(in crate::device) fn on_imported(&mut self, cx: &Cx<'_>) {
        let Some(target) = &mut self.live_sync.target else {
            return;
        };
        let TargetStep::Taking(taking) = &mut target.step else {
            return;
        };
        taking.taken += 1;
        target.silence.set(cx.now + SYNC_SILENCE);
        let (connection, taken) = (target.connection, taking.taken);
        let percent = taking.percent();
        let is_step = u64::from(percent - taking.told_percent) >= PROGRESS_STEP;
        if is_step {
            taking.told_percent = percent;
        }
        let text = format!(
            "{} of {} objects",
            taking.objects.count, taking.begin.objects.count
        );
        self.send_sync(connection, &Message::Taken(taken));
        if is_step {
            self.tell_progress(percent, text);
        }
        self.commit_if_whole(cx);
    }

    /// Hands the new database over to be made durable in one write, when all of it is there.
    //= LS-03
    fn commit_if_whole(&mut self, cx: &Cx<'_>) {
        let Some(target) = &mut self.live_sync.target else {
            return;
        };
        let TargetStep::Taking(taking) = &mut target.step else {
            return;
        };
        if taking.end.is_none() || taking.taken < taking.chunks {
            return;
        }
        let Some(head) = taking.head.take() else {
            return;
        };
        let (sealed_users, objects) = (core::mem::take(&mut taking.users), taking.objects);
        let (requester, node, connection) = (target.requester, target.node, target.connection);
        let known = self.key.as_ref().map(Vault::of);
        let known = known.and_then(|vault| open_users(&vault, &sealed_users).ok());
        let Some(known) = known.filter(|known| known.contains_key(&UserName::master())) else {
            return self.end_target(cx, SyncRefusal::Damaged, true);
        };
        target.step = TargetStep::Committing;
        target.silence.cancel();
        self.users.known = known;
        //= LS-02
        let mut changes = Vec::new();
        if head.ntp != self.network().ntp {
            let mut network = self.network().clone();
            network.ntp = head.ntp;
            changes.push(Change::Network(Some(network)));
        }
        changes.push(Change::ReplaceDatabase(Box::new(NewDatabase {
            sealed_users,
            objects,
            replication_domain: head.replication_domain,
            nodes: head.nodes,
            password_policy: head.password_policy,
        })));
        let promise = Promise::LiveSync {
            requester,
            node,
            connection,
            objects: objects.count,
        };
        self.commit(changes, promise);
    }

    /// The new database is durable.
    pub(in crate::device) fn on_database_durable(
        &mut self,
        cx: &Cx<'_>,
        requester: Requester,
        node: IpAddr,
        connection: ConnectionId,
        objects: u64,
    ) {
        self.live_sync.target = None;
        self.send_sync(connection, &Message::Done);
        self.outputs.push_back(Output::End { connection });
        self.tell(cx, Event::LiveSyncDone { node, objects });
        self.tell(cx, Event::OperationDone(Operation::LiveSync));
        // Whoever was logged in was a user of another database.
        self.log_everybody_out(cx);
        self.end_operation(
            cx,
            requester,
            Ok(json!({"node": node.to_string(), "objects": objects})),
        );
        self.notify_header();
    }

    /// It came to nothing: the old database is as it was.
    pub(super) fn end_target(&mut self, cx: &Cx<'_>, why: SyncRefusal, is_ours: bool) {
        let is_committing = |target: &mut Target| matches!(target.step, TargetStep::Committing);
        if self.live_sync.target.as_mut().is_some_and(is_committing) {
            // The other side may be gone now; the database is here.
            return;
        }
        let Some(target) = self.live_sync.target.take() else {
            return;
        };
        if let TargetStep::Taking(_) = target.step {
            self.abort_import();
        }
        self.errands
            .retain(|_, errand| !matches!(errand, AnyErrand::Sync(Errand::Target)));
        let connection = target.connection;
        if is_ours {
            self.send_sync(connection, &Message::Refuse(why));
        }
        self.outputs.push_back(Output::End { connection });
        let node = target.node;
        self.tell(cx, Event::LiveSyncFailed { node, why });
        self.end_operation(cx, target.requester, Err(why.to_error()));
    }

    fn abort_import(&mut self) {
        self.outputs.push_back(Output::Import {
            job: None,
            step: ImportStep::Abort,
        });
    }

    /// Something else is to be written: the database that comes in is given up first.
    pub(in crate::device) fn give_way_to(&mut self, changes: &[Change]) {
        let replaces = |change: &Change| matches!(change, Change::ReplaceDatabase(_));
        if changes.iter().any(replaces) {
            return;
        }
        if let Some(target) = &mut self.live_sync.target
            && let TargetStep::Taking(_) = target.step
        {
            target.step = TargetStep::Lost;
            self.abort_import();
        }
    }

    fn tell_progress(&mut self, percent: u8, text: String) {
        let requester = self.live_sync.target.as_ref().map(|target| target.requester);
        if let Some(Requester::Remote { connection, .. }) = requester
            && self.is_manager(connection)
        {
            self.notify(
                connection,
                &DeviceNotification::OperationProgress { percent, text },
            );
        }
    }
}
