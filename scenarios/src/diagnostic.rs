//! What is wrong with a text, shown at its place in the text. Knows no language; everything that reads a file says
//! its errors through here. Never writes to a terminal and never colours.
//!
//! Characters that could steer a terminal or hide what a line says (controls, bidirectional overrides, zero-width
//! ones) are shown escaped, so that the carets always stand under what the reader sees.

use program::is_unseen;
use std::fmt::{self, Write as _};
use std::sync::Arc;
use unicode_width::UnicodeWidthStr;

/// Most cells of a source line that are shown; a longer line is cut around the carets.
pub const SHOWN_CELLS_MAX: usize = 160;

/// A run of characters within one line of a [`Source`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Line, from 1.
    pub line: usize,
    /// First character, from 1. A tab is one character, and so is a wide or combining one.
    pub column: usize,
    /// Number of characters; 0 is a place between two characters.
    pub chars: usize,
}

impl Span {
    /// The part of this span that starts `skip` characters in and is `chars` long, kept inside this span.
    #[must_use]
    pub fn part(self, skip: usize, chars: usize) -> Self {
        let skip = skip.min(self.chars);
        Self {
            line: self.line,
            column: self.column + skip,
            chars: chars.min(self.chars - skip),
        }
    }
}

/// A text and where it came from. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source(Arc<SourceText>);

#[derive(Debug, PartialEq, Eq)]
struct SourceText {
    path: String,
    text: String,
    /// Byte offset at which each line starts; the last entry is the end of the text.
    line_starts: Vec<usize>,
}

impl Source {
    /// A text as read from `path`. Lines end with LF or CR LF.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let mut line_starts = vec![0];
        line_starts.extend(text.match_indices('\n').map(|(at, _)| at + 1));
        if line_starts.last() != Some(&text.len()) {
            line_starts.push(text.len());
        }
        Self(Arc::new(SourceText {
            path: path.into(),
            text,
            line_starts,
        }))
    }

    /// The path, as it was given.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// Number of lines; an unfinished last line counts, an empty text has none.
    pub fn line_count(&self) -> usize {
        self.0.line_starts.len() - 1
    }

    /// Line `number`, from 1, without its line end; empty when there is no such line.
    pub fn line(&self, number: usize) -> &str {
        let starts = &self.0.line_starts;
        let (Some(index), Some(&end)) = (number.checked_sub(1), starts.get(number)) else {
            return "";
        };
        let line = &self.0.text[starts[index]..end];
        let Some(line) = line.strip_suffix('\n') else {
            return line;
        };
        line.strip_suffix('\r').unwrap_or(line)
    }

    /// An error at `span` of this text. `what` is a lowercase fragment: what was expected, what came.
    pub fn error(&self, span: Span, what: impl Into<String>) -> Diagnostic {
        Diagnostic {
            what: what.into(),
            place: self.place(span),
            label: None,
            related: None,
            help: None,
        }
    }

    fn place(&self, span: Span) -> Place {
        Place {
            source: self.clone(),
            span,
        }
    }
}

/// Where something is, with the text it is in, so that it can be shown without reading the file again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The text.
    pub source: Source,
    /// Line, column and length.
    pub span: Span,
}

/// A second place that explains the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// What it has to do with it: `first defined here`.
    pub label: String,
    /// Where it is.
    pub place: Place,
}

