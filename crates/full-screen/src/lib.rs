//! A terminal that a program fills: another screen, no echo, every key as it is typed. Given back as it was, whatever
//! ends the program. Knows nothing of what is painted, and what a key means.
//!
//! ```no_run
//! use full_screen::{FullScreen, Mouse};
//! use ratatui_core::style::Style;
//!
//! let mut screen = FullScreen::take(Mouse::Left)?;
//! screen.draw(|frame| {
//!     frame.buffer_mut().set_string(0, 0, "hello", Style::new());
//! })?;
//! # Ok::<(), std::io::Error>(())
//! ```

use std::{
    io::{self, IsTerminal as _, Stdout, Write as _},
    panic, thread,
    time::Duration,
};

pub use ratatui_core::terminal::Frame;
use ratatui_core::{
    buffer::{Buffer, Cell},
    layout::Rect,
    terminal::Terminal,
};
pub use ratatui_crossterm::crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind,
};
use ratatui_crossterm::{
    CrosstermBackend,
    crossterm::{
        cursor::{Hide, Show},
        event::{self, DisableMouseCapture, EnableMouseCapture},
        execute,
        terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size},
    },
};
use rustix::process::{Signal, getpid, kill_process};

/// In debug builds, a variable with this name holds a text that makes the program panic as soon as it is on the screen:
/// the only way for a test to see that even then the terminal is given back.
pub const PANIC_ON: &str = "RIG_PANIC_ON";

/// Whether clicks are told. While they are, the terminal cannot be used to mark and copy text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mouse {
    /// They are told.
    Watched,
    /// They are the terminal's own business.
    Left,
}

/// A terminal that is painted on, until this is dropped.
#[derive(Debug)]
pub struct FullScreen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    mouse: Mouse,
}

impl FullScreen {
    /// Takes the terminal over, once a process. A panic of this thread gives it back before it says anything.
    ///
    /// # Errors
    ///
    /// Standard input or standard output is no terminal, or the terminal refuses.
    pub fn take(mouse: Mouse) -> io::Result<Self> {
        if !is_here() {
            return Err(io::Error::other("standard input or standard output is none"));
        }
        let main = thread::current().id();
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if thread::current().id() == main {
                give_back();
            }
            before(info);
        }));
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        // From here on, whatever fails gives it back.
        let screen = Self { terminal, mouse };
        screen.enter()?;
        Ok(screen)
    }

    fn enter(&self) -> io::Result<()> {
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, Hide)?;
        match self.mouse {
            Mouse::Watched => execute!(io::stdout(), EnableMouseCapture),
            Mouse::Left => Ok(()),
        }
    }

    /// Paints what differs from the last time, in the size that the terminal has now.
    pub fn draw(&mut self, paint: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        let asked_for = std::env::var(PANIC_ON).ok().filter(|_| cfg!(debug_assertions));
        self.terminal.draw(|frame| {
            paint(frame);
            if let Some(text) = &asked_for {
                assert!(
                    !text_of(frame.buffer_mut()).contains(text),
                    "`{PANIC_ON}` asked for it"
                );
            }
        })?;
        Ok(())
    }

    /// Gives the terminal back, stops this process until somebody continues it, and takes the terminal again.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        // Here it stops. A stopped program can be continued at another terminal size, with anything on the screen.
        kill_process(getpid(), Signal::STOP)?;
        self.enter()?;
        // Forgets what was on it. `clear` would ask the terminal where its cursor is, and the answer is for whoever
        // waits for keys.
        let (columns, rows) = measure()?;
        self.terminal.resize(Rect::new(0, 0, columns, rows))
    }
}

impl Drop for FullScreen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Whether this program has a terminal to read from and to write to.
pub fn is_here() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Columns and rows of the terminal.
pub fn measure() -> io::Result<(u16, u16)> {
    size()
}

/// A terminal that is gone needs nothing back. Done twice it does no harm.
fn give_back() {
    let _ = execute!(io::stdout(), DisableMouseCapture, LeaveAlternateScreen, Show);
    let _ = io::stdout().flush();
    let _ = disable_raw_mode();
}

fn text_of(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width).max(1);
    let rows = buffer.content.chunks(width);
    let rows = rows.map(|row| row.iter().map(Cell::symbol).collect::<String>());
    rows.collect::<Vec<_>>().join("\n")
}

/// Starts a thread that hands on what is typed and clicked, and `None` when the terminal is gone. It ends when nobody
/// wants it any more: `told` says so with `false`.
pub fn watch(told: impl Fn(Option<Event>) -> bool + Send + 'static) -> io::Result<()> {
    // From this first look on, no change of the size is missed. What is typed already stays.
    event::poll(Duration::ZERO)?;
    thread::Builder::new().name("terminal".into()).spawn(move || {
        loop {
            let event = event::read().ok();
            let is_last = event.is_none();
            if !told(event) || is_last {
                return;
            }
        }
    })?;
    Ok(())
}
