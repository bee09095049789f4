//! The parts of the page that show something, as HTML. Every text that comes from elsewhere is escaped here; nothing is
//! asked of anybody.

use std::{fmt, fmt::Write as _, path::Path};

use hsm_bench::{
    Access, CutMoment, Event, KeyName, LimitName, Phase, Power, RemoteManagement, Service, State,
};
use hsm_core::{Area, SCREEN_COLUMNS};
use unicode_width::UnicodeWidthChar as _;

use crate::bench::{Sight, card_folder::Cards};

/// A text as HTML has it.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

fn joined(parts: impl IntoIterator<Item = String>) -> String {
    parts.into_iter().collect()
}

// The header.

pub(super) fn lamps(state: &State) -> String {
    let (is, power, look) = match state.power {
        Power::Cut => ("cut", "no mains", ""),
        Power::Off => ("off", "off", ""),
        Power::Starting => ("starting", "starting", "waiting"),
        Power::On => ("on", "on", "lit"),
        Power::Stopping => ("stopping", "stopping", "waiting"),
    };
    let key = if state.activated {
        ("in memory", "lit")
    } else {
        ("not in memory", "")
    };
    let service = match state.service {
        Service::Running => ("running", "lit"),
        Service::Stopped => ("stopped", ""),
    };
    let remote = match state.remote_management {
        RemoteManagement::Disabled => ("disabled", ""),
        RemoteManagement::Enabling => ("enabling", "waiting"),
        RemoteManagement::Enabled => ("enabled", "lit"),
    };
    let port = if state.port.open {
        (state.port.address.as_str(), "lit")
    } else {
        ("closed", "")
    };
    let lamp = |name: &str, (text, look): (&str, &str), more: &str| {
        format!(
            "<li class=\"{look}\"{more}><span>{name}</span><b>{}</b></li>",
            Escaped(text)
        )
    };
    joined([
        lamp("Power", (power, look), &format!(" data-power-is=\"{is}\"")),
        lamp("Server Master Key", key, ""),
        lamp("Service", service, ""),
        lamp("Remote management", remote, ""),
        lamp("Port", port, ""),
    ])
}

// The console.

/// The screen's rows, its highlight and its cursor. A character that may have another width in the browser's letters
/// has a box of the width of its cells.
pub(super) fn screen(sight: &Sight) -> String {
    let mut html = String::new();
    for (row, line) in (1..).zip(sight.screen.lines()) {
        let focused = sight
            .focus
            .filter(|area| (area.row..area.row + area.height).contains(&row));
        let cursor = sight
            .cursor
            .filter(|place| place.row == row)
            .map(|place| place.column);
        screen_row(&mut html, line, focused, cursor);
        html.push('\n');
    }
    html
}

fn screen_row(html: &mut String, line: &str, focused: Option<Area>, cursor: Option<usize>) {
    let is_focused =
        |column: usize| focused.is_some_and(|area| (area.column..area.column + area.width).contains(&column));
    let mut column = 1;
    let mut is_marked = false;
    for character in line.chars() {
        let width = character.width().unwrap_or(1);
        if column + width > SCREEN_COLUMNS + 1 {
            break;
        }
        // A mark over a character belongs to that one.
        if width > 0 && is_focused(column) != is_marked {
            html.push_str(if is_marked { "</mark>" } else { "<mark>" });
            is_marked = !is_marked;
        }
        let is_cursor = width > 0 && cursor == Some(column);
        if is_cursor {
            html.push_str("<u>");
        }
        let mut text = [0; 4];
        let text = Escaped(character.encode_utf8(&mut text));
        let is_plain = width == 0
            || (width == 1 && (character.is_ascii() || ('\u{2500}'..='\u{257F}').contains(&character)));
        let boxed = match width {
            _ if is_plain => write!(html, "{text}"),
            2 => write!(html, "<i class=\"wide\">{text}</i>"),
            _ => write!(html, "<i>{text}</i>"),
        };
        boxed.expect("a String takes everything");
        if is_cursor {
            html.push_str("</u>");
        }
        column += width;
    }
    if is_marked {
        html.push_str("</mark>");
    }
}

