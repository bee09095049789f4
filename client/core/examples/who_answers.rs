//! A test of one's own against a device: who answers, and what its header says. `cargo run --example who_answers -- ADDR:PORT`
//!
//! The machine is `hsm_client::Connection`; here it has a blocking socket around it. Nothing is asked of the device.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "an example is a shell"
)]

use std::{
    env,
    error::Error,
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpStream},
};

use hsm_client::{
    Connection, ConnectionInput, ConnectionOutput, Notice, StationInput, StationOutput, TlsClientConfig,
    Trust,
};

#[allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "an example is a shell"
)]
fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).unwrap_or_else(|| "127.0.0.1:4433".into());
    let mut stream = TcpStream::connect(&address)?;
    let mut connection = Connection::new(&TlsClientConfig::new(Trust::FirstUse));
    let mut stdout = io::stdout();
    let mut bytes = [0; 4_096];
    loop {
        while let Some(output) = connection.poll_output() {
            match output {
                ConnectionOutput::Transmit(bytes) => stream.write_all(&bytes)?,
                ConnectionOutput::Disconnect => stream.shutdown(Shutdown::Write)?,
                ConnectionOutput::Station(StationOutput::Notice(Notice::Secured(secured))) => {
                    writeln!(stdout, "{address} is {}", secured.fingerprint)?;
                }
                ConnectionOutput::Station(StationOutput::Notice(Notice::Opened { header, .. })) => {
                    writeln!(
                        stdout,
                        "{} {}, firmware {}",
                        header.model, header.serial, header.firmware
                    )?;
                    connection.handle_input(ConnectionInput::Station(StationInput::HangUp));
                }
                ConnectionOutput::Station(StationOutput::Notice(Notice::Ended { ending })) => {
                    writeln!(stdout, "ended: {ending:?}")?;
                    return Ok(());
                }
                ConnectionOutput::Station(_) | ConnectionOutput::Line { .. } | ConnectionOutput::Told(_) => {}
            }
        }
        connection.handle_input(match stream.read(&mut bytes)? {
            0 => ConnectionInput::Closed,
            len => ConnectionInput::Received(bytes[..len].to_vec()),
        });
    }
}
