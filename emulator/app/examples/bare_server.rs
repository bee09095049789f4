//! The least that a server with the device's TLS configuration can be: for comparisons with the emulator (`ci/scan`).
//! Prints its address, greets, reads until the other end leaves.

use std::{
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
};

use hsm_listener::Identity;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

fn main() -> io::Result<()> {
    let identity = Identity::generate("bare").map_err(io::Error::other)?;
    let config = identity.server_config().map_err(io::Error::other)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    for stream in listener.incoming() {
        let (stream, config) = (stream?, Arc::clone(&config));
        thread::spawn(move || serve(stream, config));
    }
    Ok(())
}

/// Whatever a client does, the others are served.
fn serve(stream: TcpStream, config: Arc<ServerConfig>) {
    let Ok(tls) = ServerConnection::new(config) else {
        return;
    };
    let mut stream = StreamOwned::new(tls, stream);
    let mut bytes = [0; 1024];
    if stream.write_all(b"{}\n").is_ok() {
        while let Ok(1..) = stream.read(&mut bytes) {}
    }
    stream.conn.send_close_notify();
    let _ = stream.flush();
}
