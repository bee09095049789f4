//! The screens of a custodian's station, as a machine: told keys, clicks, what the session says and what time it is; says
//! what to do, and paints itself into cells. Opens no terminal, no socket and no card; whoever holds a [`Console`] does.
//!
//! Nothing here asks the device for anything without an act of the user (CL-05): the one timer moves a number on the
//! screen.
//!
//! ```
//! use client_console::{Console, ConsoleInput, ConsoleOutput, Key, Reader, Settings};
//! use machine::{Cx, Instant, Machine as _, NoRandomness, WallClock};
//!
//! let reader = Reader::Named("the reader".into());
//! let settings = Settings { device: "192.0.2.10:4433".into(), reader, escape: str::to_owned };
//! let mut console = Console::new(settings);
//! let now = Instant::POWER_ON;
//! assert!(console.to_text(now).contains("[ Connect ]"));
//!
//! let mut cx = Cx { now, wall_clock: WallClock::from_unix_millis(0), rng: &mut NoRandomness };
//! console.handle_input(&mut cx, ConsoleInput::Key(Key::Enter));
//! assert_eq!(console.poll_output(), Some(ConsoleOutput::Connect));
//! ```

mod canvas;
mod console;
mod countdown;
mod entry;
mod network_form;
mod operation;
mod paint;
mod password_form;
mod words;

pub use canvas::{COLUMNS, ROWS};
pub use console::{Console, ConsoleInput, ConsoleOutput, Key, Reader, Settings, Told, Trouble};
pub use entry::ENTRY_BYTES_MAX;
