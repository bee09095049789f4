//! What a simulated world is made of. Knows no device, reads no clock and owns no loop: the world that puts these
//! parts together jumps to the earliest of their `next_at` and polls them there.
//!
//! A try counter that must be durable before the reply is sent, on a station whose cable is cut after the reply:
//!
//! ```
//! use machine::Instant;
//! use rand_core::Rng;
//! use sim::{Agenda, Arrival, Fault, Link, LinkSettings, Seed, Side, Split, Storage};
//! use std::time::Duration;
//!
//! let seed = Seed(1).child_named("the cable is cut after the reply");
//! let mut agenda = Agenda::new();
//! let mut link = Link::new(LinkSettings { delay: Duration::from_millis(1), split: Split::Seeded(seed) });
//! link.add_fault(Fault::CutAfterWrite { side: Side::Server, n: 1 })?;
//! let mut try_counter = Storage::new(3, Duration::from_millis(5));
//! let mut trace = Vec::new();
//!
//! // The custodian types the PIN somewhere in the first second.
//! let typed_micros = u64::from(seed.rng_for("custodian").next_u32() % 1_000_000);
//! agenda.schedule(Instant::from_micros(typed_micros), "PIN typed");
//!
//! while let Some(now) = [agenda.next_at(), link.next_at(), try_counter.next_at()].into_iter().flatten().min() {
//!     while let Some(event) = agenda.pop_due(now) {
//!         trace.push(event);
//!         link.send(now, Side::Client, b"verify".to_vec());
//!     }
//!     while let Some((side, arrival)) = link.poll(now) {
//!         let Arrival::Bytes(bytes) = arrival else { unreachable!("a cut cable tells nobody") };
//!         match side {
//!             Side::Server if bytes.ends_with(b"y") => try_counter.write(now, 1, 2),
//!             Side::Server => {}
//!             Side::Client => trace.push("reply read"),
//!         }
//!     }
//!     while let Some(1) = try_counter.poll(now) {
//!         trace.push("persisted");
//!         link.send(now, Side::Server, b"!".to_vec());
//!         link.send(now, Side::Server, b"never arrives".to_vec());
//!     }
//! }
//! assert_eq!(trace, ["PIN typed", "persisted", "reply read"]);
//! assert_eq!((*try_counter.durable(), link.is_over(), link.faults_left()), (2, true, &[][..]));
//! # Ok::<(), sim::WriteHasGone>(())
//! ```

mod agenda;
mod link;
mod seed;
mod storage;

pub use agenda::Agenda;
pub use link::{Arrival, Fault, Link, LinkSettings, Side, Split, WriteHasGone};
pub use rand_chacha::ChaCha8Rng;
pub use seed::{InvalidSeed, Seed};
pub use storage::Storage;
