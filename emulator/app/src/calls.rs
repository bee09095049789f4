//! Connections that the device asks for, each dialled aside. Knows nothing of what is said on one.

use std::{
    net::{IpAddr, SocketAddr},
    task::{Context, Poll},
};

use hsm_core::ConnectionId;
use tokio::{
    net::{TcpSocket, TcpStream},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};
use tracing::debug;

/// What came of a call: the connection, or nothing.
type Called = (ConnectionId, Option<TcpStream>);

/// The calls that a device has asked for. The device bounds how many there are.
pub(crate) struct Calls {
    tell: UnboundedSender<Called>,
    called: UnboundedReceiver<Called>,
}

impl Calls {
    pub(crate) fn new() -> Self {
        let (tell, called) = unbounded_channel();
        Self { tell, called }
    }

    /// Dials from the address where the device listens, so that the other side sees which node it is. Must be called
    /// inside a runtime.
    pub(crate) fn call(&mut self, connection: ConnectionId, from: IpAddr, to: SocketAddr) {
        let tell = self.tell.clone();
        tokio::spawn(async move {
            let stream = match dial(from, to).await {
                Ok(stream) => Some(stream),
                Err(error) => {
                    debug!("connect to {to}: {error}");
                    None
                }
            };
            // Nobody listens any more when the program ends.
            let _ = tell.send((connection, stream));
        });
    }

    /// What came of the next one.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Called> {
        match self.called.poll_recv(cx) {
            Poll::Ready(Some(called)) => Poll::Ready(called),
            // It is never over: this holds an end of it.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

async fn dial(from: IpAddr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = if to.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    if from.is_ipv4() == to.is_ipv4() && !from.is_unspecified() {
        socket.bind(SocketAddr::new(from, 0))?;
    }
    socket.connect(to).await
}
