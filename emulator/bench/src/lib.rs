//! The words of the bench: what a hand does to the emulated device, what it sees of it, and how it is told no. The
//! bench serves them over HTTP, and whoever has a hand at the device speaks them. Opens no socket and knows no device.
//!
//! A request is a value that is read strictly: a member that is not known is refused.
//!
//! ```
//! use hsm_bench::Advance;
//!
//! let advance: Advance = serde_json::from_str(r#"{"by_ms": 119999}"#)?;
//! assert_eq!((advance.by_ms, advance.after.len()), (119_999, 0));
//! assert!(serde_json::from_str::<Advance>(r#"{"by_ms": 1, "by_s": 1}"#).is_err());
//! # Ok::<(), serde_json::Error>(())
//! ```

mod event;
mod hand;
mod limits;
mod page;
mod problem;
mod state;

pub use event::{Event, EventsQuery};
pub use hand::{
    Advance, Algorithm, Card, CutMoment, Faults, Insert, KeyName, Keys, Name, Pin, PowerAction, PowerChange,
    SeedCards, SeedUsers, SeededCards, Text, Until,
};
pub use limits::{
    ADVANCE_MS_MAX, AFTER_MAX, CALENDAR_MS_MAX, HOLDERS_MAX, KEYS_MAX, NAME_CHARACTERS_MAX,
    PATH_CHARACTERS_MAX, TEXT_CHARACTERS_MAX, USERS_MAX, WRITE_DELAY_MS_MAX, WRITES_MAX,
};
pub use page::{PageAddress, Ticket};
pub use problem::Problem;
pub use state::{
    Access, Cell, Ceremony, Clock, ClockMode, Connection, EventRange, Focus, Limit, LimitName, Manager,
    Phase, Port, Power, RemoteManagement, Service, State,
};
