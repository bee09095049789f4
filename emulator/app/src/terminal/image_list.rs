//! The card images of a folder, for somebody who puts one in: each with its serial number, or with the reason why it
//! cannot be read. Puts no card anywhere.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use program::shown;
use virtual_card::read_card;

/// Images that are listed; a folder may have more.
pub(super) const IMAGES_MAX: usize = 256;
/// Files of a folder that are looked at.
const FILES_MAX: usize = 4096;
/// How the name of a card image ends.
const EXTENSION: &str = "card";

/// What there is to choose from, and which one is marked.
#[derive(Debug)]
pub(super) struct ImageList {
    pub(super) folder: PathBuf,
    pub(super) images: Vec<Image>,
    /// The place of the marked one; 0 if there is none.
    pub(super) marked: usize,
    /// Why there are none, or not all.
    pub(super) remark: Option<String>,
}

/// One file.
#[derive(Debug)]
pub(super) struct Image {
    path: PathBuf,
    pub(super) name: String,
    /// The serial number as it is printed on the card, or why there is none.
    pub(super) csn: Result<String, String>,
}

impl ImageList {
    /// Looks at a folder.
    pub(super) fn read(folder: &Path) -> Self {
        let (mut paths, mut remark) = match paths_of(folder) {
            Ok(paths) => (paths, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        paths.sort();
        if paths.len() > IMAGES_MAX {
            remark = Some(format!("and {} more", paths.len() - IMAGES_MAX));
            paths.truncate(IMAGES_MAX);
        }
        if paths.is_empty() && remark.is_none() {
            remark = Some(format!("no card image: no file ends in `.{EXTENSION}`"));
        }
        Self {
            folder: folder.to_owned(),
            images: paths.into_iter().map(Image::read).collect(),
            marked: 0,
            remark,
        }
    }

    /// The marked image, or why it is no card. `None` if there is none to mark.
    pub(super) fn chosen(&self) -> Option<Result<PathBuf, String>> {
        let image = self.images.get(self.marked)?;
        Some(match &image.csn {
            Ok(_) => Ok(image.path.clone()),
            Err(why) => Err(format!("`{}` is no card that can be read: {why}", image.name)),
        })
    }

    pub(super) fn go_up(&mut self) {
        self.marked = self
            .marked
            .checked_sub(1)
            .unwrap_or(self.images.len().saturating_sub(1));
    }

    pub(super) fn go_down(&mut self) {
        self.marked = if self.marked + 1 < self.images.len() {
            self.marked + 1
        } else {
            0
        };
    }
}

impl Image {
    fn read(path: PathBuf) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let csn = read_card(&path);
        let csn = csn.map(|image| image.csn().to_string()).map_err(|error| {
            let text = error.to_string();
            // The name stands before it.
            let why = text.split_once(&format!("{}`: ", shown(&name)));
            why.map_or(text.clone(), |(_, why)| why.to_owned())
        });
        Self {
            name: shown(&name),
            csn,
            path,
        }
    }
}

fn paths_of(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let folder = std::path::absolute(folder)?;
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)?.take(FILES_MAX) {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            paths.push(path);
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use apdu::Csn;
    use card_core::CardImage;

    use super::*;

    fn folder(cards: usize) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("there is room");
        for number in 0..cards {
            let mut csn = *b"an example card!";
            csn[14..].copy_from_slice(&u16::try_from(number).expect("few").to_be_bytes());
            let image = CardImage::virgin(Csn(csn)).to_text();
            fs::write(folder.path().join(format!("{number:03}.card")), image).expect("there is room");
        }
        folder
    }

    #[test]
    fn a_folder_is_listed_by_name_with_the_reason_of_what_cannot_be_read() {
        let folder = folder(1);
        fs::write(folder.path().join("broken.card"), "no card").expect("there is room");
        fs::write(folder.path().join("000.card.lock"), "").expect("there is room");
        fs::create_dir(folder.path().join("folder.card")).expect("there is room");
        let mut list = ImageList::read(folder.path());
        let names: Vec<_> = list.images.iter().map(|image| image.name.as_str()).collect();
        assert_eq!(names, ["000.card", "broken.card", "folder.card"]);
        assert_eq!(list.remark, None);
        assert_eq!(list.chosen(), Some(Ok(folder.path().join("000.card"))));
        list.go_down();
        let why = list.chosen().expect("it is there").expect_err("it is broken");
        assert!(
            why.starts_with("`broken.card` is no card that can be read: "),
            "{why}"
        );
        list.go_down();
        let why = list.chosen().expect("it is there").expect_err("it is a folder");
        assert!(why.ends_with("expected a file, got a folder"), "{why}");
        list.go_down();
        assert_eq!(list.marked, 0);
        list.go_up();
        assert_eq!(list.marked, 2);
    }

    #[test]
    fn a_folder_that_is_not_there_or_empty_says_so() {
        let folder = folder(0);
        let list = ImageList::read(folder.path());
        assert_eq!(
            list.remark.as_deref(),
            Some("no card image: no file ends in `.card`")
        );
        assert_eq!(list.chosen(), None);
        let mut list = ImageList::read(&folder.path().join("nowhere"));
        assert!(
            list.remark
                .as_deref()
                .is_some_and(|why| why.contains("No such file")),
            "{list:?}"
        );
        list.go_down();
        list.go_up();
        assert_eq!(list.chosen(), None);
    }

    #[test]
    fn as_many_as_there_is_room_for_and_one_more() {
        let folder = folder(IMAGES_MAX);
        assert_eq!(ImageList::read(folder.path()).remark, None);
        fs::write(folder.path().join("one-more.card"), "").expect("there is room");
        let list = ImageList::read(folder.path());
        assert_eq!(list.images.len(), IMAGES_MAX);
        assert_eq!(list.remark.as_deref(), Some("and 1 more"));
    }
}
