//! One line of a feature file: what kind it is, and the parts of tags, table rows and titles. Knows no other line.
//!
//! Space is what JavaScript calls space, because the official parser must read the same.

use super::keyword::{BlockKeyword, TITLES};
use super::tree::{StepKeyword, Text};
use crate::diagnostic::Span;

/// What a line is, by its first characters alone. Lines inside a doc string are not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineKind {
    Blank,
    Comment,
    Language,
    Tags,
    /// The keyword and the characters it takes, colon included.
    Title(BlockKeyword, usize),
    /// The keyword and the characters it takes, without the space after it.
    Step(StepKeyword, usize),
    TableRow,
    /// A delimiter of a doc string.
    DocString(&'static str),
    Other,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) number: usize,
    /// The whole line, without its end.
    pub(super) text: &'a str,
    /// Without the space before it.
    pub(super) trimmed: &'a str,
    /// Characters of space before `trimmed`.
    pub(super) indent: usize,
    pub(super) kind: LineKind,
}

/// `"""` and three backticks.
const DELIMITERS: [&str; 2] = ["\"\"\"", "```"];

impl<'a> Line<'a> {
    pub(super) fn new(number: usize, text: &'a str) -> Self {
        let trimmed = text.trim_start_matches(is_space);
        let indent = text[..text.len() - trimmed.len()].chars().count();
        Self {
            number,
            text,
            trimmed,
            indent,
            kind: kind_of(trimmed),
        }
    }

    /// The characters `skip..skip + chars` of the trimmed line.
    pub(super) fn span(&self, skip: usize, chars: usize) -> Span {
        Span {
            line: self.number,
            column: self.indent + 1 + skip,
            chars,
        }
    }

    /// The trimmed line without the space at its end.
    pub(super) fn whole(&self) -> Text {
        self.rest(0)
    }

    /// What follows the first `skip` characters of the trimmed line, without the space around it.
    pub(super) fn rest(&self, skip: usize) -> Text {
        let rest = &self.trimmed[byte_of(self.trimmed, skip)..];
        let inner = rest.trim_start_matches(is_space);
        let space = rest.chars().count() - inner.chars().count();
        let value = inner.trim_end_matches(is_space);
        Text {
            span: self.span(skip + space, value.chars().count()),
            value: value.to_owned(),
        }
    }

    /// The first `chars` characters of the trimmed line.
    pub(super) fn start(&self, chars: usize) -> Text {
        Text {
            span: self.span(0, chars),
            value: self.trimmed[..byte_of(self.trimmed, chars)].to_owned(),
        }
    }

    /// The line without up to `indent` characters of space, as a doc string or a description keeps it.
    pub(super) fn without_indent(&self, indent: usize) -> &'a str {
        if indent > self.indent {
            self.trimmed
        } else {
            &self.text[byte_of(self.text, indent)..]
        }
    }

    /// The language a `# language:` line names.
    pub(super) fn language(&self) -> Option<Text> {
        let value = language_of(self.trimmed)?;
        let skip = self.trimmed[..self.trimmed.rfind(value)?].chars().count();
        Some(Text {
            span: self.span(skip, value.chars().count()),
            value: value.to_owned(),
        })
    }

    /// The tags of a line, and every part of it that is not one.
    pub(super) fn tags(&self) -> (Vec<Text>, Vec<Text>) {
        let (mut tags, mut wrong) = (Vec::new(), Vec::new());
        let mut skip = 0;
        for word in self.trimmed.split(is_space) {
            let chars = word.chars().count();
            // A `#` after space begins a comment, which the official parser does not keep.
            if word.starts_with('#') {
                break;
            }
            let text = Text {
                span: self.span(skip, chars),
                value: word.to_owned(),
            };
            skip += chars + 1;
            match word.strip_prefix('@') {
                Some(name) if !name.is_empty() && !name.contains('@') => tags.push(text),
                None if word.is_empty() => {}
                Some(_) | None => wrong.push(text),
            }
        }
        (tags, wrong)
    }

    /// The cells of a table row, and what follows the last `|`, which belongs to no cell.
    pub(super) fn cells(&self) -> (Vec<Text>, Text) {
        let mut cells = Vec::new();
        let mut value = String::new();
        // Characters of the trimmed line: where the cell begins, and how many of them were read.
        let mut begin = 1;
        let mut read = 1;
        let mut chars = self.trimmed.chars().skip(1);
        while let Some(c) = chars.next() {
            read += 1;
            match c {
                '|' => {
                    cells.push(self.cell(&value, begin, read - 1));
                    value.clear();
                    begin = read;
                }
                '\\' => match chars.next() {
                    Some(escaped) => {
                        read += 1;
                        match escaped {
                            'n' => value.push('\n'),
                            '|' | '\\' => value.push(escaped),
                            other => value.extend(['\\', other]),
                        }
                    }
                    None => value.push('\\'),
                },
                other => value.push(other),
            }
        }
        (cells, self.rest(begin))
    }

    /// A cell from its value with the space around it, and the characters `begin..end` it was read from.
    fn cell(&self, value: &str, begin: usize, end: usize) -> Text {
        let inner = value.trim_start_matches(is_cell_space);
        let before = value.chars().count() - inner.chars().count();
        let trimmed = inner.trim_end_matches(is_cell_space);
        let after = inner.chars().count() - trimmed.chars().count();
        Text {
            span: self.span(begin + before, end - begin - before - after),
            value: trimmed.to_owned(),
        }
    }
}

