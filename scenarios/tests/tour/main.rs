//! Types the README's five minutes into shells, as they stand there, and compares what comes with what the page says.
//! `…` on the page stands for any text. The page says in comments which terminal a block is for.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::Duration,
};

/// How long a line may take to come.
const PATIENCE: Duration = Duration::from_secs(60);
/// Said by a shell after each command, to know where its output ends.
const DONE: &str = "--- the command has ended ---";

fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What the page asks for.
enum Act {
    Type {
        terminal: String,
        until: Option<String>,
        block: Vec<String>,
    },
    EndInput {
        terminal: String,
    },
}

/// The acts of the page, in order.
fn tour() -> Vec<Act> {
    let page = fs::read_to_string(repository().join("README.md")).expect("there is a README");
    let (mut acts, mut lines, mut place) = (Vec::new(), page.lines(), None);
    while let Some(line) = lines.next() {
        if let Some(told) = line
            .strip_prefix("<!-- tour: ")
            .and_then(|rest| rest.strip_suffix(" -->"))
        {
            match told.strip_prefix("end of input in terminal ") {
                Some(terminal) => acts.push(Act::EndInput {
                    terminal: terminal.to_owned(),
                }),
                None => {
                    place = Some(
                        told.strip_prefix("in terminal ")
                            .expect("a known comment")
                            .to_owned(),
                    );
                }
            }
        } else if line == "```console"
            && let Some(told) = place.take()
        {
            let (terminal, until) = told.split_once(", until it says ").unwrap_or((&told, ""));
            let until = until.trim_matches('`');
            acts.push(Act::Type {
                terminal: terminal.to_owned(),
                until: (!until.is_empty()).then(|| until.to_owned()),
                block: lines
                    .by_ref()
                    .take_while(|line| *line != "```")
                    .map(str::to_owned)
                    .collect(),
            });
        }
    }
    acts
}

/// A shell and what it says.
struct Terminal {
    shell: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Terminal {
    fn open(folder: &Path, programs: &Path) -> Self {
        let path = env::join_paths(
            [programs.to_owned()]
                .into_iter()
                .chain(env::split_paths(&env::var_os("PATH").unwrap_or_default())),
        );
        let mut shell = Command::new("bash")
            .args(["--noprofile", "--norc"])
            // A group of its own, so that what it started can be ended with it.
            .process_group(0)
            .current_dir(folder)
            .env("PATH", path.expect("a path of folders"))
            .env("HOME", folder)
            .env_remove("XDG_CONFIG_HOME")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("there is a bash");
        let mut input = shell.stdin.take().expect("it was asked for");
        // What a terminal shows comes from both.
        writeln!(input, "exec 2>&1").expect("the shell reads");
        let output = BufReader::new(shell.stdout.take().expect("it was asked for"));
        let (sender, lines) = channel();
        thread::spawn(move || {
            output
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| sender.send(line))
        });
        Self {
            shell,
            input: Some(input),
            lines,
        }
    }

    fn types(&mut self, line: &str) {
        writeln!(self.input.as_mut().expect("its input has not ended"), "{line}").expect("the shell reads");
    }

    fn next(&self, waiting_for: &str) -> String {
        self.lines
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|_| panic!("`{waiting_for}` did not come"))
    }

    /// Types one command and gives what it says.
    fn run(&mut self, command: &str) -> Vec<String> {
        self.types(command);
        // Keeps the exit code for a command that asks for it.
        self.types(&format!("code=$?; echo '{DONE}'; (exit $code)"));
        let mut said = Vec::new();
        loop {
            match self.next(command) {
                line if line == DONE => return said,
                line => said.push(line),
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.input = None;
        // A program in the foreground outlives its shell; it is asked to end as a person would with Ctrl-C.
        let group = format!("kill -INT -- -{}", self.shell.id());
        let _ = Command::new("bash")
            .args(["-c", &group])
            .stderr(Stdio::null())
            .status();
        let _ = self.shell.wait();
    }
}

/// Whether a line is as the page says, where `…` stands for anything.
fn is_as_written(line: &str, written: &str) -> bool {
    let mut parts = written.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn the_tour_of_the_readme_ends_as_written() {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "-p", "hsm-emulator", "-p", "hsm-client-app"])
        // Beside this test stand the programs of its own profile.
        .args((!cfg!(debug_assertions)).then_some("--release"))
        .current_dir(repository())
        .status();
    assert!(
        built.expect("cargo runs this test").success(),
        "the programs are built"
    );
    let programs = env::current_exe().expect("a test has a path");
    let programs = programs.ancestors().nth(2).expect("two folders up");
    let folder = tempfile::tempdir().expect("a folder for the tour");

    let mut terminals: Vec<(String, Terminal)> = Vec::new();
    let acts = tour();
    assert!(acts.len() >= 8, "the README has a tour");
    for act in acts {
        let name = match &act {
            Act::Type { terminal, .. } | Act::EndInput { terminal } => terminal.clone(),
        };
        if !terminals.iter().any(|(known, _)| *known == name) {
            terminals.push((name.clone(), Terminal::open(folder.path(), programs)));
        }
        let (_, terminal) = terminals
            .iter_mut()
            .find(|(known, _)| *known == name)
            .expect("it was just opened");
        match act {
            Act::EndInput { .. } => {
                terminal.input = None;
                assert!(
                    terminal.shell.wait().expect("it is ours").success(),
                    "{name} leaves in peace"
                );
            }
            Act::Type { until, block, .. } => type_block(terminal, until.as_deref(), &block),
        }
    }
}

fn type_block(terminal: &mut Terminal, until: Option<&str>, block: &[String]) {
    let mut rest = block;
    while let Some((command, after)) = rest.split_first() {
        let command = command.strip_prefix("$ ").expect("a block begins with a command");
        let written_len = after.iter().take_while(|line| !line.starts_with("$ ")).count();
        let (written, next) = after.split_at(written_len);
        rest = next;
        if let (Some(until), true) = (until, rest.is_empty()) {
            // The last command of such a block stays in the foreground.
            terminal.types(command);
            while !terminal.next(until).contains(until) {}
            return;
        }
        let said = terminal.run(command);
        let as_written = said.len() == written.len()
            && said
                .iter()
                .zip(written)
                .all(|(line, written)| is_as_written(line, written));
        assert!(
            as_written,
            "$ {command}\nsays\n{}\nand the README\n{}",
            said.join("\n"),
            written.join("\n")
        );
    }
}
