//! The device as a machine: life cycle, activation, remote management, operations, users, console, log. Knows no TLS,
//! no socket, no file, no terminal and no clock; what it wants of them is an [`Output`], what came of it an
//! [`Input`].
//!
//! One queue orders everything that happens to a device, and one stream of [`Event`]s tells it.
//!
//! ```
//! use hsm_core::{Device, Input, Key, Profile, ServerMasterKey, Stored};
//! use machine::{Cx, Instant, Machine, NoRandomness, WallClock};
//!
//! # struct Zeros;
//! # impl rand_core::TryRng for Zeros {
//! #     type Error = std::convert::Infallible;
//! #     fn try_next_u32(&mut self) -> Result<u32, Self::Error> { Ok(0) }
//! #     fn try_next_u64(&mut self) -> Result<u64, Self::Error> { Ok(0) }
//! #     fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> { bytes.fill(0); Ok(()) }
//! # }
//! let key = ServerMasterKey::generate(&mut Zeros);
//! let mut device = Device::new(Profile::xp(), Stored::bound_to(key.binding()));
//! let mut cx = Cx { now: Instant::POWER_ON, wall_clock: WallClock::from_unix_millis(0), rng: &mut NoRandomness };
//!
//! device.handle_input(&mut cx, Input::PowerButton);
//! cx.now = device.poll_timeout().expect("it is starting");
//! device.handle_timeout(&mut cx);
//! assert!(device.screen().to_string().contains("Please, enter start PIN"));
//! ```

mod activation;
mod card_dialog;
mod ceremony;
mod console;
mod denials;
mod derivation;
mod device;
mod event;
mod key;
mod life_cycle;
mod live_sync;
mod log;
mod objects;
mod operations;
mod profile;
mod remote;
mod self_test;
mod smart_card_manager;
mod stored;
mod users;

pub use activation::Activation;
pub use console::{Area, Key, Place, SCREEN_COLUMNS, SCREEN_ROWS, Screen};
pub use denials::{DENIALS_TOLD_APART_MAX, DENIALS_WINDOW};
pub use derivation::{
    Derivation, DerivationSettings, DerivedKey, ITERATIONS_MAX, LANES_MAX, MEMORY_KIB_MAX, Verifier,
};
pub use device::{
    ConnectionId, Device, Gone, ImportStep, Input, Job, Limit, LocalCard, NODES_MAX, Output,
    RemoteManagement, SyncDirection, SyncInput, Ticket, TurnedAway,
};
pub use event::{
    Activity, CardOutcome, Denial, DisabledBy, Event, ObjectChange, Operator, Record, SessionEnd,
    StartedAfter, Where,
};
pub use key::{
    Binding, CARDS_MAX, CheckValue, KEY_BYTES, Purpose, SHADOW_BYTES, Scheme, ServerMasterKey, SetId, Shadow,
    ShadowError,
};
pub use life_cycle::LifeCycle;
pub use live_sync::{
    BINDING_BYTES, CHUNKS_ON_THE_WAY_MAX, EXPORTER_LABEL, FRAME_BYTES_MAX, Frame, FrameBuffer, FrameTooLong,
    SYNC_ALPN, SYNC_PEERS_MAX, SYNC_SILENCE, SyncRefusal,
};
pub use log::escape;
pub use objects::{
    Attributes, DamagedObject, Fetched, GeneratedKey, Generation, KeyAlgorithm, LIST_PAGE_MAX,
    OBJECT_LABEL_BYTES_MAX, OBJECT_NAME_CHARACTERS_MAX, OBJECTS_MAX, Object, ObjectFacts, ObjectId,
    ObjectName, PartitionTag, Query, SEALED_BYTES_MAX, SealedObject, Shelf, Vault,
};
pub use operations::{Access, Operation, Verdict};
pub use profile::{
    Authentication, FactoryReset, HARDWARE_CHARACTERS_MAX, HTTPS_PORT, HttpConsole, INTERFACES_MAX,
    InvalidProfile, LIMIT_SECS_MAX, Limits, Model, PROFILE_BYTES_MAX, Profile, UserPolicy,
};
/// Whether the HSM service runs.
pub use protocol::ServiceState;
pub use self_test::Algorithm;
pub use smart_card_manager::{CardDeed, CardSet, CardUnfit, InvalidLabel, Label, UnfinishedCards};
pub use stored::{Change, LastStop, NewDatabase, Objects, Stored};
pub use users::{
    FOLLOWERS_MAX, LOGIN_TRIES_MAX, Need, ObjectRequest, PASSWORD_CHARACTERS_MAX, Partition, PartitionChange,
    Password, PasswordPolicy, Permissions, SessionDetails, TRUSTED_MAX, USER_ERRANDS_MAX, USER_IDLE_MAX,
    USER_NAME_CHARACTERS_MAX, USER_SESSIONS_MAX, USERS_MAX, User, UserAnswer, UserFacts, UserName,
    UserRefusal, UserRequest, UserSession,
};