fn kind_of(trimmed: &str) -> LineKind {
    match trimmed.chars().next() {
        None => return LineKind::Blank,
        Some('#') if language_of(trimmed).is_some() => return LineKind::Language,
        Some('#') => return LineKind::Comment,
        Some('@') => return LineKind::Tags,
        Some('|') => return LineKind::TableRow,
        Some(_) => {}
    }
    if let Some(delimiter) = DELIMITERS
        .into_iter()
        .find(|delimiter| trimmed.starts_with(delimiter))
    {
        return LineKind::DocString(delimiter);
    }
    for (spelling, keyword) in TITLES {
        if trimmed
            .strip_prefix(spelling)
            .is_some_and(|rest| rest.starts_with(':'))
        {
            return LineKind::Title(keyword, spelling.len() + 1);
        }
    }
    for keyword in StepKeyword::ALL {
        if trimmed
            .strip_prefix(keyword.as_str())
            .is_some_and(|rest| rest.starts_with(' '))
        {
            return LineKind::Step(keyword, keyword.as_str().len());
        }
    }
    LineKind::Other
}

/// Source: `LANGUAGE_PATTERN` of the official parser.
fn language_of(trimmed: &str) -> Option<&str> {
    let trim = |text: &'_ str| -> usize { text.len() - text.trim_start_matches(is_space).len() };
    let rest = trimmed.strip_prefix('#')?;
    let rest = rest[trim(rest)..].strip_prefix("language")?;
    let rest = rest[trim(rest)..].strip_prefix(':')?;
    let name = rest.trim_matches(is_space);
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphabetic() || "-_".contains(c));
    is_name.then_some(name)
}

/// What `\s` and `trim` of JavaScript take away: not NEL, but the zero-width no-break space.
pub(super) fn is_space(c: char) -> bool {
    (c.is_whitespace() && c != '\u{85}') || c == '\u{feff}'
}

/// What the official parser takes away around a cell.
fn is_cell_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{a0}')
}

fn byte_of(text: &str, chars: usize) -> usize {
    text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_cells(line: &str, expected: &[(usize, usize, &str)]) {
        let (cells, rest) = Line::new(1, line).cells();
        let cells: Vec<_> = cells
            .iter()
            .map(|cell| (cell.span.column, cell.span.chars, cell.value.as_str()))
            .collect();
        assert_eq!(cells, expected);
        assert_eq!(rest.value, "");
    }

    #[test]
    fn cells_know_their_place_and_undo_escapes() {
        check_cells("| a | b |", &[(3, 1, "a"), (7, 1, "b")]);
        check_cells("  |a||", &[(4, 1, "a"), (6, 0, "")]);
        check_cells("|   |", &[(5, 0, "")]);
        check_cells(r"| \| \\ \n \x |", &[(3, 11, "| \\ \n \\x")]);
        check_cells("| 日本 | 𝄞 | x |", &[(3, 2, "日本"), (8, 1, "𝄞"), (12, 1, "x")]);
    }

    #[test]
    fn what_follows_the_last_bar_is_no_cell() {
        let (cells, rest) = Line::new(1, "| a | b # x").cells();
        assert_eq!(cells.len(), 1);
        assert_eq!((rest.span.column, rest.value.as_str()), (7, "b # x"));
    }

    #[test]
    fn tags_are_words_with_one_at_sign() {
        let (tags, wrong) = Line::new(1, "  @a  @b @ c @d@e @f#g #@h").tags();
        let names = |texts: &[Text]| {
            texts
                .iter()
                .map(|t| (t.span.column, t.value.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            names(&tags),
            [(3, "@a".into()), (7, "@b".into()), (19, "@f#g".into())]
        );
        assert_eq!(
            names(&wrong),
            [(10, "@".into()), (12, "c".into()), (14, "@d@e".into())]
        );
    }

    #[test]
    fn a_language_line_is_told_from_a_comment() {
        assert_eq!(
            Line::new(1, " #language : fr ")
                .language()
                .map(|text| text.span.column),
            Some(14)
        );
        assert_eq!(Line::new(1, "# language: en it").kind, LineKind::Comment);
    }
}
