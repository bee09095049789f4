//! What a simulated world is made of. Knows no device, reads no clock and owns no loop: the world that puts these
//! parts together jumps to the earliest of their `next_at` and polls them there.

mod agenda;
mod link;
mod seed;
mod storage;

pub use agenda::Agenda;
pub use link::{Arrival, Fault, Link, LinkSettings, Side, Split, WriteHasGone};
pub use rand_chacha::ChaCha8Rng;
pub use seed::{InvalidSeed, Seed};
pub use storage::Storage;
