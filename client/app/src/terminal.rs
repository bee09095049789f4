//! The terminal while a console is on it: another screen, no echo, the mouse. Given back as it was, whatever ends the
//! program.

use std::{
    io::{self, IsTerminal as _, Stdout, Write as _},
    panic, thread,
};

use client_console::{Console, ConsoleInput, Key};
use machine::Instant;
use ratatui_core::terminal::Terminal;
use ratatui_crossterm::{
    CrosstermBackend,
    crossterm::{
        cursor::{Hide, Show},
        event::{
            self, DisableMouseCapture, EnableMouseCapture, Event, KeyCode, KeyEventKind, KeyModifiers,
            MouseButton, MouseEventKind,
        },
        execute,
        terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size},
    },
};
use tokio::sync::mpsc::UnboundedSender;

/// A terminal that a console is painted on, until this is dropped.
pub(crate) struct Painted(Terminal<CrosstermBackend<Stdout>>);

impl Painted {
    /// Takes the terminal over. A panic of the program gives it back before it says anything.
    pub(crate) fn take() -> io::Result<Self> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
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
        enable_raw_mode()?;
        // From here on, whatever fails gives it back.
        let painted = Terminal::new(CrosstermBackend::new(io::stdout())).map(Self)?;
        execute!(io::stdout(), EnterAlternateScreen, EnableMouseCapture, Hide)?;
        Ok(painted)
    }

    pub(crate) fn paint(&mut self, console: &Console, now: Instant) -> io::Result<()> {
        self.0.draw(|frame| console.paint(now, frame.buffer_mut()))?;
        Ok(())
    }

    /// The size there is now.
    pub(crate) fn size() -> io::Result<ConsoleInput> {
        let (columns, rows) = size()?;
        Ok(ConsoleInput::Resized { columns, rows })
    }
}

impl Drop for Painted {
    fn drop(&mut self) {
        give_back();
    }
}

/// A terminal that is gone needs nothing back. Done twice it does no harm.
fn give_back() {
    let _ = execute!(io::stdout(), DisableMouseCapture, LeaveAlternateScreen, Show);
    let _ = io::stdout().flush();
    let _ = disable_raw_mode();
}

/// Hands on what is typed and clicked, until the terminal is gone: then that is an input too.
pub(crate) fn watch<T: Send + 'static>(
    events: UnboundedSender<T>,
    wrap: impl Fn(ConsoleInput) -> T + Send + 'static,
) -> io::Result<()> {
    thread::Builder::new().name("terminal".into()).spawn(move || {
        loop {
            let input = match event::read() {
                Ok(event) => match input_of(&event) {
                    Some(input) => input,
                    None => continue,
                },
                Err(_) => ConsoleInput::Leave,
            };
            let is_last = matches!(input, ConsoleInput::Leave);
            if events.send(wrap(input)).is_err() || is_last {
                return;
            }
        }
    })?;
    Ok(())
}

fn input_of(event: &Event) -> Option<ConsoleInput> {
    match event {
        Event::Resize(columns, rows) => Some(ConsoleInput::Resized {
            columns: *columns,
            rows: *rows,
        }),
        Event::Mouse(mouse) if mouse.kind == MouseEventKind::Down(MouseButton::Left) => {
            Some(ConsoleInput::Click {
                column: mouse.column,
                row: mouse.row,
            })
        }
        Event::Key(key) if key.kind != KeyEventKind::Release => {
            let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
            match key.code {
                KeyCode::Char('c' | 'C') if is_control => Some(ConsoleInput::Leave),
                KeyCode::Char(_) if is_control => None,
                KeyCode::Char(character) => Some(ConsoleInput::Key(Key::Char(character))),
                KeyCode::Enter => Some(ConsoleInput::Key(Key::Enter)),
                KeyCode::Esc => Some(ConsoleInput::Key(Key::Escape)),
                KeyCode::Tab => Some(ConsoleInput::Key(Key::Tab)),
                KeyCode::BackTab => Some(ConsoleInput::Key(Key::BackTab)),
                KeyCode::Up => Some(ConsoleInput::Key(Key::Up)),
                KeyCode::Down => Some(ConsoleInput::Key(Key::Down)),
                KeyCode::Left => Some(ConsoleInput::Key(Key::Left)),
                KeyCode::Right => Some(ConsoleInput::Key(Key::Right)),
                KeyCode::Backspace => Some(ConsoleInput::Key(Key::Backspace)),
                _ => None,
            }
        }
        _ => None,
    }
}
