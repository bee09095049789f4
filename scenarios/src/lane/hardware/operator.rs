//! The person at the terminal, who is the hand of a run with real parts: told what to do, waited for, and listened to when
//! the run shall end. Changes no setting of the terminal.

use std::{
    fmt::Display,
    io::{self, BufRead as _, IsTerminal as _, Write as _},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread,
    time::{Duration, Instant},
};

use program::{ExitCode, Problem, Signals};

use crate::{lane::Mismatch, steps::mismatch};

/// How long one look for what is awaited lasts, before somebody looks whether the run shall end.
const TURN: Duration = Duration::from_millis(200);

/// A person at a terminal.
pub(super) struct Operator {
    /// Which signal has ended the run.
    signal: Arc<OnceLock<&'static str>>,
    /// Lines that were typed, once somebody has asked for one.
    typed: Mutex<Option<Receiver<String>>>,
    /// Why the run was ended before its last scenario.
    ended: Arc<OnceLock<Problem>>,
}

impl Operator {
    /// From now on Ctrl-C and its like end the run in order. Why it ended is told in `ended`.
    pub(super) fn new(ended: Arc<OnceLock<Problem>>) -> Result<Self, Problem> {
        let signal = Arc::new(OnceLock::new());
        let told = signal.clone();
        let failed = |why: &io::Error| {
            let what = format!("listen for the signals that end the run: {why}");
            Problem::new(ExitCode::Internal, what)
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .map_err(|why| failed(&why))?;
        let (listening, is_listening) = channel();
        let thread = thread::Builder::new().name("signals".into());
        let serve = move || {
            runtime.block_on(async {
                let mut signals = match Signals::new() {
                    Ok(signals) => signals,
                    Err(why) => {
                        // Whoever waits for it is there.
                        let _ = listening.send(Err(why));
                        return;
                    }
                };
                let _ = listening.send(Ok(()));
                // Only the first one counts; later ones find a run that is ending, and do nothing.
                let _ = told.set(signals.next().await);
            });
        };
        thread.spawn(serve).map_err(|why| failed(&why))?;
        match is_listening.recv() {
            Ok(Ok(())) => {}
            Ok(Err(why)) => return Err(failed(&why)),
            Err(_) => return Err(failed(&io::Error::other("the thread ended"))),
        }
        Ok(Self {
            signal,
            typed: Mutex::new(None),
            ended,
        })
    }

    /// Says something. If nobody hears it, that changes nothing.
    #[expect(
        clippy::unused_self,
        reason = "whoever has no operator has nobody to say it to"
    )]
    pub(super) fn say(&self, text: &str) {
        let mut stderr = io::stderr().lock();
        // A status line may stand there.
        let begin = if stderr.is_terminal() { "\r\x1b[K" } else { "" };
        let _ = writeln!(stderr, "{begin}{}", program::shown(text));
        let _ = stderr.flush();
    }

    /// Why the run was ended, if it was.
    pub(super) fn ended(&self) -> Option<&Problem> {
        if let Some(signal) = self.signal.get() {
            let what = format!("play scenarios with real parts: the run was ended by {signal}");
            self.end(Problem::new(ExitCode::GivenUp, what).hint("every card was reset; take it out"));
        }
        self.ended.get()
    }

    /// Goes on, unless the run was ended.
    pub(super) fn check(&self) -> Result<(), Mismatch> {
        match self.ended() {
            None => Ok(()),
            Some(problem) => Err(mismatch("a run that goes on", problem.what.clone())),
        }
    }

    /// Ends the run.
    pub(super) fn end(&self, problem: Problem) {
        // The first reason is the one that is told.
        let _ = self.ended.set(problem);
    }

    /// Asks the person to do something, and waits until `is_done` says that it was done. `is_done` looks for as long as
    /// it is told and no longer.
    pub(super) fn ask<E: Display>(
        &self,
        what: &str,
        mut is_done: impl FnMut(Duration) -> Result<bool, E>,
    ) -> Result<(), Mismatch> {
        self.begin(what)?;
        loop {
            self.check()?;
            if is_done(TURN)
                .map_err(|why| mismatch(format!("a person who is asked: {what}"), why.to_string()))?
            {
                return Ok(());
            }
        }
    }

    /// Asks the person to do something that no part can tell us of, and to press Enter then.
    pub(super) fn ask_enter(&self, what: &str) -> Result<(), Mismatch> {
        self.begin(&format!("{what}, then press Enter"))?;
        self.line(what).map(drop)
    }

    /// Asks the person whether something is so, which no part can tell us.
    pub(super) fn ask_whether(&self, what: &str) -> Result<bool, Mismatch> {
        self.begin(&format!("{what} [y/n]"))?;
        loop {
            match self.line(what)?.trim() {
                "y" | "yes" => return Ok(true),
                "n" | "no" => return Ok(false),
                _ => self.say("    type y or n, then press Enter"),
            }
        }
    }

    /// Lets real time pass.
    pub(super) fn wait(&self, span: Duration) -> Result<(), Mismatch> {
        let end = Instant::now() + span;
        loop {
            self.check()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(TURN));
        }
    }

    fn begin(&self, what: &str) -> Result<(), Mismatch> {
        self.check()?;
        self.say(&format!("==> {what}"));
        if io::stdin().is_terminal() {
            return Ok(());
        }
        let asked = format!("ask a person ({what}): expected a terminal on standard input, got none");
        self.end(Problem::new(ExitCode::Usage, asked).hint("start it in a terminal that somebody looks at"));
        self.check()
    }

    /// The next line that is typed.
    fn line(&self, what: &str) -> Result<String, Mismatch> {
        let mut typed = self.typed.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = match &mut *typed {
            Some(lines) => lines,
            None => typed.insert(listen().map_err(|why| mismatch("a keyboard", why.to_string()))?),
        };
        loop {
            self.check()?;
            match lines.recv_timeout(TURN) {
                Ok(line) => return Ok(line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let what =
                        format!("ask a person ({what}): expected a line, got the end of standard input");
                    self.end(Problem::new(ExitCode::GivenUp, what));
                }
            }
        }
    }
}

/// Reads lines on a thread of its own, which ends with the process: nothing can cancel a read.
fn listen() -> io::Result<Receiver<String>> {
    let (typed_in, typed) = channel();
    thread::Builder::new().name("keyboard".into()).spawn(move || {
        for line in io::stdin().lock().lines() {
            // Input that cannot be read has ended, too.
            let Ok(line) = line else { return };
            if typed_in.send(line).is_err() {
                return;
            }
        }
    })?;
    Ok(typed)
}
