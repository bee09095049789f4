//! The real programs over loopback, beside what they can be compared with: a bare rustls server with the same
//! configuration, and swtpm. Rounds are interleaved. Prints tables and judges nothing; `ci/bench` runs it and builds and
//! installs what it needs.
//!
//! `rates`, `starts`, `flood` and `openings` ask for one table each. Rates are worth comparing only when client and
//! server share one core, as under `taskset -c 0`: otherwise they show where the scheduler put them.

#[path = "real_programs/client.rs"]
mod client;
#[path = "real_programs/flood.rs"]
mod flood;
#[path = "real_programs/openings.rs"]
mod openings;

use std::{
    env,
    fmt::Write as _,
    fs,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use hsm_client::{TlsClient, TlsClientConfig, Trust};
use hsm_listener::Identity;
use protocol::LineBuffer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

const ROUNDS: usize = 12;
const CONNECTIONS_PER_ROUND: u32 = 100;
const ROUND_TRIPS_PER_ROUND: u32 = 2_000;
const STARTS: usize = 20;

/// As long as the device's greeting and its header, so that both servers move the same bytes.
const BARE_LINE_LEN: usize = 220;
const REQUEST: &str = "{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"device.header\"}\n";

fn main() -> io::Result<()> {
    let is_argument = |name: &str| env::args().any(|argument| argument == name);
    if is_argument("bare-server") {
        return bare_server();
    }
    if is_argument("bare-under-flood") {
        return flood::bare_server();
    }
    let mut arguments = env::args().skip_while(|argument| argument != "flood").skip(1);
    if let Some(address) = arguments.next().filter(|address| address.contains(':')) {
        return flood::run(&address);
    }
    let folder = tempfile::tempdir()?;
    let demo = Demo::make(&folder)?;
    let is_asked = |name: &str| {
        is_argument(name)
            || !["rates", "starts", "flood", "openings"]
                .into_iter()
                .any(is_argument)
    };
    if is_asked("rates") {
        writeln!(io::stdout(), "{}", rates(&demo)?)?;
    }
    if is_asked("starts") {
        writeln!(io::stdout(), "{}", starts(&demo)?)?;
    }
    if is_asked("flood") {
        writeln!(io::stdout(), "{}", flood::table(&demo)?)?;
    }
    if is_asked("openings") {
        writeln!(io::stdout(), "{}", openings::table_of(&demo)?)?;
    }
    Ok(())
}

/// The head of a table, which says how many cores everybody in it shared.
fn table() -> io::Result<String> {
    let cores = match thread::available_parallelism()?.get() {
        1 => "everything on one core".to_owned(),
        cores => format!("on {cores} cores"),
    };
    Ok(format!(
        "| what, {cores} | ours: median (5 % – 95 %) | beside it: median (5 % – 95 %) | ratio | goal |\n|---|---:|---:|---:|---:|\n"
    ))
}

fn rates(demo: &Demo) -> io::Result<String> {
    let mut table = table()?;
    let (ours, bare) = (demo.start()?, Server::start(&bare_command()?)?);
    let trust = TlsClientConfig::new(Trust::FirstUse);
    let mut connections = Pair::default();
    let mut round_trips = Pair::default();
    for _ in 0..ROUNDS {
        for (server, rates) in [(&ours, &mut connections.ours), (&bare, &mut connections.beside)] {
            rates.push(per_second(CONNECTIONS_PER_ROUND, || {
                Talk::open(server.address, &trust)?.close()
            })?);
        }
        for (server, rates) in [(&ours, &mut round_trips.ours), (&bare, &mut round_trips.beside)] {
            let mut talk = Talk::open(server.address, &trust)?;
            rates.push(per_second(ROUND_TRIPS_PER_ROUND, || talk.round_trip())?);
            talk.close()?;
        }
    }
    connections.row(
        &mut table,
        "management connections/s, beside a bare rustls server",
        "≥ 90 %",
        |rate| format!("{rate:.0}"),
    );
    round_trips.row(
        &mut table,
        "round trips/s on one connection, beside a bare rustls server",
        "≥ 80 %",
        |rate| format!("{rate:.0}"),
    );
    drop((ours, bare));
    client::row(demo, &mut table)?;
    Ok(table)
}

fn starts(demo: &Demo) -> io::Result<String> {
    let mut table = table()?;
    let (mut starts, mut memory) = (Pair::default(), Pair::default());
    for _ in 0..STARTS {
        let begin = Instant::now();
        let server = demo.start_on(free_port()?)?;
        starts.ours.push(begin.elapsed().as_secs_f64() * 1e3);
        memory.ours.push(server.resident_mib()?);
        drop(server);
        let (state, port) = (tempfile::tempdir()?, free_port()?);
        let begin = Instant::now();
        let server = Server::start_swtpm(state.path(), port)?;
        starts.beside.push(begin.elapsed().as_secs_f64() * 1e3);
        memory.beside.push(server.resident_mib()?);
    }
    starts.row(
        &mut table,
        "start to accepting, ms, beside swtpm",
        "< 10 ms",
        |ms| format!("{ms:.1}"),
    );
    memory.row(
        &mut table,
        "resident memory, MiB, beside swtpm",
        "< 12 MiB",
        |mib| format!("{mib:.1}"),
    );

    let server = demo.start()?;
    let mut auth = Pair::default();
    for _ in 0..STARTS {
        demo.auth(server.address, "ana", "intermediary")?;
        auth.ours
            .push(demo.auth(server.address, "bruno", "administrator")?.as_secs_f64() * 1e3);
    }
    auth.row(
        &mut table,
        "`hsm-client auth`, start to administrator, ms",
        "< 50 ms",
        |ms| format!("{ms:.1}"),
    );
    Ok(table)
}

/// Figures of ours and of what stands beside it.
#[derive(Default)]
struct Pair {
    ours: Vec<f64>,
    beside: Vec<f64>,
}

impl Pair {
    fn row(&mut self, table: &mut String, what: &str, goal: &str, shown: impl Fn(f64) -> String) {
        let spread = |figures: &mut Vec<f64>| {
            figures.sort_by(f64::total_cmp);
            let at = |share: usize| {
                figures
                    .get(figures.len().saturating_sub(1) * share / 100)
                    .copied()
            };
            (at(5), at(50), at(95))
        };
        let text = |(low, median, high): (Option<f64>, Option<f64>, Option<f64>)| match (low, median, high) {
            (Some(low), Some(median), Some(high)) => {
                format!("{} ({} – {})", shown(median), shown(low), shown(high))
            }
            _ => "–".to_owned(),
        };
        let (ours, beside) = (spread(&mut self.ours), spread(&mut self.beside));
        let ratio = match (ours.1, beside.1) {
            (Some(ours), Some(beside)) => format!("{:.0} %", ours / beside * 100.0),
            _ => "–".to_owned(),
        };
        writeln!(
            table,
            "| {what} | {} | {} | {ratio} | {goal} |",
            text(ours),
            text(beside)
        )
        .expect("a String takes everything");
    }
}

fn per_second(count: u32, mut once: impl FnMut() -> io::Result<()>) -> io::Result<f64> {
    let begin = Instant::now();
    for _ in 0..count {
        once()?;
    }
    Ok(f64::from(count) / begin.elapsed().as_secs_f64())
}

/// A client that reads lines.
struct Talk {
    stream: TcpStream,
    tls: TlsClient,
    lines: LineBuffer,
}

impl Talk {
    /// Connects and waits for the greeting.
    fn open(address: SocketAddr, trust: &TlsClientConfig) -> io::Result<Self> {
        let mut talk = Self::on(TcpStream::connect(address)?, trust)?;
        let greeting = talk.line()?;
        if greeting.contains("denied") {
            return Err(io::Error::other(greeting));
        }
        Ok(talk)
    }

    /// Begins to shake hands on a connection.
    fn on(stream: TcpStream, trust: &TlsClientConfig) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let mut talk = Self {
            stream,
            tls: TlsClient::new(trust),
            lines: LineBuffer::default(),
        };
        talk.flush()?;
        Ok(talk)
    }

    fn round_trip(&mut self) -> io::Result<()> {
        self.tls.send(REQUEST.as_bytes());
        self.flush()?;
        self.line().map(|_| ())
    }

    /// Says that it leaves, and waits until the other side has.
    fn close(mut self) -> io::Result<()> {
        self.tls.close();
        self.flush()?;
        self.stream.shutdown(std::net::Shutdown::Write)?;
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).map(|_| ())
    }

    fn line(&mut self) -> io::Result<String> {
        let mut bytes = [0; 16_384];
        loop {
            if let Some(line) = self.lines.next_line() {
                let line = line.map_err(io::Error::other)?;
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            let read = self.stream.read(&mut bytes)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let mut plaintext = Vec::new();
            self.tls
                .receive(&bytes[..read], &mut plaintext)
                .map_err(io::Error::other)?;
            self.lines.push(&plaintext);
            self.flush()?;
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while let Some(bytes) = self.tls.poll_transmit() {
            self.stream.write_all(&bytes)?;
        }
        Ok(())
    }
}

/// The least a TLS server can do: greet, answer each line with a line, one client at a time.
fn bare_server() -> io::Result<()> {
    let identity = Identity::generate("bare").map_err(io::Error::other)?;
    let config = identity.server_config().map_err(io::Error::other)?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    for stream in listener.incoming() {
        serve_lines(stream?, &config)?;
    }
    Ok(())
}

fn serve_lines(stream: TcpStream, config: &Arc<ServerConfig>) -> io::Result<()> {
    let line = format!("{}\n", "x".repeat(BARE_LINE_LEN));
    stream.set_nodelay(true)?;
    let tls = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(tls, stream);
    stream.write_all(line.as_bytes())?;
    let mut lines = LineBuffer::default();
    let mut bytes = [0; 16_384];
    while let Ok(read @ 1..) = stream.read(&mut bytes) {
        lines.push(&bytes[..read]);
        while let Some(Ok(_)) = lines.next_line() {
            stream.write_all(line.as_bytes())?;
        }
    }
    stream.conn.send_close_notify();
    // A client that is gone already needs no good-bye.
    let _ = stream.flush();
    Ok(())
}

fn bare_command() -> io::Result<Vec<String>> {
    Ok(vec![
        env::current_exe()?.to_string_lossy().into_owned(),
        "bare-server".into(),
    ])
}

/// A server of its own process.
struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// A server that prints its address.
    fn start(command: &[String]) -> io::Result<Self> {
        let mut child = Command::new(&command[0])
            .args(&command[1..])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut told = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let (mut text, mut byte) = (String::new(), [0]);
        while told.read(&mut byte)? == 1 && byte[0] != b'\n' {
            text.push(char::from(byte[0]));
        }
        Ok(Self {
            child,
            address: text.parse().map_err(io::Error::other)?,
        })
    }

    fn start_swtpm(state: &Path, port: u16) -> io::Result<Self> {
        let mut command = Command::new("swtpm");
        command.args(["socket", "--tpm2", "--flags", "not-need-init", "--tpmstate"]);
        command.arg(format!("dir={}", state.display()));
        command.args(["--server", &format!("type=tcp,port={port}")]);
        Self::until_accepting(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?, port)
    }

    fn until_accepting(mut child: Child, port: u16) -> io::Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let begin = Instant::now();
        while TcpStream::connect(address).is_err() {
            if child.try_wait()?.is_some() || begin.elapsed() > Duration::from_secs(10) {
                return Err(io::Error::other("the server does not accept"));
            }
        }
        Ok(Self { child, address })
    }

    fn resident_mib(&self) -> io::Result<f64> {
        self.status_mib("VmRSS:")
    }

    fn status_mib(&self, name: &str) -> io::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib: Option<f64> = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        kib.map(|kib| kib / 1024.0)
            .ok_or_else(|| io::Error::other(format!("no {name}")))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is ours, and it may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A demo device and the programs that were built beside this.
