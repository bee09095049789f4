//! A strict reading of our TOML files: every key known, every value of one form and within its limits, every mistake with
//! its place. Knows no file of ours; never shows a value that may be a secret.

use core::{
    fmt,
    ops::{Range, RangeInclusive},
    str::FromStr,
};

use apdu::hex;
use toml::{
    Spanned,
    de::{DeInteger, DeTable, DeValue},
};

/// A text that is TOML.
pub(crate) struct Text<'a> {
    text: &'a str,
    table: Spanned<DeTable<'a>>,
}

impl<'a> Text<'a> {
    /// `what` it should be, for the message that says that it is not.
    pub(crate) fn parse(text: &'a str, what: &str) -> Result<Self, InvalidText> {
        let table = DeTable::parse(text)
            .map_err(|error| InvalidText::at(text, error.span().unwrap_or(0..0), what, error.message()))?;
        Ok(Self { text, table })
    }

    pub(crate) fn fields(&self) -> Fields<'_> {
        Fields {
            text: self.text,
            table: self.table.get_ref(),
            // A key that is missing is missing at the end.
            begin: self.text.len(),
        }
    }
}

/// A table with what an error message needs beside it.
pub(crate) struct Fields<'a> {
    text: &'a str,
    table: &'a DeTable<'a>,
    begin: usize,
}

impl<'a> Fields<'a> {
    /// `expected` is what each key should be.
    pub(crate) fn expect_keys(&self, keys: &[&str], expected: &str) -> Result<(), InvalidText> {
        // In the order of the file, so that the first mistake is told first.
        let unknown = self
            .table
            .keys()
            .filter(|key| !keys.contains(&key.get_ref().as_ref()))
            .min_by_key(|key| key.span().start);
        unknown.map_or(Ok(()), |key| {
            Err(InvalidText::at(
                self.text,
                key.span(),
                expected,
                &format!("`{}`", key.get_ref()),
            ))
        })
    }

    fn value(&self, key: &str) -> Result<&'a Spanned<DeValue<'a>>, InvalidText> {
        self.table.get(key).ok_or_else(|| {
            InvalidText::at(
                self.text,
                self.begin..self.begin,
                &format!("the key `{key}`"),
                "none",
            )
        })
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The mistake at the value of this key.
    pub(crate) fn wrong(&self, key: &str, expected: &str, came: &str) -> InvalidText {
        let span = self.table.get(key).map_or(self.begin..self.begin, Spanned::span);
        InvalidText::at(self.text, span, expected, came)
    }

    pub(crate) fn number<T>(&self, key: &str, range: RangeInclusive<T>) -> Result<T, InvalidText>
    where
        T: FromStr + PartialOrd + fmt::Display,
    {
        let value = self.value(key)?;
        let expected = match (range.start(), range.end()) {
            (start, end) if start == end => format!("`{key}` to be {start}"),
            (start, end) => format!("`{key}` from {start} to {end}"),
        };
        let number = value
            .get_ref()
            .as_integer()
            .filter(|integer| integer.radix() == 10)
            .map(DeInteger::as_str);
        let Some(digits) = number else {
            return Err(self.wrong(key, &expected, value.get_ref().type_str()));
        };
        match digits.parse::<T>() {
            Ok(number) if range.contains(&number) => Ok(number),
            Ok(_) | Err(_) => Err(self.wrong(key, &expected, digits)),
        }
    }

    pub(crate) fn string(&self, key: &str, expected: &str) -> Result<&'a str, InvalidText> {
        let value = self.value(key)?.get_ref();
        value
            .as_str()
            .ok_or_else(|| self.wrong(key, expected, value.type_str()))
    }

    pub(crate) fn boolean(&self, key: &str) -> Result<bool, InvalidText> {
        let value = self.value(key)?.get_ref();
        value
            .as_bool()
            .ok_or_else(|| self.wrong(key, &format!("`{key}` as true or false"), value.type_str()))
    }

    /// What came is told by its length: it may be a shadow.
    pub(crate) fn bytes(&self, key: &str, len: RangeInclusive<usize>) -> Result<Vec<u8>, InvalidText> {
        let expected = match (len.start(), len.end()) {
            (start, end) if start == end => format!("`{key}` as {start} bytes in `0-9A-F`"),
            (start, end) => format!("`{key}` as {start} to {end} bytes in `0-9A-F`"),
        };
        let string = self.string(key, &expected)?;
        match hex::decode(string) {
            Ok(bytes) if len.contains(&bytes.len()) => Ok(bytes),
            Ok(bytes) => Err(self.wrong(key, &expected, &format!("{} bytes", bytes.len()))),
            Err(invalid) => {
                let came = format!("another character or none at byte {}", invalid.position);
                Err(self.wrong(key, &expected, &came))
            }
        }
    }

    pub(crate) fn array<const N: usize>(&self, key: &str) -> Result<[u8; N], InvalidText> {
        let bytes = self.bytes(key, N..=N)?;
        Ok(bytes.try_into().expect("the length was checked"))
    }

    /// The tables `[[key]]`, none if the key is not there.
    pub(crate) fn tables(&self, key: &str, max: usize) -> Result<Vec<Fields<'a>>, InvalidText> {
        let Some(value) = self.table.get(key) else {
            return Ok(Vec::new());
        };
        let expected = format!("at most {max} tables `[[{key}]]`");
        let Some(array) = value.get_ref().as_array() else {
            return Err(self.wrong(key, &expected, value.get_ref().type_str()));
        };
        if array.len() > max {
            return Err(self.wrong(key, &expected, &array.len().to_string()));
        }
        array
            .iter()
            .map(|element| match element.get_ref().as_table() {
                Some(table) => Ok(Fields {
                    text: self.text,
                    table,
                    begin: element.span().start,
                }),
                None => Err(InvalidText::at(
                    self.text,
                    element.span(),
                    &expected,
                    element.get_ref().type_str(),
                )),
            })
            .collect()
    }
}

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InvalidText {
    /// Counted from 1.
    pub(crate) line: usize,
    /// Characters from the begin of the line, counted from 1.
    pub(crate) column: usize,
    expected: String,
    came: String,
}

impl InvalidText {
    fn at(text: &str, span: Range<usize>, expected: &str, came: &str) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let line_begin = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_begin..].chars().count() + 1,
            expected: expected.to_owned(),
            came: came.to_owned(),
        }
    }
}

impl fmt::Display for InvalidText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            column,
            expected,
            came,
        } = self;
        write!(f, "line {line}, column {column}: expected {expected}, got {came}")
    }
}
