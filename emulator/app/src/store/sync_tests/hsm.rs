//! A device with its store, and whoever drives both. Pockets, since their key comes from a password.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    rc::Rc,
};

use hsm_core::{
    ConnectionId, DerivationSettings, Device, Event, Input, Model, Objects, Output, Profile, SealedObject,
    Stored, SyncInput, User, UserAnswer, UserName, UserRequest, UserSession,
};
use hsm_listener::Identity;
use machine::{Cx, Instant, Machine as _, WallClock};
use serde_json::{Value, json};

use super::super::{
    Fuse, Kept, Store, quietly,
    writer::{Desk, Work, Written},
};
use crate::world::OsRandom;

pub(super) const PASSWORD: &str = "a password";
pub(super) const NODE: [u8; 4] = [192, 0, 2, 200];
/// The manager's connection, and the one that a source calls the live sync.
pub(super) const MANAGER: ConnectionId = ConnectionId::new(1);
pub(super) const SYNC: ConnectionId = ConnectionId::new(2);

/// The power was cut in the middle of something.
struct PowerCut;

pub(super) struct Hsm {
    /// `None` without power.
    pub(super) device: Option<Device>,
    desk: Option<Desk<Rc<Store>>>,
    fuse: Option<Fuse>,
    profile: Profile,
    now: Instant,
    /// Frames to the other side, and connections that were asked for or ended.
    pub(super) frames: VecDeque<Vec<u8>>,
    pub(super) calls: Vec<ConnectionId>,
    pub(super) ended: Vec<ConnectionId>,
    pub(super) answers: Vec<Value>,
    pub(super) told: Vec<UserAnswer>,
    pub(super) events: Vec<Event>,
    /// Keys that were made, to be looked for.
    pub(super) keys: Vec<Vec<u8>>,
    /// Whether the store takes what comes over without saying so.
    pub(super) is_mute: bool,
}

fn profile() -> Profile {
    let mut profile = Profile::of(Model::Pocket);
    profile.password_hash = DerivationSettings {
        memory_kib: 8,
        iterations: 1,
        lanes: 1,
    };
    profile
}

/// State folders with one key: that of the target with `old` objects, and that of the source with `new`.
pub(super) fn pair(folder: &Path, old: u64, new: u64) -> (PathBuf, PathBuf) {
    let source = folder.join("source");
    let mut stored = Stored::out_of_the_factory(&profile());
    let node = User {
        permissions: hsm_core::Permissions::NONE,
        ..User::factory_master()
    };
    stored
        .users
        .insert(UserName::parse("node").expect("a name"), node);
    // The first activation sets the password, and seals the users.
    Hsm::create(&source, stored).activated().cut();
    let (store, kept) = Store::open(&source).expect("it is whole").expect("it is there");
    let target = folder.join("target");
    let mut stored = kept.stored.clone();
    stored.nodes = vec![NODE.into()];
    stored.apply(&hsm_core::Change::SeedUsers(
        [(UserName::master(), User::factory_master())].into(),
    ));
    let for_target = Kept {
        profile_text: Profile::text_of(Model::Pocket).into(),
        stored,
        identity: Identity::generate("TPK0000002").expect("the library makes one"),
    };
    let target_store = Store::create(&target, &for_target).expect("there is room");
    target_store
        .add_objects(&objects(old, 0xAA))
        .expect("there is room");
    drop(target_store);
    Hsm::open(&target).activated().cut();
    store.add_objects(&objects(new, 0xBB)).expect("there is room");
    (target, source)
}

