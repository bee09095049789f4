//! One connection as two tasks that only move bytes, and the hand that holds them. Knows no TLS and no line.

use std::{io, net::Shutdown, sync::Arc, time::Duration};

use hsm_core::ConnectionId;
use hsm_listener::{Input, LINGER_TIMEOUT};
use socket2::SockRef;
use tokio::{
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
    stream: Arc<TcpStream>,
    outgoing: UnboundedSender<Outgoing>,
    reader: JoinHandle<()>,
    writer: JoinHandle<()>,
    /// The last line is on its way, and only the other end is waited for.
    is_finished: bool,
}

impl Wire {
    /// Starts to move bytes. What happens to the connection goes to `inputs`, in its order.
    pub(crate) fn new(id: ConnectionId, stream: TcpStream, inputs: &Sender<Input>) -> Self {
        if let Err(error) = stream.set_nodelay(true) {
            debug!("turn off Nagle's algorithm: {error}");
        }
        let stream = Arc::new(stream);
        let (outgoing, to_send) = unbounded_channel();
        Self {
            reader: spawn(read(id, Arc::clone(&stream), inputs.clone())),
            writer: spawn(write(id, Arc::clone(&stream), to_send, inputs.clone())),
            stream,
            outgoing,
            is_finished: false,
        }
    }

    /// Sends bytes after those before them.
    pub(crate) fn transmit(&self, bytes: Vec<u8>) {
        // A writer that is gone has told that the connection is.
        let _ = self.outgoing.send(Outgoing::Bytes(bytes));
    }

    /// Closes our half after what was transmitted.
    pub(crate) fn finish(&mut self) {
        self.is_finished = true;
        let _ = self.outgoing.send(Outgoing::Finish);
    }

    /// Reads no more, sends what was transmitted if the other end takes it in time, and closes.
    pub(crate) fn close(self) {
        self.reader.abort();
        drop(self.outgoing);
        let mut writer = self.writer;
        spawn(async move {
            if timeout(LINGER_TIMEOUT, &mut writer).await.is_err() {
                writer.abort();
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
        self.writer.abort();
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
        match stream.try_read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return done,
        }
    }
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
            Outgoing::Finish => SockRef::from(&*stream).shutdown(Shutdown::Write),
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
