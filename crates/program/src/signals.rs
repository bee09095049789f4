//! The signals that ask the program to end, and the end of standard input where that is one. Does nothing about it.

use std::{
    future::poll_fn,
    io,
    task::{Context, Poll, ready},
    thread,
};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::spawn,
};

/// The signals that are waited for from the moment this was made.
#[derive(Debug)]
pub struct Signals {
    came: UnboundedReceiver<&'static str>,
    tell: UnboundedSender<&'static str>,
}

impl Signals {
    /// Begins to wait. Must be called inside a runtime.
    pub fn new() -> io::Result<Self> {
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
        Ok(Self { came, tell })
    }

    /// Takes the end of standard input for one more signal, so that the program ends with whoever holds the other end
    /// of it, however that one ends. What comes before is thrown away.
    pub fn add_end_of_input(&self) -> io::Result<()> {
        let tell = self.tell.clone();
        // Standard input can only be read by a thread that may wait for ever; it ends with the process.
        thread::Builder::new().name("input".into()).spawn(move || {
            // Input that cannot be read has ended, too. Nobody listens only while the program ends.
            let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
            let _ = tell.send("end of input");
        })?;
        Ok(())
    }

    /// Waits for the next signal and names it. Nothing is lost if it is dropped.
    pub async fn next(&mut self) -> &'static str {
        poll_fn(|cx| self.poll(cx)).await
    }

    /// The same for whoever polls by hand.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<&'static str> {
        match ready!(self.came.poll_recv(cx)) {
            Some(name) => Poll::Ready(name),
            // Nobody listens any more; that is only while the program ends.
            None => Poll::Pending,
        }
    }
}
