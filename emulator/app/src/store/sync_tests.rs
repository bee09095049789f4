//! Two devices with real stores, driven by hand: a live sync between them with the link or the power cut anywhere, and with
//! a peer that lies. Each frame is handed over one by one. TLS is tested elsewhere: here both ends are told one binding.

mod cuts;
mod hsm;
mod lies;
mod limits;
mod rest;
