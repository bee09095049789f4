//! Ten thousand connections that nobody wants, while a manager asks every 10 ms: beside a bare rustls server that holds
//! one connection and drops all others, under the same flood in the same run. The flood is a process of its own.

use std::{
    collections::VecDeque,
    env,
    fmt::Write as _,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use hsm_client::{TlsClient, TlsClientConfig, Trust};

use super::{Demo, Server, Talk, serve_lines};

/// Connections of one flood, a quarter of each kind.
const CONNECTIONS: usize = 10_000;
/// Connections of a kind that its flooder keeps open.
const HELD: usize = 64;
/// How often the manager asks.
const PERIOD: Duration = Duration::from_millis(10);
/// How long anybody waits for anything; who waits so long has lost an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the flood against both and prints the table.
pub(super) fn table(demo: &Demo) -> io::Result<String> {
    let ours = demo.start()?;
    let bare = Server::start(&[
        env::current_exe()?.to_string_lossy().into_owned(),
        "bare-under-flood".into(),
    ])?;
    let trust = TlsClientConfig::new(Trust::FirstUse);
    let mut text = String::from(
        "| under 10,000 unwanted connections | asked | answered | median ms | p99 ms | worst ms | resident MiB before | at most |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    let (of_ours, p99) = row("ours", &ours, &trust)?;
    let (of_bare, bare_p99) = row("a bare rustls server that holds one connection", &bare, &trust)?;
    let write_all = |text: &mut String, parts: &[&str]| parts.iter().for_each(|part| text.push_str(part));
    write_all(&mut text, &[&of_ours, &of_bare]);
    writeln!(text, "\np99 ratio {:.2} (goal: at most 2)", p99 / bare_p99).map_err(io::Error::other)?;
    let served = newcomers(&ours, &trust)?;
    writeln!(
        text,
        "new managers during another flood, and one after it: {served}"
    )
    .map_err(io::Error::other)?;
    Ok(text)
}

/// One server under the flood; its row, and the p99 in milliseconds.
fn row(name: &str, server: &Server, trust: &TlsClientConfig) -> io::Result<(String, f64)> {
    let before = server.status_mib("VmRSS:")?;
    let mut manager = Talk::open(server.address, trust)?;
    manager.stream.set_read_timeout(Some(PATIENCE))?;
    let mut flood = Flood::start(server.address)?;
    let (mut asked, mut took) = (0_usize, Vec::new());
    while flood.goes_on()? {
        let begin = Instant::now();
        asked += 1;
        if manager.round_trip().is_ok() {
            took.push(begin.elapsed().as_secs_f64() * 1e3);
        }
        thread::sleep(PERIOD.saturating_sub(begin.elapsed()));
    }
    manager.close()?;
    took.sort_by(f64::total_cmp);
    let at = |share: usize| {
        took.get((took.len().saturating_sub(1)) * share / 100)
            .copied()
            .unwrap_or(f64::NAN)
    };
    let most = server.status_mib("VmHWM:")?;
    let text = format!(
        "| {name} | {asked} | {} | {:.2} | {:.2} | {:.2} | {before:.1} | {most:.1} |\n",
        took.len(),
        at(50),
        at(99),
        at(100)
    );
    Ok((text, at(99)))
}

/// How many new managers were served during a flood, how often the slowest had to knock, and whether one was after it.
fn newcomers(server: &Server, trust: &TlsClientConfig) -> io::Result<String> {
    let mut flood = Flood::start(server.address)?;
    let (mut served, mut most_knocks, mut slowest) = (0, 0, Duration::ZERO);
    while flood.goes_on()? {
        let begin = Instant::now();
        let mut knocks = 1;
        // A stranger may sit in the place for a moment, or take the last unfinished handshake.
        let mut manager = loop {
            match Talk::open(server.address, trust) {
                Ok(manager) => break manager,
                Err(_) if begin.elapsed() < PATIENCE => knocks += 1,
                Err(error) => return Err(error),
            }
        };
        manager.round_trip()?;
        manager.close()?;
        (served, most_knocks) = (served + 1, most_knocks.max(knocks));
        slowest = slowest.max(begin.elapsed());
        thread::sleep(PERIOD);
    }
    let mut manager = Talk::open(server.address, trust)?;
    manager.round_trip()?;
    manager.close()?;
    Ok(format!(
        "{served} served, {most_knocks} knocks and {:.0} ms for the slowest; after it: served",
        slowest.as_secs_f64() * 1e3
    ))
}

/// A flood on its way.
struct Flood(Child);

impl Flood {
    fn start(address: SocketAddr) -> io::Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        command.args(["flood", &address.to_string()]);
        command.stdin(Stdio::null()).spawn().map(Self)
    }

    fn goes_on(&mut self) -> io::Result<bool> {
        match self.0.try_wait()? {
            None => Ok(true),
            Some(status) if status.success() => Ok(false),
            Some(status) => Err(io::Error::other(format!("the flood ended with {status}"))),
        }
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        // It is ours, and it may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The flood itself: four strangers, each of another kind. What becomes of a connection is not their business.
pub(super) fn run(address: &str) -> io::Result<()> {
    let address: SocketAddr = address.parse().map_err(io::Error::other)?;
    let kinds: [fn(TcpStream) -> io::Result<TcpStream>; 4] = [silent, garbage, half_a_handshake, polite];
    let strangers = kinds.map(|kind| {
        thread::spawn(move || {
            let mut held = VecDeque::new();
            for _ in 0..CONNECTIONS / 4 {
                let stream = TcpStream::connect(address)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                if let Ok(stream) = kind(stream) {
                    held.push_back(stream);
                }
                if held.len() > HELD {
                    held.pop_front();
                }
            }
            Ok::<_, io::Error>(())
        })
    });
    for stranger in strangers {
        stranger
            .join()
            .map_err(|_| io::Error::other("a stranger panicked"))??;
    }
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "the others can fail")]
fn silent(stream: TcpStream) -> io::Result<TcpStream> {
    Ok(stream)
}

fn garbage(mut stream: TcpStream) -> io::Result<TcpStream> {
    stream.write_all(&[0xA5; 64])?;
    // Whatever is answered, and the end.
    stream.read_to_end(&mut Vec::new())?;
    Ok(stream)
}

fn half_a_handshake(mut stream: TcpStream) -> io::Result<TcpStream> {
    let mut tls = TlsClient::new(&TlsClientConfig::new(Trust::FirstUse));
    let hello = tls.poll_transmit().ok_or(io::ErrorKind::UnexpectedEof)?;
    stream.write_all(&hello[..hello.len() / 2])?;
    Ok(stream)
}

/// Shakes hands, hears that somebody else is there, and leaves.
fn polite(stream: TcpStream) -> io::Result<TcpStream> {
    let mut talk = Talk::on(stream, &TlsClientConfig::new(Trust::FirstUse))?;
    talk.line()?;
    talk.tls.close();
    talk.flush()?;
    Ok(talk.stream)
}

/// A server for one client; everybody else is dropped at once.
pub(super) fn bare_server() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    let identity = hsm_listener::Identity::generate("bare").map_err(io::Error::other)?;
    let config = identity.server_config().map_err(io::Error::other)?;
    let (first, _) = listener.accept()?;
    thread::spawn(move || serve_lines(first, &config));
    for stream in listener.incoming() {
        drop(stream?);
    }
    Ok(())
}
