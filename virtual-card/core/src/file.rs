//! The files of the card and what SELECT tells of them. Holds no content.
//!
//! The template `85 10` is that of GPK cards, as the GPK driver of `OpenSC` parsed it until 2023
//! (`src/libopensc/card-gpk.c`), the template `6F 10` that of an Open Platform card. File identifiers and access conditions
//! are ours.

use apdu::mpcos;

/// What is selected: a file that holds files, or the card manager, which holds none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Directory {
    Master,
    Applet,
    CardManager,
}

/// What SELECT tells; the same length for everything that can be selected.
pub(crate) type Template = [u8; 18];

/// A file that holds bytes. All are in the applet's directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum File {
    SecretCodes,
    Label,
    Shadow,
}

/// What a template tells beside the identifier.
struct Described {
    identifier: [u8; 2],
    descriptor: u8,
    size: u16,
    /// One for update, for write and for read, all alike here.
    access: [u8; 2],
}

const DIRECTORY_DESCRIPTOR: u8 = 0x38;
const TRANSPARENT_DESCRIPTOR: u8 = 0x01;
const SECRET_CODE_DESCRIPTOR: u8 = 0x21;

const FREE: [u8; 2] = [0x00, 0x00];
const SECRET_CODE_0: [u8; 2] = [0x40, 0x00];
const NEVER: [u8; 2] = [0xC0, 0x00];

/// Eight secret codes of eight bytes.
const SECRET_CODE_BYTES: u16 = 64;
const LABEL_BYTES: u16 = 64;
const SHADOW_BYTES: u16 = 255;

/// What an Open Platform card tells of its card manager: its name (tag 84) and the longest data of a command (9F65).
const CARD_MANAGER: Template = [
    0x6F, 0x10, 0x84, 0x08, 0xA0, 0x00, 0x00, 0x00, 0x18, 0x43, 0x4D, 0x00, 0xA5, 0x04, 0x9F, 0x65, 0x01,
    0xFF,
];

impl Directory {
    /// The elementary file of that identifier in this directory.
    pub(crate) fn file(self, identifier: [u8; 2]) -> Option<File> {
        match self {
            Self::Master | Self::CardManager => None,
            Self::Applet => [File::SecretCodes, File::Label, File::Shadow]
                .into_iter()
                .find(|file| file.identifier() == identifier),
        }
    }

    /// The elementary file of that short identifier, 1..=30; the secret codes have none.
    pub(crate) fn file_by_short_identifier(self, short: u8) -> Option<File> {
        if short == 0 { None } else { self.file([0, short]) }
    }

    pub(crate) fn template(self) -> Template {
        let identifier = match self {
            Self::Master => mpcos::MASTER_FILE,
            Self::Applet => mpcos::APPLET_DIRECTORY,
            Self::CardManager => return CARD_MANAGER,
        };
        template(&Described {
            identifier,
            descriptor: DIRECTORY_DESCRIPTOR,
            size: 0,
            access: FREE,
        })
    }
}

impl File {
    const fn identifier(self) -> [u8; 2] {
        match self {
            Self::SecretCodes => mpcos::SECRET_CODE_FILE,
            Self::Label => mpcos::LABEL_FILE,
            Self::Shadow => mpcos::SHADOW_FILE,
        }
    }

    /// The size told is that of the area: the label's own length is not for those without the PIN.
    //= CD-07
    pub(crate) fn template(self) -> Template {
        let (descriptor, size, access) = match self {
            Self::SecretCodes => (SECRET_CODE_DESCRIPTOR, SECRET_CODE_BYTES, NEVER),
            Self::Label => (TRANSPARENT_DESCRIPTOR, LABEL_BYTES, SECRET_CODE_0),
            Self::Shadow => (TRANSPARENT_DESCRIPTOR, SHADOW_BYTES, SECRET_CODE_0),
        };
        template(&Described {
            identifier: self.identifier(),
            descriptor,
            size,
            access,
        })
    }
}

fn template(file: &Described) -> Template {
    let [id_high, id_low] = file.identifier;
    let [size_high, size_low] = file.size.to_be_bytes();
    let [access, code] = file.access;
    [
        0x85,
        0x10,
        0,
        0,
        id_high,
        id_low,
        file.descriptor,
        0,
        size_high,
        size_low,
        access,
        code,
        access,
        code,
        access,
        code,
        0,
        0,
    ]
}
