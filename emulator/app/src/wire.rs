//! One connection, whose bytes are only moved: a task reads; what is to be sent goes straight to the socket, and what
//! that does not take at once to a task that writes. Knows no TLS and no line.

use std::{
    io::{self, Read as _},
    net::Shutdown,
    sync::Arc,
    time::Duration,
};

use hsm_core::ConnectionId;
use hsm_listener::{Input, LINGER_TIMEOUT};
use socket2::SockRef;
use tokio::{
    io::Interest,
    net::TcpStream,
    sync::mpsc::{Sender, UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::{JoinHandle, spawn},
    time::timeout,
};
use tracing::debug;

/// Bytes read at once. One TLS record and a little more.
const READ_BYTES: usize = 17 * 1024;

/// What is on its way out. Bounded by the device, which counts what was not sent yet.
enum Outgoing {
    Bytes(Vec<u8>),
    Finish,
}

/// A connection to the device.
pub(crate) struct Wire {
    id: ConnectionId,
    stream: Arc<TcpStream>,
    inputs: Sender<Input>,
    reader: JoinHandle<()>,
    /// There from the first time that the socket did not take everything at once.
    writer: Option<Writer>,
    /// The last line is on its way, and only the other end is waited for.
    is_finished: bool,
}

/// The task that writes what has to wait.
struct Writer {
    outgoing: UnboundedSender<Outgoing>,
    /// Bytes handed to the task of which it has not told that they are sent.
    waiting_len: usize,
    task: JoinHandle<()>,
}

impl Wire {
    /// Starts to move bytes. What happens to the connection goes to `inputs`, in its order.
    pub(crate) fn new(id: ConnectionId, stream: TcpStream, inputs: &Sender<Input>) -> Self {
        if let Err(error) = stream.set_nodelay(true) {
            debug!("turn off Nagle's algorithm: {error}");
        }
        let stream = Arc::new(stream);
        Self {
            id,
            reader: spawn(read(id, Arc::clone(&stream), inputs.clone())),
            stream,
            inputs: inputs.clone(),
            writer: None,
            is_finished: false,
        }
    }

    /// Sends bytes after those before them. How many of them are sent already; of the others the inputs will tell.
    pub(crate) fn transmit(&mut self, mut bytes: Vec<u8>) -> io::Result<usize> {
        let sent_len = if self.is_waiting() {
            0
        } else {
            match self.stream.try_write(&bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                done => done?,
            }
        };
        if sent_len < bytes.len() {
            self.write_later(Outgoing::Bytes(bytes.split_off(sent_len)));
        }
        Ok(sent_len)
    }

    /// Takes note of what the inputs told to be sent.
    pub(crate) fn on_sent(&mut self, bytes_len: usize) {
        if let Some(writer) = &mut self.writer {
            writer.waiting_len -= bytes_len;
        }
    }

    /// Closes our half after what was transmitted.
    pub(crate) fn finish(&mut self) {
        self.is_finished = true;
        if self.is_waiting() || shut_down(&self.stream).is_err() {
            self.write_later(Outgoing::Finish);
        }
    }

    fn is_waiting(&self) -> bool {
        self.writer.as_ref().is_some_and(|writer| writer.waiting_len > 0)
    }

    fn write_later(&mut self, outgoing: Outgoing) {
        let writer = self.writer.get_or_insert_with(|| {
            let (sender, to_send) = unbounded_channel();
            Writer {
                outgoing: sender,
                waiting_len: 0,
                task: spawn(write(
                    self.id,
                    Arc::clone(&self.stream),
                    to_send,
                    self.inputs.clone(),
                )),
            }
        });
        if let Outgoing::Bytes(bytes) = &outgoing {
            writer.waiting_len += bytes.len();
        }
        // A task that is gone has told that the connection is.
        let _ = writer.outgoing.send(outgoing);
    }

    /// Reads no more, sends what was transmitted if the other end takes it in time, and closes.
    pub(crate) fn close(self) {
        self.reader.abort();
        let Some(Writer {
            outgoing, mut task, ..
        }) = self.writer
        else {
            return;
        };
        drop(outgoing);
        spawn(async move {
            if timeout(LINGER_TIMEOUT, &mut task).await.is_err() {
                task.abort();
            }
        });
    }

    /// Drops the connection because the network goes down. The other end sees a reset, unless its last line is on the
    /// way: a reset could overtake that one, which the silence of a real network cannot.
    pub(crate) fn network_down(self) {
        if self.is_finished {
            self.close();
        } else {
            self.reset();
        }
    }

    /// Drops the connection with everything that was on its way.
    pub(crate) fn reset(self) {
        if let Err(error) = SockRef::from(&*self.stream).set_linger(Some(Duration::ZERO)) {
            debug!("prepare a reset: {error}");
        }
        self.reader.abort();
        if let Some(writer) = self.writer {
            writer.task.abort();
        }
    }
}

async fn read(connection: ConnectionId, stream: Arc<TcpStream>, inputs: Sender<Input>) {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let input = match read_once(&stream, &mut buffer).await {
            Ok(0) => Input::Finished { connection },
            Ok(len) => Input::Received {
                connection,
                bytes: buffer[..len].to_vec(),
            },
            Err(_) => Input::Reset { connection },
        };
        let is_last = matches!(input, Input::Finished { .. } | Input::Reset { .. });
        // The queue ends only with the program.
        if inputs.send(input).await.is_err() || is_last {
            return;
        }
    }
}

async fn read_once(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        stream.readable().await?;
        let mut read_len = None;
        let tried = stream.try_io(Interest::READABLE, || {
            let len = (&*SockRef::from(stream)).read(buffer)?;
            read_len = Some(len);
            if (1..buffer.len()).contains(&len) {
                // There was no more, and what comes later is announced: no need to ask again.
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Ok(())
        });
        match (read_len, tried) {
            (Some(len), _) => return Ok(len),
            (None, Err(error)) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            (None, _) => {}
        }
    }
}

fn shut_down(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).shutdown(Shutdown::Write)
}

async fn write(
    connection: ConnectionId,
    stream: Arc<TcpStream>,
    mut to_send: UnboundedReceiver<Outgoing>,
    inputs: Sender<Input>,
) {
    while let Some(outgoing) = to_send.recv().await {
        let done = match outgoing {
            Outgoing::Bytes(bytes) => write_all(connection, &stream, &bytes, &inputs).await,
            Outgoing::Finish => shut_down(&stream),
        };
        if done.is_err() {
            // The reader may tell it too; the device hears it once.
            let _ = inputs.send(Input::Reset { connection }).await;
            return;
        }
    }
}

async fn write_all(
    connection: ConnectionId,
    stream: &TcpStream,
    mut bytes: &[u8],
    inputs: &Sender<Input>,
) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(bytes_len) => {
                bytes = &bytes[bytes_len..];
                // Nobody is there to hear it only when the program ends.
                let _ = inputs
                    .send(Input::Sent {
                        connection,
                        bytes_len,
                    })
                    .await;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
