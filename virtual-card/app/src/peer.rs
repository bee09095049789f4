//! A TCP connection between a virtual reader and a virtual card, as fast as the stock driver allows. Knows no message.

use std::{io, time::Duration};

use socket2::{SockRef, TcpKeepalive};

/// A computer that vanished without a word is noticed after about [`KEEPALIVE_IDLE`] and three probes.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_PROBES: u32 = 3;

/// What every connection of this wire wants, on both sides.
pub(crate) fn prepare<'a>(socket: impl Into<SockRef<'a>>) -> io::Result<()> {
    let socket = socket.into();
    socket.set_tcp_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)
}

/// Has the next bytes acknowledged at once. To be called before each read, for the system forgets it.
///
/// The stock driver (vpcd before its commit 76e2679 of 2023, so also Debian's 3.3) sends length and message apart and
/// holds the message back until the length is acknowledged (Nagle's algorithm); a delayed acknowledgement costs 40 ms a
/// command.
pub(crate) fn acknowledge_at_once<'a>(socket: impl Into<SockRef<'a>>) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    socket.into().set_tcp_quickack(true)?;
    #[cfg(not(target_os = "linux"))]
    let _ = socket.into();
    Ok(())
}
