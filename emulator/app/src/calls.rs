//! Connections that the device asks for, each dialled aside. Knows nothing of what is said on one.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
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
    /// Calls of which nothing is known yet.
    pending: usize,
    /// Nodes are at addresses of loopback.
    are_nodes_on_loopback: bool,
}

impl Calls {
    /// With `are_nodes_on_loopback`, the node `a.b.c.d` is called at `127.b.c.d`.
    pub(crate) fn new(are_nodes_on_loopback: bool) -> Self {
        let (tell, called) = unbounded_channel();
        Self {
            tell,
            called,
            pending: 0,
            are_nodes_on_loopback,
        }
    }

    /// Calls of which nothing is known yet.
    pub(crate) fn pending(&self) -> usize {
        self.pending
    }

    /// Dials from the address where the device listens, so that the other side sees which node it is. Must be called
    /// inside a runtime.
    pub(crate) fn call(&mut self, connection: ConnectionId, from: IpAddr, to: SocketAddr) {
        let tell = self.tell.clone();
        let to = if self.are_nodes_on_loopback {
            SocketAddr::new(on_loopback(to.ip()), to.port())
        } else {
            to
        };
        self.pending += 1;
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
        // Asked at every turn, and there is hardly ever one.
        if self.pending == 0 {
            return Poll::Pending;
        }
        match self.called.poll_recv(cx) {
            Poll::Ready(Some(called)) => {
                self.pending -= 1;
                Poll::Ready(called)
            }
            // It is never over: this holds an end of it.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

/// The address of loopback that has the last three bytes of this one. There is one of IPv6.
fn on_loopback(node: IpAddr) -> IpAddr {
    match node {
        IpAddr::V4(node) => {
            let [_, b, c, d] = node.octets();
            Ipv4Addr::new(127, b, c, d).into()
        }
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_on_loopback_keeps_its_last_three_bytes() {
        let node = |text: &str| on_loopback(text.parse().expect("an address")).to_string();
        assert_eq!(node("192.0.2.200"), "127.0.2.200");
        assert_eq!(node("2001:db8::1"), "::1");
    }
}
