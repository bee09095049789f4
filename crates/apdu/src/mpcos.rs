//! The names that the card and its users share: application, files and commands. Holds no behaviour.
//!
//! The application identifier and the command bytes are those of the MPCOS applet and of GPK cards: the AID as in
//! Stack Overflow question 32842718, the commands as in the GPK driver that `OpenSC` had until 2023
//! (`src/libopensc/card-gpk.c`). The file identifiers and GET INFO `E0` and `E1` are ours.

use crate::Header;

/// The MPCOS applet.
pub const APPLET: [u8; 16] = [0xA0, 0, 0, 0, 0x18, 0x30, 0x03, 0x01, 0, 0, 0, 0, 0, 0, 0, 0];

/// The master file.
pub const MASTER_FILE: [u8; 2] = [0x3F, 0x00];
/// The directory of the applet; selecting the applet selects it.
pub const APPLET_DIRECTORY: [u8; 2] = [0x01, 0x00];
/// The secret codes, never readable.
pub const SECRET_CODE_FILE: [u8; 2] = [0x00, 0x00];
/// The label.
pub const LABEL_FILE: [u8; 2] = [0x00, 0x01];
/// The shadow.
pub const SHADOW_FILE: [u8; 2] = [0x00, 0x02];

/// The most bytes of a label.
pub const LABEL_BYTES_MAX: usize = 64;
/// The most bytes of a shadow.
pub const SHADOW_BYTES_MAX: usize = 255;

/// INS of VERIFY.
pub const VERIFY: u8 = 0x20;
/// INS of SELECT.
pub const SELECT: u8 = 0xA4;
/// INS of READ BINARY.
pub const READ_BINARY: u8 = 0xB0;
/// INS of GET RESPONSE, and in class 80 of GET INFO.
pub const GET_RESPONSE: u8 = 0xC0;

/// SELECT an application by its name.
pub const SELECT_BY_NAME: Header = Header::new(0x00, SELECT, 0x04, 0x00);
/// SELECT an elementary file of the current directory.
pub const SELECT_ELEMENTARY_FILE: Header = Header::new(0x00, SELECT, 0x02, 0x00);
/// READ BINARY of the current file, from its begin.
pub const READ_CURRENT_FILE: Header = Header::new(0x00, READ_BINARY, 0x00, 0x00);
/// GET INFO of the card status, 24 bytes.
pub const CARD_STATUS: Header = Header::new(0x80, GET_RESPONSE, 0x02, 0xE0);
/// GET INFO of the serial number, 16 bytes.
pub const SERIAL_NUMBER: Header = Header::new(0x80, GET_RESPONSE, 0x02, 0xE1);
/// VERIFY of the PIN, 8 bytes; without data its query.
pub const VERIFY_PIN: Header = Header::new(0x00, VERIFY, 0x00, 0x00);
/// GET RESPONSE.
pub const COLLECT: Header = Header::new(0x00, GET_RESPONSE, 0x00, 0x00);