/// One error, with its place. Shows itself over several lines, the last one ended too.
///
/// ```
/// use hsm_rig::diagnostic::{Source, Span};
///
/// let source = Source::new("suite/x.feature", "Feature: x\n  When Anna conects\n");
/// let error = source
///     .error(Span { line: 2, column: 8, chars: 12 }, "unknown step")
///     .label("did you mean `{person} connects`?")
///     .help("`hsm-rig steps` lists every step");
/// assert_eq!(error.to_string(), "\
/// error: unknown step
///  --> suite/x.feature:2:8
///   |
/// 2 |   When Anna conects
///   |        ^^^^^^^^^^^^ did you mean `{person} connects`?
///   = help: `hsm-rig steps` lists every step
/// ");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What was being done, what was expected, what came: a lowercase fragment.
    pub what: String,
    /// Where.
    pub place: Place,
    /// Stands beside the carets.
    pub label: Option<String>,
    /// A second place.
    pub related: Option<Box<Related>>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Puts `label` beside the carets.
    #[must_use]
    pub fn label(self, label: impl Into<String>) -> Self {
        Self {
            label: Some(label.into()),
            ..self
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            ..self
        }
    }

    /// Shows a second place of `source`, which may be another text.
    #[must_use]
    pub fn related(self, source: &Source, span: Span, label: impl Into<String>) -> Self {
        let related = Related {
            label: label.into(),
            place: source.place(span),
        };
        Self {
            related: Some(Box::new(related)),
            ..self
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last_line = self.related.as_ref().map_or(0, |related| related.place.span.line);
        let gutter = self.place.span.line.max(last_line).to_string().len();
        writeln!(f, "error: {}", shown(&self.what))?;
        show_place(f, gutter, "-->", &self.place, '^', self.label.as_deref())?;
        if let Some(Related { label, place }) = self.related.as_deref() {
            show_place(f, gutter, ":::", place, '-', Some(label))?;
        }
        if let Some(help) = &self.help {
            writeln!(f, "{:gutter$} = help: {}", "", shown(help))?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}

fn show_place(
    f: &mut fmt::Formatter<'_>,
    gutter: usize,
    arrow: &str,
    place: &Place,
    caret: char,
    label: Option<&str>,
) -> fmt::Result {
    let Span { line, column, .. } = place.span;
    let (text, indent, width) = excerpt(place.source.line(line), place.span);
    writeln!(
        f,
        "{:gutter$}{arrow} {}:{line}:{column}",
        "",
        shown(place.source.path())
    )?;
    writeln!(f, "{:gutter$} |", "")?;
    writeln!(f, "{}", format!("{line:>gutter$} | {text}").trim_end())?;
    let carets = caret.to_string().repeat(width.max(1));
    let label = label
        .map(|label| format!(" {}", shown(label)))
        .unwrap_or_default();
    writeln!(f, "{:gutter$} | {:indent$}{carets}{label}", "", "")
}

/// The line as shown, the cells before the span, and the cells of the span.
fn excerpt(line: &str, span: Span) -> (String, usize, usize) {
    let chars: Vec<char> = line.chars().collect();
    let first = span.column.saturating_sub(1).min(chars.len());
    let end = (first + span.chars).min(chars.len());
    let show = |part: &[char]| part.iter().copied().map(Shown).fold(String::new(), append);

    // Everything, if it fits.
    let all = show(&chars);
    if all.width() <= SHOWN_CELLS_MAX {
        let indent = show(&chars[..first]).width();
        return (all, indent, show(&chars[..end]).width() - indent);
    }
    // Otherwise half of it before the carets at most, and the rest from there on.
    let fits = |part: &mut dyn Iterator<Item = char>, cells: usize| {
        let mut used = 0;
        part.take_while(|&c| {
            used += append(String::new(), Shown(c)).width();
            used <= cells
        })
        .count()
    };
    let before = fits(&mut chars[..first].iter().rev().copied(), SHOWN_CELLS_MAX / 2);
    let after = fits(&mut chars[first..].iter().copied(), SHOWN_CELLS_MAX / 2);
    let (from, to) = (first - before, first + after);
    let (opening, closing) = (
        if from > 0 { "…" } else { "" },
        if to < chars.len() { "…" } else { "" },
    );
    let indent = opening.width() + show(&chars[from..first]).width();
    let width = show(&chars[first..end.min(to)]).width();
    (
        format!("{opening}{}{closing}", show(&chars[from..to])),
        indent,
        width,
    )
}

/// A text with everything that a terminal would obey or hide made visible.
pub fn shown(text: &str) -> String {
    text.chars()
        .map(Shown)
        .fold(String::with_capacity(text.len()), append)
}

fn append(mut text: String, c: Shown) -> String {
    write!(text, "{c}").expect("a String takes everything");
    text
}

#[derive(Clone, Copy)]
struct Shown(char);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            '\t' => f.write_str("    "),
            c if is_unseen(c) => write!(f, "{}", c.escape_unicode()),
            c => f.write_char(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_caret(line: &str, column: usize, chars: usize, expected: &str) {
        let source = Source::new("x", line);
        let shown = source
            .error(
                Span {
                    line: 1,
                    column,
                    chars,
                },
                "wrong",
            )
            .to_string();
        let lines: Vec<&str> = shown.lines().skip(3).collect();
        assert_eq!(lines.join("\n"), expected);
    }

    #[test]
    fn carets_stand_under_the_right_cells() {
        check_caret("\tGiven x", 2, 5, "1 |     Given x\n  |     ^^^^^");
        check_caret("| 日本 | x |", 8, 1, "1 | | 日本 | x |\n  |          ^");
        check_caret("| 日本 | x |", 3, 2, "1 | | 日本 | x |\n  |   ^^^^");
        check_caret("e\u{301}tude x", 8, 1, "1 | e\u{301}tude x\n  |       ^");
        check_caret("short", 9, 3, "1 | short\n  |      ^");
    }

    #[test]
    fn what_a_terminal_would_obey_is_shown_escaped_on_one_line() {
        check_caret(
            "a\u{202e}b\u{1b}[2J",
            3,
            1,
            "1 | a\\u{202e}b\\u{1b}[2J\n  |          ^",
        );
        let source = Source::new("a\nb", "x");
        let shown = source
            .error(
                Span {
                    line: 1,
                    column: 1,
                    chars: 1,
                },
                "came `\r\n`",
            )
            .help("\u{7}")
            .to_string();
        assert!(
            shown.starts_with("error: came `\\u{d}\\u{a}`\n --> a\\u{a}b:1:1\n"),
            "{shown}"
        );
        assert!(shown.ends_with(" = help: \\u{7}\n"), "{shown}");
    }

    #[test]
    fn a_long_line_is_cut_around_the_carets() {
        let line = format!("{}HERE{}", "x".repeat(5_000), "y".repeat(5_000));
        let shown = Source::new("x", line)
            .error(
                Span {
                    line: 1,
                    column: 5_001,
                    chars: 4,
                },
                "wrong",
            )
            .to_string();
        let lines: Vec<&str> = shown.lines().skip(3).collect();
        let under = lines[1].find('^').expect("carets");
        assert_eq!(lines[0].chars().skip(under).take(4).collect::<String>(), "HERE");
        assert!(
            lines[0].width() <= SHOWN_CELLS_MAX + "1 | ……".width(),
            "{}",
            lines[0].width()
        );
    }

    #[test]
    fn lines_are_counted_as_an_editor_counts_them() {
        let source = Source::new("x", "one\r\ntwo\n\nfour");
        assert_eq!(source.line_count(), 4);
        assert_eq!(
            [1, 2, 3, 4, 5, 0].map(|n| source.line(n)),
            ["one", "two", "", "four", "", ""]
        );
        assert_eq!(Source::new("x", "").line_count(), 0);
    }
}
