//! The signals that ask the program to end. Does nothing about it.

use std::{
    io,
    task::{Context, Poll, ready},
};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    task::spawn,
};

/// The signals that are waited for from the moment this was made.
pub(crate) struct Signals {
    came: UnboundedReceiver<&'static str>,
}

impl Signals {
    /// Must be called inside a runtime.
    pub(crate) fn new() -> io::Result<Self> {
        let (tell, came) = unbounded_channel();
        for (name, kind) in [
            ("SIGTERM", SignalKind::terminate()),
            ("SIGHUP", SignalKind::hangup()),
            ("SIGINT", SignalKind::interrupt()),
        ] {
            let (mut signal, tell) = (signal(kind)?, tell.clone());
            // Signals that come while one waits are one, so the queue stays short.
            spawn(async move { while signal.recv().await.is_some() && tell.send(name).is_ok() {} });
        }
        Ok(Self { came })
    }

    /// The name of the next signal.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<&'static str> {
        match ready!(self.came.poll_recv(cx)) {
            Some(name) => Poll::Ready(name),
            // Nobody listens any more; that is only while the program ends.
            None => Poll::Pending,
        }
    }
}
