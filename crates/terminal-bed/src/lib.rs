//! For tests: a terminal with a shell in it, which somebody types into and looks at. tmux holds it, in a server of its
//! own. Screens are waited for; nothing sleeps. Knows no program of the rig.
//!
//! ```
//! use terminal_bed::TerminalBed;
//!
//! let bed = TerminalBed::new(80, 26, "screen");
//! bed.types("echo $((6 * 7))");
//! bed.keys(&["Enter"]);
//! bed.wait_for("42");
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "for tests")]

use std::{
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

/// How long a screen may take. Only a test that fails waits for it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How long a screen may take that is written down as it is.
const WRITTEN_PATIENCE: Duration = Duration::from_secs(2);

/// A terminal. Everything in it ends with it.
#[derive(Debug)]
pub struct TerminalBed {
    folder: tempfile::TempDir,
}

impl TerminalBed {
    /// A terminal of this size, with a shell that believes it is of this kind and that knows nothing of the environment.
    pub fn new(columns: u16, rows: u16, kind: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bed = Self { folder };
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let kind = format!("TERM={kind}");
        let server = [
            "-u",
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            &columns,
            "-y",
            &rows,
        ];
        let shell = ["env", "-i", &kind, "PATH=/usr/bin:/bin", "PS1=ready> ", "sh"];
        bed.tmux(&[&server[..], &shell[..]].concat());
        bed.wait_for("ready>");
        bed
    }

    /// A folder that is there as long as the terminal.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What tmux says when it is told this.
    #[track_caller]
    pub fn tmux(&self, args: &[&str]) -> String {
        let ran = Command::new("tmux")
            .arg("-S")
            .arg(self.folder.path().join("tmux"))
            .args(args)
            .output()
            .expect("tmux is installed: ci/test does it");
        assert!(ran.status.success(), "tmux {args:?}: {ran:?}");
        String::from_utf8(ran.stdout).unwrap()
    }

    /// Types keys by tmux's names for them.
    #[track_caller]
    pub fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    /// Types a text as it is.
    #[track_caller]
    pub fn types(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
    }

    /// Makes the terminal as large.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.tmux(&[
            "resize-window",
            "-x",
            &columns.to_string(),
            "-y",
            &rows.to_string(),
        ]);
    }

    /// What is on the screen, without blanks at the ends of rows.
    pub fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// The same with the sequences that a terminal needs to show colours and highlights.
    pub fn screen_with_styles(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-e"])
    }

    /// Looks at the screen until it shows this, and gives the screen.
    #[track_caller]
    pub fn wait_for(&self, text: &str) -> String {
        self.wait_until(&format!("`{text}`"), |screen| screen.contains(text))
    }

    /// Looks at the screen until it is as described, and gives the screen.
    #[track_caller]
    pub fn wait_until(&self, what: &str, is_it: impl Fn(&str) -> bool) -> String {
        let begin = Instant::now();
        loop {
            let screen = self.screen();
            if is_it(&screen) {
                return screen;
            }
            assert!(begin.elapsed() < PATIENCE, "{what} never came:\n{screen}");
            // A screen sends no event; the next look may be the one.
            thread::yield_now();
        }
    }

    /// Waits for the screen that insta keeps at this path, with what differs from run to run taken out, and gives it. A
    /// screen that was painted in part is looked at again; of one that never comes, what is there instead is given.
    pub fn wait_for_snapshot(&self, path: &str, same_every_time: impl Fn(&str) -> String) -> String {
        let kept = fs::read_to_string(path).unwrap_or_default();
        let expected = kept.splitn(3, "---\n").nth(2).unwrap_or_default().trim_end();
        // Who writes snapshots anew has none to wait for, and reads them.
        let is_written = std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always");
        let patience = if is_written { WRITTEN_PATIENCE } else { PATIENCE };
        let begin = Instant::now();
        loop {
            let screen = same_every_time(&self.screen()).trim_end().to_owned();
            if screen == expected || begin.elapsed() >= patience {
                return screen;
            }
            thread::yield_now();
        }
    }

    /// The settings of the terminal, as `stty -a` tells them. The name is that of the occasion.
    #[track_caller]
    pub fn settings(&self, name: &str) -> String {
        let path = self.folder.path().join(name);
        let path_text = path.to_str().unwrap();
        self.types(&format!("stty -a > {path_text}; echo said-{name}"));
        self.keys(&["Enter"]);
        self.wait_for(&format!("\nsaid-{name}"));
        fs::read_to_string(path).unwrap()
    }

    /// Types a command; its exit code is told on the screen when it ends.
    #[track_caller]
    pub fn run(&self, command: &str) {
        self.types(&format!("clear; {command}; echo ended-with-$?"));
        self.keys(&["Enter"]);
    }

    /// The number of the program that runs in the terminal.
    pub fn program_id(&self) -> String {
        let shell = self.tmux(&["display-message", "-p", "#{pane_pid}"]);
        let children = format!("/proc/{0}/task/{0}/children", shell.trim());
        fs::read_to_string(children).unwrap().trim().to_owned()
    }

    /// Sends a signal such as `-TERM` to the program that runs in the terminal.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        let program = self.program_id();
        let ran = Command::new("kill").args([name, &program]).status().unwrap();
        assert!(ran.success(), "{program}");
    }

    /// Waits until the program has ended with this exit code, and sees that the terminal is as its settings were
    /// before, and the other screen gone. The name is that of the occasion.
    #[track_caller]
    pub fn check_given_back(&self, exit_code: i32, before: &str, name: &str) {
        self.wait_for(&format!("ended-with-{exit_code}"));
        assert_eq!(self.settings(name), before, "after {name}");
        let screen = self.screen();
        assert!(!screen.contains('┌'), "the other screen is gone:\n{screen}");
    }
}

impl Drop for TerminalBed {
    fn drop(&mut self) {
        let socket = self.folder.path().join("tmux");
        // One that has gone by itself needs no end.
        let _ = Command::new("tmux")
            .arg("-S")
            .arg(socket)
            .arg("kill-server")
            .output();
    }
}