/// What somebody who cannot see the screen is told when it changes: what has the keys, or else what stands there.
pub(super) fn spoken(sight: &Sight) -> String {
    let lines = sight.screen.lines().enumerate();
    let text: String = match sight.focus {
        Some(area) => lines
            .skip(area.row - 1)
            .take(area.height)
            .map(|(_, line)| cells(line, area.column, area.width))
            .collect(),
        // The first row is the title of every screen, the last the status line.
        None => lines
            .filter(|(row, _)| (1..24).contains(row))
            .flat_map(|(_, line)| [line, " "])
            .collect(),
    };
    let words: String = text
        .chars()
        .map(|character| {
            if ('\u{2500}'..='\u{259F}').contains(&character) {
                ' '
            } else {
                character
            }
        })
        .collect();
    let words: Vec<_> = words.split_whitespace().collect();
    Escaped(&words.join(" ")).to_string()
}

/// The characters that begin in these columns.
fn cells(line: &str, from: usize, width: usize) -> String {
    let mut column = 1;
    let mut text = String::new();
    for character in line.chars() {
        if (from..from + width).contains(&column) {
            text.push(character);
        }
        column += character.width().unwrap_or(1);
    }
    text.push(' ');
    text
}

/// A button for each key.
pub(super) fn keys() -> String {
    joined(KeyName::ALL.map(|key| format!("<button data-key=\"{key}\">{key}</button>")))
}

// The reader.

fn card_name(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.strip_suffix(".card").unwrap_or(name)
}

pub(super) fn slot(state: &State) -> String {
    match &state.card {
        None => "<p>No card. Drag one here.</p>".to_owned(),
        Some(path) => format!(
            "<div class=\"card\" title=\"{}\"><b>{}</b></div><button id=\"take-out\">Take out</button>",
            Escaped(path),
            Escaped(card_name(path))
        ),
    }
}

/// The cards of the folder that are not in the slot.
pub(super) fn cards(state: &State, folder: Option<&Path>, listed: Option<&Result<Cards, String>>) -> String {
    let note = |text: String| format!("<li class=\"empty\">{text}</li>");
    let (Some(folder), Some(listed)) = (folder, listed) else {
        return note(
            "No cards on the table: the emulator was started without <code>--cards</code>.".to_owned(),
        );
    };
    let cards = match listed {
        Ok(cards) => cards,
        Err(why) => return note(Escaped(why).to_string()),
    };
    let lying: Vec<_> = cards
        .iter()
        .filter(|path| state.card.as_ref() != Some(*path))
        .collect();
    if lying.is_empty() {
        return note(format!(
            "No card lies in <code>{}</code>.",
            Escaped(&folder.display().to_string())
        ));
    }
    joined((0..).zip(lying).map(|(number, path): (usize, _)| {
        let (name, path) = (Escaped(card_name(path)), Escaped(path));
        format!(
            "<li class=\"card\" draggable=\"true\" data-card=\"{path}\" title=\"{path}\"><b>{name}</b>\
             <button id=\"card-{number}\" data-insert aria-label=\"Put in {name}\">Put in</button></li>"
        )
    }))
}

// Time.

fn seconds(micros: u64) -> String {
    format!("{}.{:03} s", micros / 1_000_000, micros / 1000 % 1000)
}

pub(super) fn clock(state: &State) -> String {
    let clock = &state.clock;
    let mode = match clock.mode {
        hsm_bench::ClockMode::Real => "real",
        hsm_bench::ClockMode::Manual => "manual",
    };
    format!(
        "<b data-clock=\"{mode}\">{}</b><span>{} since the program started</span>",
        Escaped(&clock.date_time),
        seconds(clock.now_us)
    )
}

