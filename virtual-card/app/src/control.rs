//! The control socket of a card in a reader: a Unix socket beside its image, by which its owner puts it in and takes it
//! out. Moves no card itself.

use std::{
    ffi::OsString,
    fs::{self, Permissions},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::{
        fs::{FileTypeExt as _, PermissionsExt as _},
        net::UnixStream as BlockingStream,
    },
    path::{Path, PathBuf},
    process,
    sync::Arc,
    time::Duration,
};

use program::{ExitCode, Problem};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    sync::{Semaphore, mpsc, oneshot},
    time::timeout,
};
use tracing::debug;

/// Bytes of a line on this socket, its end included.
pub(crate) const LINE_BYTES_MAX: usize = 512;
/// Those who may ask at the same time; others wait.
const ASKING_MAX: usize = 8;
/// How long one may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the owner of a card wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// Put it in.
    Insert,
    /// Take it out.
    Remove,
}

impl Move {
    const fn word(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Remove => "remove",
        }
    }
}

/// Where the card is now, as it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the reader at this address, or waiting for readers there.
    In(String),
    /// Put in, but no reader is there yet; why.
    Waiting(String),
    /// Out.
    Out,
}

/// A move that was asked for, to be answered once it is done.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) what: Move,
    pub(crate) answer: oneshot::Sender<Place>,
}

/// The listening side, for as long as the card is held.
#[derive(Debug)]
pub(crate) struct Control {
    path: PathBuf,
    asked: mpsc::Receiver<Asked>,
    listening: tokio::task::JoinHandle<()>,
}

impl Control {
    /// Listens beside the image. Only for who holds the card: a socket that is there was left by a killed program.
    pub(crate) fn listen(image: &Path) -> Result<Self, Problem> {
        let path = path_beside(image);
        let problem = |error: &io::Error| {
            let problem = Problem::io("listen on control socket", &path, error);
            match error.kind() {
                io::ErrorKind::InvalidInput => {
                    problem.hint("its path is too long for a socket; use a shorter one")
                }
                _ => problem,
            }
        };
        let listener = bind(&path).map_err(|error| problem(&error))?;
        let (tell, asked) = mpsc::channel(ASKING_MAX);
        let listening = tokio::spawn(listen(listener, tell));
        Ok(Self {
            path,
            asked,
            listening,
        })
    }

    /// The next move that is asked for. Nothing is lost if it is dropped.
    pub(crate) async fn next(&mut self) -> Asked {
        match self.asked.recv().await {
            Some(asked) => asked,
            None => std::future::pending().await,
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.listening.abort();
        // Whoever holds the card next replaces it anyway.
        let _ = fs::remove_file(&self.path);
    }
}

/// `NAME.control` beside `NAME`.
pub(crate) fn path_beside(image: &Path) -> PathBuf {
    let mut name = image.file_name().unwrap_or_default().to_owned();
    name.push(".control");
    image.with_file_name(name)
}

/// For its owner alone from the first moment: it takes its name only after its mode.
fn bind(path: &Path) -> io::Result<UnixListener> {
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "there is a file of that name that is no socket",
            ));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut name = OsString::from(path.file_name().unwrap_or_default());
    name.push(format!(".{}", process::id()));
    let unnamed = path.with_file_name(name);
    match fs::remove_file(&unnamed) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(&unnamed)?;
    let named = fs::set_permissions(&unnamed, Permissions::from_mode(0o600))
        .and_then(|()| fs::rename(&unnamed, path));
    if let Err(error) = named {
        let _ = fs::remove_file(&unnamed);
        return Err(error);
    }
    Ok(listener)
}

async fn listen(listener: UnixListener, tell: mpsc::Sender<Asked>) {
    let asking = Arc::new(Semaphore::new(ASKING_MAX));
    loop {
        let Ok(place) = Arc::clone(&asking).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let tell = tell.clone();
                tokio::spawn(async move {
                    if let Err(error) = converse(stream, &tell).await {
                        debug!("control socket: {error}");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                // Most likely there is no file descriptor left. Whoever waits may wait until there is one.
                debug!("control socket: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse(mut stream: UnixStream, tell: &mpsc::Sender<Asked>) -> io::Result<()> {
    let line = timeout(PATIENCE, read_line(&mut stream)).await??;
    let what = [Move::Insert, Move::Remove]
        .into_iter()
        .find(|what| what.word() == line);
    let answer = match what {
        None => String::from("expected `insert` or `remove`, got another word"),
        Some(what) => {
            let (answer, answered) = oneshot::channel();
            // If the card is gone, so is this socket in a moment.
            let _ = tell.send(Asked { what, answer }).await;
            match answered.await {
                Ok(Place::In(place)) => format!("in {place}"),
                Ok(Place::Waiting(why)) => format!("waiting {why}"),
                Ok(Place::Out) => String::from("out"),
                Err(_) => String::from("the program that holds the card is ending"),
            }
        }
    };
    stream.write_all(format!("{answer}\n").as_bytes()).await
}

async fn read_line(stream: &mut UnixStream) -> io::Result<String> {
    let mut line = Vec::new();
    loop {
        let byte = stream.read_u8().await?;
        if byte == b'\n' {
            return Ok(String::from_utf8_lossy(&line).into_owned());
        }
        if line.len() + 1 == LINE_BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the line does not end",
            ));
        }
        line.push(byte);
    }
}

/// Asks the program that holds this card, from another program.
pub(crate) fn ask(image: &Path, what: Move) -> Result<Place, Problem> {
    let path = path_beside(image);
    let problem = |error: &io::Error| {
        let doing = format!("ask over control socket to {} the card", what.word());
        Problem::io(&doing, &path, error)
    };
    let mut stream = BlockingStream::connect(&path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Problem::new(
            ExitCode::InputOutput,
            format!(
                "{} card `{}`: no program holds it in a reader",
                what.word(),
                image.display()
            ),
        )
        .hint("start `virtual-card vicc` with this card"),
        _ => problem(&error),
    })?;
    let mut line = String::new();
    let limit = u64::try_from(LINE_BYTES_MAX).expect("it is small");
    stream
        .write_all(format!("{}\n", what.word()).as_bytes())
        .and_then(|()| BufReader::new(stream).take(limit).read_line(&mut line))
        .map_err(|error| problem(&error))?;
    match line.trim_end().split_once(' ').unwrap_or((line.trim_end(), "")) {
        ("in", place) => Ok(Place::In(place.to_owned())),
        ("waiting", why) => Ok(Place::Waiting(why.to_owned())),
        ("out", "") => Ok(Place::Out),
        _ => Err(Problem::new(
            ExitCode::InputOutput,
            format!(
                "{} card `{}`: expected to hear where it is, got `{}`",
                what.word(),
                image.display(),
                line.trim_end()
            ),
        )),
    }
}
