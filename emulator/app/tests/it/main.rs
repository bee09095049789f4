//! The real binary, each test with its own folder and a port that the system chose. Nothing sleeps: tests wait for lines
//! that the emulator logs or sends.

mod custodian;
mod disk;
mod emulator;
mod life;
mod manager;
mod many;
mod refusals;
mod states;
mod words;
