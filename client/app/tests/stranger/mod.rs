//! Somebody else's virtual card, of a few lines: a card image behind the wire of vsmartcard.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
};

use apdu::{ReaderAnswer, ReaderCommand};
use virtual_card::CardFile;

/// Answers as `vicc` does until the reader goes away, or the card is taken out: its stream is shut down. Source: vsmartcard, `vpcd.h`.
pub(crate) fn serve_card(mut stream: TcpStream, image: &Path) {
    let mut card = CardFile::open(image).unwrap();
    let mut atr = Vec::new();
    loop {
        let mut len = [0; 2];
        if stream.read_exact(&mut len).is_err() {
            return;
        }
        let mut message = vec![0; u16::from_be_bytes(len).into()];
        // It may be taken out between two bytes.
        if stream.read_exact(&mut message).is_err() {
            return;
        }
        let answer = match message[..] {
            [0] => {
                card.answer(&ReaderCommand::PowerOff);
                continue;
            }
            [1 | 2] => {
                if let ReaderAnswer::Atr(there) = card.answer(&ReaderCommand::PowerOn) {
                    atr = there.as_bytes().to_vec();
                }
                continue;
            }
            [4] => {
                if atr.is_empty()
                    && let ReaderAnswer::Atr(there) = card.answer(&ReaderCommand::PowerOn)
                {
                    atr = there.as_bytes().to_vec();
                }
                atr.clone()
            }
            _ => match card.answer(&ReaderCommand::Transmit(message)) {
                ReaderAnswer::Response(response) => response.to_bytes(),
                other => panic!("{other:?}"),
            },
        };
        let len = u16::try_from(answer.len()).unwrap().to_be_bytes();
        if stream.write_all(&[&len[..], &answer].concat()).is_err() {
            return;
        }
    }
}
