//! The terminal while a console is on it: what is painted, and what keys and clicks mean to it. Takes the terminal and
//! gives it back by `full-screen`.

use std::io;

use client_console::{Console, ConsoleInput, Key};
use full_screen::{
    Event, FullScreen, KeyCode, KeyEventKind, KeyModifiers, Mouse, MouseButton, MouseEventKind, measure,
};
use machine::Instant;
use tokio::sync::mpsc::UnboundedSender;

/// A terminal that a console is painted on, until this is dropped.
pub(crate) struct Painted(FullScreen);

impl Painted {
    /// Takes the terminal over.
    pub(crate) fn take() -> io::Result<Self> {
        FullScreen::take(Mouse::Watched).map(Self)
    }

    pub(crate) fn paint(&mut self, console: &Console, now: Instant) -> io::Result<()> {
        self.0.draw(|frame| console.paint(now, frame.buffer_mut()))
    }

    /// The size there is now.
    pub(crate) fn size() -> io::Result<ConsoleInput> {
        let (columns, rows) = measure()?;
        Ok(ConsoleInput::Resized { columns, rows })
    }
}

/// Hands on what is typed and clicked, until the terminal is gone: then that is an input too.
pub(crate) fn watch<T: Send + 'static>(
    events: UnboundedSender<T>,
    wrap: impl Fn(ConsoleInput) -> T + Send + 'static,
) -> io::Result<()> {
    full_screen::watch(move |event| {
        let input = event.map_or(Some(ConsoleInput::Leave), |event| input_of(&event));
        input.is_none_or(|input| events.send(wrap(input)).is_ok())
    })
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
