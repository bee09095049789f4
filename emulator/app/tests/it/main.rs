//! The real binary, each test with its own folder and a port that the system chose. Nothing sleeps: tests wait for lines
//! that the emulator logs or sends.

mod clock;
mod custodian;
mod cuts;
mod disk;
mod emulator;
mod gate;
mod hand;
mod hostile_text;
mod http_attacks;
mod http_console;
mod http_follow;
#[cfg(feature = "browser")]
mod http_in_a_browser;
mod http_keys_and_users;
mod http_place;
mod life;
mod live_sync;
mod log;
mod manager;
mod many;
mod nodes;
mod page;
#[cfg(feature = "browser")]
mod page_in_a_browser;
mod power;
mod refusals;
mod secrets;
mod smart_cards;
mod states;
mod sync_peers;
mod terminal;
mod words;
