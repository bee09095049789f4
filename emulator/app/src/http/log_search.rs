//! The event log as a page shows it: the last lines that hold a text. Knows no more of a line than its letters.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _},
};

use crate::event_log::{FILE_BYTES_MAX, FILES_MAX};

/// Lines that one page shows, the last ones.
pub(crate) const LINES_SHOWN_MAX: usize = 200;
/// Bytes of the whole log, at most.
const LOG_BYTES_MAX: u64 = FILE_BYTES_MAX * FILES_MAX as u64;

/// The last lines that hold the text, capital letters or not, and how many there are in all.
pub(crate) fn search(files: Vec<File>, text: &str) -> io::Result<(VecDeque<String>, usize)> {
    let text = text.to_lowercase();
    let (mut lines, mut found) = (VecDeque::new(), 0);
    for file in files {
        for line in BufReader::new(file.take(FILE_BYTES_MAX)).lines() {
            let line = line?;
            if line.to_lowercase().contains(&text) {
                found += 1;
                if lines.len() == LINES_SHOWN_MAX {
                    lines.pop_front();
                }
                lines.push_back(line);
            }
        }
    }
    Ok((lines, found))
}

/// All of it.
pub(crate) fn whole(files: Vec<File>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for file in files {
        let room = LOG_BYTES_MAX.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        file.take(room).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn a_file_and_the_whole_log_are_read_to_their_limits_and_no_further() {
        let of_len = |len: u64| {
            let file = tempfile::tempfile().expect("there is room");
            file.set_len(len).expect("there is room");
            file
        };
        let read = |files| whole(files).expect("it can be read").len() as u64;
        assert_eq!(read(vec![of_len(LOG_BYTES_MAX)]), LOG_BYTES_MAX);
        assert_eq!(read(vec![of_len(LOG_BYTES_MAX + 1)]), LOG_BYTES_MAX);
        assert_eq!(read(vec![of_len(LOG_BYTES_MAX - 1), of_len(2)]), LOG_BYTES_MAX);

        let last_line_ends_at = |end: u64| {
            let mut file = tempfile::NamedTempFile::new().expect("there is room");
            let before = usize::try_from(end).expect("it is small") - "\nhere".len();
            write!(file, "{}\nhere", "x".repeat(before)).expect("there is room");
            let (_, found) =
                search(vec![file.reopen().expect("it is there")], "here").expect("it can be read");
            found
        };
        assert_eq!(last_line_ends_at(FILE_BYTES_MAX), 1);
        assert_eq!(last_line_ends_at(FILE_BYTES_MAX + 1), 0);
    }

    #[test]
    fn the_last_lines_are_shown_and_all_are_counted() {
        let log = |lines: usize| {
            let mut file = tempfile::NamedTempFile::new().expect("there is room");
            for number in 0..lines {
                writeln!(file, "Line {number}").expect("there is room");
            }
            vec![file.reopen().expect("it is there")]
        };
        let (lines, found) = search(log(LINES_SHOWN_MAX), "line").expect("it can be read");
        assert_eq!(
            (lines.len(), found, lines[0].as_str()),
            (LINES_SHOWN_MAX, LINES_SHOWN_MAX, "Line 0")
        );
        let (lines, found) = search(log(LINES_SHOWN_MAX + 1), "LINE").expect("it can be read");
        assert_eq!(
            (lines.len(), found, lines[0].as_str()),
            (LINES_SHOWN_MAX, LINES_SHOWN_MAX + 1, "Line 1")
        );
        let (lines, found) = search(log(20), "e 1").expect("it can be read");
        assert_eq!((lines.len(), found), (11, 11));
        assert_eq!(whole(log(2)).expect("it can be read"), b"Line 0\nLine 1\n");
    }
}
