//! One connection, whose bytes are only moved: by whoever owns it, when that one polls it. Knows no TLS and no line.

use std::{
    io,
    net::Shutdown,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead as _, ReadBuf},
    net::TcpStream,
};
use tracing::debug;

/// A connection to the device.
pub(crate) struct Wire {
    stream: TcpStream,
    /// What the socket did not take at once. Bounded by the device, which counts what was not sent yet.
    unsent: Vec<u8>,
    ours: Half,
    /// Whether the other end may still say something.
    is_reading: bool,
    /// Bytes that came so far.
    read_len: u64,
    /// Bytes that the socket has taken so far.
    written_len: u64,
}

/// Our half of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    Open,
    /// To be closed after what is unsent.
    Ending,
    Closed,
}

/// What became of a connection or its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moved {
    /// So many bytes came, and are in the buffer.
    Received(usize),
    /// So many bytes left that had to wait.
    Sent(usize),
    /// The other end sent its FIN.
    Finished,
    /// The connection is broken.
    Reset,
}

impl Wire {
    /// A connection on which nothing was moved yet.
    pub(crate) fn new(stream: TcpStream) -> Self {
        if let Err(error) = stream.set_nodelay(true) {
            debug!("turn off Nagle's algorithm: {error}");
        }
        Self {
            stream,
            unsent: Vec::new(),
            ours: Half::Open,
            is_reading: true,
            read_len: 0,
            written_len: 0,
        }
    }

    /// Sends bytes after those before them. How many of them are sent already; of the others [`poll`](Self::poll) tells.
    pub(crate) fn transmit(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent_len = if self.unsent.is_empty() {
            match self.stream.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                done => done?,
            }
        } else {
            0
        };
        self.unsent.extend_from_slice(&bytes[sent_len..]);
        self.on_written(sent_len);
        Ok(sent_len)
    }

    /// Bytes that came so far.
    pub(crate) fn read_len(&self) -> u64 {
        self.read_len
    }

    /// Bytes that the socket has taken so far.
    pub(crate) fn written_len(&self) -> u64 {
        self.written_len
    }

    fn on_written(&mut self, len: usize) {
        self.written_len += u64::try_from(len).unwrap_or(u64::MAX);
    }

    /// Closes our half after what was transmitted: at once, if that is gone.
    pub(crate) fn finish(&mut self) {
        if self.ours == Half::Open {
            let is_done = self.unsent.is_empty() && self.shut_down().is_ok();
            self.ours = if is_done { Half::Closed } else { Half::Ending };
        }
    }

    fn shut_down(&self) -> io::Result<()> {
        SockRef::from(&self.stream).shutdown(Shutdown::Write)
    }

    /// Moves what can be moved at this moment. Everything before a [`Moved::Reset`] is told, and nothing after it.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<Moved> {
        match self.poll_output(cx) {
            Poll::Ready(Ok(sent_len)) => return Poll::Ready(Moved::Sent(sent_len)),
            Poll::Ready(Err(_)) => return Poll::Ready(Moved::Reset),
            Poll::Pending => {}
        }
        if !self.is_reading {
            return Poll::Pending;
        }
        let mut buffer = ReadBuf::new(buffer);
        let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
        Poll::Ready(match (read, buffer.filled().len()) {
            (Err(_), _) => Moved::Reset,
            (Ok(()), 0) => {
                self.is_reading = false;
                Moved::Finished
            }
            (Ok(()), len) => {
                self.read_len += u64::try_from(len).unwrap_or(u64::MAX);
                Moved::Received(len)
            }
        })
    }

    fn poll_output(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        while !self.unsent.is_empty() {
            ready!(self.stream.poll_write_ready(cx))?;
            match self.stream.try_write(&self.unsent) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(sent_len) => {
                    self.unsent.drain(..sent_len);
                    self.on_written(sent_len);
                    return Poll::Ready(Ok(sent_len));
                }
            }
        }
        if self.ours == Half::Ending {
            self.ours = Half::Closed;
            self.shut_down()?;
        }
        Poll::Pending
    }

    /// Whether everything that was transmitted is gone.
    pub(crate) fn is_sent(&self) -> bool {
        self.unsent.is_empty()
    }

    /// Whether the last line is on its way or gone, so that only the other end is waited for.
    pub(crate) fn is_finished(&self) -> bool {
        match self.ours {
            Half::Open => false,
            Half::Ending | Half::Closed => true,
        }
    }

    /// Sends what was transmitted, and reads no more. Ready when that is done or can never be.
    pub(crate) fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.poll_output(cx) {
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending if self.is_sent() => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Drops the connection with everything that was on its way.
    pub(crate) fn reset(self) {
        if let Err(error) = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)) {
            debug!("prepare a reset: {error}");
        }
    }
}
