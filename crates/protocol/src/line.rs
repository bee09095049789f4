//! Bytes into lines. Knows nothing of what a line says.

use core::fmt;

/// The longest line either side may send, in bytes, its LF not counted.
pub const LINE_BYTES_MAX: usize = 65_536;

/// A line grew past [`LINE_BYTES_MAX`] before its LF came; nothing after it can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineTooLong;

impl fmt::Display for LineTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "read line: expected an LF within {LINE_BYTES_MAX} bytes, got more"
        )
    }
}

impl core::error::Error for LineTooLong {}

/// Collects bytes as they come and hands out whole lines without their LF.
#[derive(Clone, Debug, Default)]
pub struct LineBuffer {
    pending: Vec<u8>,
    /// How much of `pending` is known to hold no LF.
    searched: usize,
}

impl LineBuffer {
    /// Takes in what the peer sent, in pieces of any size.
    pub fn push(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The next whole line, or that the one in progress is too long.
    pub fn next_line(&mut self) -> Option<Result<Vec<u8>, LineTooLong>> {
        let Some(offset) = self.pending[self.searched..]
            .iter()
            .position(|byte| *byte == b'\n')
        else {
            self.searched = self.pending.len();
            return (self.pending.len() > LINE_BYTES_MAX).then_some(Err(LineTooLong));
        };
        let lf = self.searched + offset;
        if lf > LINE_BYTES_MAX {
            return Some(Err(LineTooLong));
        }
        let rest = self.pending.split_off(lf + 1);
        let mut line = core::mem::replace(&mut self.pending, rest);
        line.truncate(lf);
        self.searched = 0;
        Some(Ok(line))
    }

    /// Bytes of a line whose LF has not come.
    pub fn unfinished_len(&self) -> usize {
        self.pending.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line_of(len: usize) -> LineBuffer {
        let mut buffer = LineBuffer::default();
        buffer.push(&vec![b'x'; len]);
        buffer.push(b"\nnext\n");
        buffer
    }

    #[test]
    fn a_line_of_the_limit_passes_and_one_byte_more_does_not() {
        let mut buffer = line_of(LINE_BYTES_MAX);
        assert_eq!(buffer.next_line().unwrap().unwrap().len(), LINE_BYTES_MAX);
        assert_eq!(buffer.next_line(), Some(Ok(b"next".to_vec())));
        assert_eq!(line_of(LINE_BYTES_MAX + 1).next_line(), Some(Err(LineTooLong)));
    }

    #[test]
    fn a_line_without_an_end_is_refused_as_soon_as_it_is_too_long() {
        let mut buffer = LineBuffer::default();
        buffer.push(&vec![b'x'; LINE_BYTES_MAX]);
        assert_eq!(buffer.next_line(), None);
        buffer.push(b"x");
        assert_eq!(buffer.next_line(), Some(Err(LineTooLong)));
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_the_bytes_were_cut(text in "[a-z\n]{0,200}", cuts in prop::collection::vec(1_usize..9, 1..40)) {
            let mut buffer = LineBuffer::default();
            let (mut rest, mut cuts, mut lines) = (text.as_bytes(), cuts.iter().cycle(), Vec::new());
            while !rest.is_empty() {
                let (piece, tail) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
                buffer.push(piece);
                rest = tail;
                while let Some(line) = buffer.next_line() {
                    lines.push(String::from_utf8(line.unwrap()).unwrap());
                }
            }
            let mut expected: Vec<_> = text.split('\n').map(String::from).collect();
            let unfinished = expected.pop().unwrap();
            prop_assert_eq!(lines, expected);
            prop_assert_eq!(buffer.unfinished_len(), unfinished.len());
        }
    }
}