struct Demo {
    folder: PathBuf,
    programs: PathBuf,
}

impl Demo {
    fn make(folder: &TempDir) -> io::Result<Self> {
        let programs = env::current_exe()?;
        // A bench stands in `target/release/deps`.
        let programs = programs
            .ancestors()
            .nth(2)
            .ok_or(io::ErrorKind::NotFound)?
            .to_owned();
        let demo = Self {
            folder: folder.path().join("demo"),
            programs,
        };
        let made = Command::new(demo.programs.join("hsm-emulator"))
            .args(["demo", "--dir"])
            .arg(&demo.folder)
            .output()?;
        if !made.status.success() {
            return Err(io::Error::other(
                String::from_utf8_lossy(&made.stderr).into_owned(),
            ));
        }
        Ok(demo)
    }

    fn start(&self) -> io::Result<Server> {
        self.start_on(free_port()?)
    }

    fn start_on(&self, port: u16) -> io::Result<Server> {
        let mut command = Command::new(self.programs.join("hsm-emulator"));
        command.args([
            "run",
            "--headless",
            "--log-level",
            "off",
            "--listen",
            &format!("127.0.0.1:{port}"),
            "--state",
        ]);
        command.arg(self.folder.join("state"));
        Server::until_accepting(command.stdin(Stdio::null()).stderr(Stdio::null()).spawn()?, port)
    }

    /// One custodian; how long it took until this was printed.
    fn auth(&self, hsm: SocketAddr, person: &str, told: &str) -> io::Result<Duration> {
        let begin = Instant::now();
        let mut child = Command::new(self.programs.join("hsm-client"))
            .args(["--hsm", &hsm.to_string(), "--known-hsms"])
            .arg(self.folder.join("known_hsms"))
            .arg("auth")
            .arg("--card")
            .arg(self.folder.join(format!("cards/{person}.card")))
            .args(["--pin-env", "DEMO_PIN"])
            .env("DEMO_PIN", "12345678")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut output = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let (mut text, mut bytes) = (String::new(), [0; 1024]);
        while !text.contains(told) {
            let read = output.read(&mut bytes)?;
            if read == 0 {
                return Err(io::Error::other(format!(
                    "hsm-client did not say `{told}`: {text}"
                )));
            }
            text.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
        let took = begin.elapsed();
        // The end of input ends an administrator's session.
        drop(child.stdin.take());
        child.wait()?;
        Ok(took)
    }
}
