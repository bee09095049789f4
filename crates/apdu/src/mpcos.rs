//! The names that the card and its users share: application, files and commands. Holds no behaviour.
//!
//! The application identifier and the command bytes are those of the MPCOS applet and of GPK cards: the AID as in
//! Stack Overflow question 32842718, the commands as in the GPK driver that `OpenSC` had until 2023
//! (`src/libopensc/card-gpk.c`), the card manager's name as in the scripts of kaoh/globalplatform. The file identifiers,
//! GET INFO `E0` and `E1`, and FORMAT are ours.

use crate::Header;

/// The MPCOS applet.
pub const APPLET: [u8; 16] = [0xA0, 0, 0, 0, 0x18, 0x30, 0x03, 0x01, 0, 0, 0, 0, 0, 0, 0, 0];

/// The card manager of the card below the applet.
pub const CARD_MANAGER: [u8; 8] = [0xA0, 0, 0, 0, 0x18, 0x43, 0x4D, 0x00];

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

/// Bytes of one unit of an offset, as the ATR says.
pub const UNIT_BYTES: usize = 4;

/// INS of VERIFY.
pub const VERIFY: u8 = 0x20;
/// INS of CHANGE PIN: SET SECRET CODE in class 80, CHANGE REFERENCE DATA in class 00.
pub const CHANGE_PIN: u8 = 0x24;
/// INS of GET CHALLENGE.
pub const GET_CHALLENGE: u8 = 0x84;
/// INS of SELECT.
pub const SELECT: u8 = 0xA4;
/// INS of READ BINARY.
pub const READ_BINARY: u8 = 0xB0;
/// INS of UPDATE BINARY.
pub const UPDATE_BINARY: u8 = 0xD6;
/// INS of GET DATA, class 80.
pub const GET_DATA: u8 = 0xCA;
/// INS of FORMAT, class 80.
pub const FORMAT: u8 = 0xFA;
/// INS of ERASE, class DB.
pub const ERASE: u8 = 0xDE;
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
/// CHANGE PIN with two PINs of 8 characters each, the old one first.
pub const CHANGE_TYPED_PIN: Header = Header::new(0x00, CHANGE_PIN, 0x00, 0x00);
/// CHANGE PIN with two PINs of 4 bytes each, two digits a byte, the old one first.
pub const CHANGE_PACKED_PIN: Header = Header::new(0x80, CHANGE_PIN, 0x00, 0x00);
/// UPDATE BINARY of the current file, from its begin.
pub const UPDATE_CURRENT_FILE: Header = Header::new(0x00, UPDATE_BINARY, 0x00, 0x00);
/// ERASE of label and shadow, after the PIN.
pub const ERASE_CARD: Header = Header::new(0xDB, ERASE, 0x00, 0x00);
/// FORMAT of a virgin card, 10 bytes: version 01, MMPN, PIN of 4 bytes, card type of 4 characters.
pub const FORMAT_CARD: Header = Header::new(0x80, FORMAT, 0x00, 0x00);
/// GET DATA of the card production life cycle, 45 bytes.
pub const PRODUCTION_DATA: Header = Header::new(0x80, GET_DATA, 0x9F, 0x7F);
/// GET CHALLENGE, 8 bytes.
pub const CHALLENGE: Header = Header::new(0x00, GET_CHALLENGE, 0x00, 0x00);
/// GET RESPONSE.
pub const COLLECT: Header = Header::new(0x00, GET_RESPONSE, 0x00, 0x00);
