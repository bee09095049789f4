//! The emulated HSM as a program: the machines of `hsm-core` and `hsm-listener` behind real sockets, with their state
//! on disk. Decides nothing about who may do what; protects nothing.
//!
//! The state of a device is a folder that one program has open at a time:
//!
//! ```
//! use hsm_core::{Model, Profile, ServerMasterKey, Stored};
//! use hsm_emulator::{Kept, OsRandom, Store, StoreError};
//! use hsm_listener::Identity;
//!
//! let folder = tempfile::tempdir()?;
//! let kept = Kept {
//!     profile_text: Profile::text_of(Model::Xp).into(),
//!     stored: Stored::bound_to(ServerMasterKey::generate(&mut OsRandom).binding()),
//!     identity: Identity::generate("TXP0000001")?,
//! };
//! let store = Store::create(folder.path(), &kept)?;
//! assert!(matches!(Store::open(folder.path()), Err(StoreError::InUse { .. })));
//! drop(store);
//!
//! let (_, found) = Store::open(folder.path())?.expect("it was just made");
//! assert_eq!(found.stored, kept.stored);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bench;
mod calls;
mod card_set;
pub mod cli;
mod console_lines;
mod derivations;
mod disk;
mod event_log;
mod fingerprint;
mod http;
mod local_console;
mod local_reader;
mod log_lines;
mod mains;
mod readiness;
mod shell;
mod store;
mod terminal;
mod wire;
mod wires;
mod world;

pub use event_log::{EventLog, FILE_BYTES_MAX, FILES_MAX};
pub use fingerprint::fingerprint;
pub use store::{FILE_NAME, Kept, Store, StoreError};
pub use world::OsRandom;