/// What moves a manual clock.
pub(super) fn clock_hands(state: &State) -> String {
    match state.clock.mode {
        hsm_bench::ClockMode::Real => {
            "<p class=\"help\">Time goes by itself. <code>--clock manual</code> makes it stand still.</p>".to_owned()
        }
        hsm_bench::ClockMode::Manual => "<div class=\"row\"><button data-ms=\"1000\">+1 s</button>\
             <button data-ms=\"60000\">+1 min</button><button data-ms=\"120000\">+2 min</button></div>\
             <form id=\"advance\" autocomplete=\"off\"><label for=\"advance-secs\">Forward by, in seconds</label>\
             <div class=\"field\"><input id=\"advance-secs\" type=\"number\" min=\"0\" max=\"9007199254740\" step=\"0.001\" required>\
             <button>Forward</button></div></form>"
            .to_owned(),
    }
}

// Managers.

pub(super) fn manager(state: &State) -> String {
    match &state.manager {
        None => "Nobody is connected as manager.".to_owned(),
        Some(manager) => {
            let access = match manager.access {
                Access::Anyone => "may read, and present cards",
                Access::Administrator => "administrator",
            };
            format!(
                "{}<small>connection {}, {access}</small>",
                Escaped(&manager.peer),
                manager.connection
            )
        }
    }
}

pub(super) fn ceremony(state: &State) -> String {
    match state.ceremony {
        None => "<p class=\"empty\">No custodian process.</p>".to_owned(),
        Some(process) => format!(
            "<p>Custodian process: {0} of {1} cards</p><progress value=\"{0}\" max=\"{1}\" aria-label=\"Cards that count\"></progress>",
            process.presented, process.required
        ),
    }
}

pub(super) fn connections(state: &State) -> String {
    joined(state.connections.iter().map(|connection| {
        let phase = match connection.phase {
            Phase::FirstBytes => "first bytes",
            Phase::Handshake => "handshake",
            Phase::Lines => "lines",
            Phase::Frames => "live sync",
            Phase::End => "ends",
        };
        format!(
            "<li><span>{0} {1}<small>{phase}, {2} bytes read</small></span>\
             <button id=\"drop-{0}\" data-drop=\"{0}\" aria-label=\"Break connection {0}\">Break</button></li>",
            connection.connection,
            Escaped(&connection.peer),
            connection.bytes_read
        )
    }))
}

pub(super) fn limits(state: &State) -> String {
    joined(state.limits.iter().map(|limit| {
        let name = match limit.limit {
            LimitName::PowerSequence => "Start or stop of the device",
            LimitName::Interval => "Next custodian",
            LimitName::Inactivity => "Inactivity of the manager",
            LimitName::UserIdle => "Inactivity of a user",
            LimitName::Denials => "Denials are only counted",
            LimitName::LiveSync => "Next word of the other device",
            LimitName::Handshake => "TLS handshake",
            LimitName::Linger => "End of a connection",
            LimitName::Write => "A write takes long",
        };
        let about = match limit.connection {
            0 => String::new(),
            connection => format!("<small>connection {connection}</small>"),
        };
        let left = seconds(limit.at_us.saturating_sub(state.clock.now_us));
        format!("<li><span>{name}{about}</span><b>{left}</b></li>")
    }))
}

// Faults and the log.

pub(super) fn faults(state: &State) -> String {
    let faults = state.faults;
    let mut wrong = Vec::new();
    if faults.write_delay_ms > 0 {
        wrong.push(format!("A write takes {} ms.", faults.write_delay_ms));
    }
    if faults.write_hangs {
        wrong.push("Writes hang.".to_owned());
    }
    if faults.cut_at_write > 0 {
        let moment = match faults.cut_moment {
            CutMoment::Before => "before",
            CutMoment::Within => "within",
            CutMoment::After => "after",
        };
        wrong.push(format!(
            "The power is cut {moment} write {} from now on.",
            faults.cut_at_write
        ));
    }
    if state.writes_pending > 0 {
        wrong.push(format!(
            "Writes that are not durable yet: {}.",
            state.writes_pending
        ));
    }
    if wrong.is_empty() {
        wrong.push("Nothing goes wrong.".to_owned());
    }
    wrong.join(" ")
}

pub(super) fn log(events: &[Event]) -> String {
    joined(
        events
            .iter()
            .map(|event| format!("<li value=\"{}\">{}</li>", event.number, Escaped(&event.line))),
    )
}
