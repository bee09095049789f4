//! The real binary, each test with its own folder and a port that the system chose. Nothing sleeps: tests wait for lines
//! that the emulator logs or sends.

mod clock;
mod custodian;
mod disk;
mod emulator;
mod gate;
mod hand;
mod life;
mod live_sync;
mod manager;
mod many;
mod nodes;
mod power;
mod refusals;
mod states;
mod words;
