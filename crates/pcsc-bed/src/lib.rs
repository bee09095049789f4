//! A stock PC/SC daemon with the stock virtual readers of vsmartcard, inside namespaces of its own: its network has a
//! loopback and nothing else, its `/run` is empty, its processes end when the program that asked for them does. So beds
//! stand beside each other and beside a developer's own daemon without seeing it. Knows no card; never touches the
//! daemon of the machine.
//!
//! A program is played inside by starting it once more: [`play_inside`] from outside, [`Bed::make`] from within. A test
//! does both with [`test_inside`].
//!
//! ```
//! // Outside of a bed there is none to make.
//! assert!(!pcsc_bed::is_inside());
//! let problem = pcsc_bed::Bed::make(1).expect_err("this is the machine's own network");
//! assert!(problem.to_string().contains("inside the namespaces"));
//! ```

mod bed;
mod enter;

pub use bed::{Bed, READERS_MAX, Reader};
pub use enter::{is_inside, play_inside, test_inside};