/// Objects of the size of a sealed RSA key. They are not opened on their way.
fn objects(count: u64, filling: u8) -> Vec<(hsm_core::ObjectId, SealedObject)> {
    let object = |number: u64| {
        let mut id = [filling; hsm_core::ObjectId::BYTES];
        id[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
        let len = 200 + usize::try_from(number % 128).expect("it is small");
        let sealed = SealedObject::new(vec![filling; len]).expect("it is short");
        (hsm_core::ObjectId::new(id), sealed)
    };
    (0..count).map(object).collect()
}

impl Hsm {
    fn create(folder: &Path, stored: Stored) -> Self {
        let kept = Kept {
            profile_text: Profile::text_of(Model::Pocket).into(),
            stored: stored.clone(),
            identity: Identity::generate("TPK0000001").expect("the library makes one"),
        };
        let store = Store::create(folder, &kept).expect("there is room");
        Self::with(store, stored)
    }

    /// What is in this folder, switched off.
    pub(super) fn open(folder: &Path) -> Self {
        let (store, kept) = Store::open(folder).expect("it is whole").expect("it is there");
        Self::with(store, kept.stored)
    }

    fn with(store: Store, stored: Stored) -> Self {
        let profile = profile();
        let fuse = store.fuse();
        Self {
            device: Some(Device::new(profile.clone(), stored)),
            desk: Some(Desk::new(Rc::new(store))),
            fuse: Some(fuse),
            profile,
            now: Instant::POWER_ON,
            frames: VecDeque::new(),
            calls: Vec::new(),
            ended: Vec::new(),
            answers: Vec::new(),
            told: Vec::new(),
            events: Vec::new(),
            keys: Vec::new(),
            is_mute: false,
        }
    }

    /// The same, past its start, with a manager.
    pub(super) fn started(mut self) -> Self {
        self.tell(Input::PowerReturned);
        self.tell(Input::PowerButton);
        self.now = self.now + self.profile.limits.start;
        self.tell(Input::Arrived {
            connection: MANAGER,
            peer: ([203, 0, 113, 1], 1).into(),
            cipher_suite: "TLS13_AES_256_GCM_SHA384".into(),
        });
        self
    }

    /// The same, past its start and activated, with an administrator.
    pub(super) fn activated(self) -> Self {
        let mut hsm = self.started();
        hsm.ask("auth.activate", &json!({ "password": PASSWORD }));
        let outcome = &hsm.answers.last().expect("an answer")["result"]["outcome"];
        assert_eq!(outcome, "administrator");
        hsm
    }

    pub(super) fn ask(&mut self, method: &str, params: &Value) {
        let id = self.answers.len();
        let line = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.tell(Input::Line {
            connection: MANAGER,
            line: line.to_string().into_bytes(),
        });
    }

    pub(super) fn begin_live_sync(&mut self) {
        let confirm = self.profile.serial.clone();
        self.ask("ops.live_sync", &json!({ "confirm": confirm }));
    }

    /// What live sync came to, as the manager was told.
    pub(super) fn outcome(&self) -> String {
        match self.answers.last() {
            None => "no answer".into(),
            Some(answer) if answer["result"].is_object() => "done".into(),
            Some(answer) => answer["error"]["data"]["reason"].to_string(),
        }
    }

    pub(super) fn user(&mut self, request: UserRequest) {
        self.tell(Input::User {
            session: UserSession(1),
            peer: [203, 0, 113, 1].into(),
            request,
        });
    }

    pub(super) fn pass(&mut self, span: core::time::Duration) {
        self.now = self.now + span;
        self.tell(Input::UserGone {
            session: UserSession(99),
        });
    }

    pub(super) fn sync(&mut self, input: SyncInput) {
        self.tell(Input::Sync(input));
    }

    pub(super) fn tell(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let (Some(device), Some(input)) = (&mut self.device, inputs.pop_front()) {
            let mut rng = OsRandom;
            let mut cx = Cx {
                now: self.now,
                wall_clock: WallClock::from_unix_millis(1_767_225_600_000),
                rng: &mut rng,
            };
            device.handle_input(&mut cx, input);
            while let Some(output) = self.device.as_mut().and_then(Device::poll_output) {
                let work = match output {
                    Output::Persist { ticket, changes } => Work::Write(ticket, changes),
                    Output::Fetch { job, query } => Work::Fetch(job, query),
                    Output::CloseImage(image) => Work::CloseImage(image),
                    Output::Import { job, step } => Work::Import(job, step),
                    other => {
                        self.obey(other, &mut inputs);
                        continue;
                    }
                };
                match self.do_work(work) {
                    Ok(input) => inputs.extend(input),
                    Err(PowerCut) => return self.cut(),
                }
            }
        }
    }

    /// What the store says of it, if it says something.
    fn do_work(&mut self, work: Work) -> Result<Option<Input>, PowerCut> {
        let desk = self.desk.as_mut().expect("there is power");
        let done = quietly(|| catch_unwind(AssertUnwindSafe(|| desk.do_work(work))));
        let done = done.ok().and_then(Result::ok);
        if self.fuse.as_ref().is_some_and(Fuse::is_blown) {
            return Err(PowerCut);
        }
        Ok(
            match done
                .expect("no panic while there is power")
                .expect("there is room")
            {
                Written::Durable(ticket) => Some(Input::Persisted(ticket)),
                Written::Fetched(job, fetched) => Some(Input::Fetched { job, fetched }),
                Written::Imported(_) if self.is_mute => None,
                Written::Imported(job) => Some(Input::Imported(job)),
                Written::Nothing => None,
                other @ (Written::Cut | Written::Failed(_)) => panic!("{other:?}"),
            },
        )
    }

    fn obey(&mut self, output: Output, inputs: &mut VecDeque<Input>) {
        match output {
            Output::Derive { job, derivation } => {
                let derived = derivation.run();
                inputs.push_back(Input::Derived { job, derived });
            }
            Output::Generate { job, generation } => {
                let key = generation.run();
                self.keys.extend(key.iter().map(|key| key.expose().to_vec()));
                inputs.push_back(Input::Generated { job, key });
            }
            Output::Send { line, .. } => {
                let line: Value = serde_json::from_str(&line).expect("it is JSON");
                if line.get("id").is_some() {
                    self.answers.push(line);
                }
            }
            Output::Connect { connection, .. } => self.calls.push(connection),
            Output::SendFrame { frame, .. } => self.frames.push_back(frame),
            Output::End { connection } => self.ended.push(connection),
            Output::User { answer, .. } => self.told.push(answer),
            Output::Event(record) => self.events.push(record.event),
            Output::Listen(_)
            | Output::NetworkDown
            | Output::RetrieveLog { .. }
            | Output::ClearLog
            | Output::LocalReader(_) => {}
            other => panic!("{other:?} is the store's"),
        }
    }

    /// Lets so many blocks more reach the disk.
    pub(super) fn blow_after(&self, blocks: u64) {
        self.fuse.as_ref().expect("there is power").blow_after(blocks);
    }

    /// The power is cut.
    pub(super) fn cut(&mut self) {
        if let Some(fuse) = self.fuse.take() {
            fuse.blow_after(0);
        }
        self.device = None;
        let desk = self.desk.take();
        let _ = quietly(|| drop(desk));
    }
}

/// What a database is, for two to be compared: a digest over everything, and what the store says of its size.
pub(super) fn database(folder: &Path) -> (Vec<u8>, Objects) {
    let (store, kept) = Store::open(folder).expect("it is whole").expect("it is there");
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    assert!(kept.stored.users.is_empty(), "all of them are sealed");
    for (id, sealed) in &kept.stored.sealed_users {
        context.update(id.as_bytes());
        context.update(sealed.as_bytes());
    }
    let objects = store.objects().expect("they are there");
    assert_eq!(
        u64::try_from(objects.len()).expect("it fits"),
        kept.stored.objects.count
    );
    for (id, sealed) in objects {
        context.update(id.as_bytes());
        context.update(sealed.as_bytes());
    }
    (context.finish().as_ref().to_vec(), kept.stored.objects)
}

/// Joins the two, and hands over frames until `ends` says so or nothing moves any more. `ends` sees each frame with its
/// number, from 1, and may change it.
pub(super) fn converse(
    target: &mut Hsm,
    source: &mut Hsm,
    ends: impl FnMut(u64, bool, &mut Vec<u8>, &mut Hsm, &mut Hsm) -> bool,
) -> u64 {
    converse_on(SYNC, target, source, ends)
}

/// The same on a connection that the source calls this.
pub(super) fn converse_on(
    sync: ConnectionId,
    target: &mut Hsm,
    source: &mut Hsm,
    mut ends: impl FnMut(u64, bool, &mut Vec<u8>, &mut Hsm, &mut Hsm) -> bool,
) -> u64 {
    target.begin_live_sync();
    let connection = target.calls.pop().expect("it calls");
    let binding = [7; hsm_core::BINDING_BYTES];
    source.sync(SyncInput::Arrived {
        connection: sync,
        peer: ([192, 0, 2, 1], 1).into(),
        binding,
    });
    target.sync(SyncInput::Connected { connection, binding });
    let mut number = 0;
    while let Some((mut frame, to_source)) = target
        .frames
        .pop_front()
        .map(|frame| (frame, true))
        .or_else(|| source.frames.pop_front().map(|frame| (frame, false)))
    {
        number += 1;
        if ends(number, to_source, &mut frame, target, source) {
            return number;
        }
        hand_over(
            if to_source { source } else { target },
            if to_source { sync } else { connection },
            &frame,
        );
    }
    number
}

fn hand_over(to: &mut Hsm, connection: ConnectionId, bytes: &[u8]) {
    let mut buffer = hsm_core::FrameBuffer::default();
    buffer.push(bytes);
    while let Some(frame) = buffer.next_frame() {
        match frame {
            Ok(frame) => to.sync(SyncInput::Frame { connection, frame }),
            Err(_) => to.sync(SyncInput::FrameTooLong { connection }),
        }
    }
}
