//! A device with its port, and rustls at the other end: what crosses the cable, in which order, and what is held.

mod bench;
mod ends;
mod handshakes;
mod lines;
mod tls;
