//! A TCP port: reserved while the program lives, open only while somebody may connect. Knows no byte of what crosses
//! it.

use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::{Sleep, sleep},
};
use tracing::warn;

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;
/// How long nobody is accepted after the system refused to hand over a connection.
const REFUSAL_PAUSE: Duration = Duration::from_millis(100);

/// A port that is ours, open or closed.
#[derive(Debug)]
pub struct Port {
    address: SocketAddr,
    /// Bound and never listening: a closed port refuses connections, and nobody is given its number meanwhile.
    _reserved: TcpSocket,
    listener: Option<TcpListener>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Port {
    /// Takes a port; 0 is one that the system chooses.
    pub fn reserve(address: SocketAddr) -> io::Result<Self> {
        let reserved = bind(address)?;
        Ok(Self {
            address: reserved.local_addr()?,
            _reserved: reserved,
            listener: None,
            pause: None,
        })
    }

    /// The address, its port chosen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether somebody can connect.
    pub fn is_open(&self) -> bool {
        self.listener.is_some()
    }

    /// Lets peers connect.
    pub fn open(&mut self) -> io::Result<()> {
        if self.listener.is_none() {
            self.listener = Some(bind(self.address)?.listen(BACKLOG)?);
        }
        Ok(())
    }

    /// Refuses peers from now on; those that wait to be accepted are gone.
    pub fn close(&mut self) {
        self.listener = None;
    }

    /// The next connection; never comes back while the port is closed. Nothing is lost if it is dropped.
    pub async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// The next connection; there is none while the port is closed.
    pub fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<(TcpStream, SocketAddr)> {
        let Some(listener) = &self.listener else {
            return Poll::Pending;
        };
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
            }
            match ready!(listener.poll_accept(cx)) {
                Ok(accepted) => {
                    self.pause = None;
                    return Poll::Ready(accepted);
                }
                // It was gone before we took it.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                // Most likely there is no file descriptor left. Whoever waits may wait until there is one.
                Err(error) => {
                    if self.pause.is_none() {
                        warn!("accept a connection: {error}; trying again");
                    }
                    self.pause = Some(Box::pin(sleep(REFUSAL_PAUSE)));
                }
            }
        }
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // Ours twice: once to reserve, once to listen. Also, connections of an earlier run may still be ending.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
