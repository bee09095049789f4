//! Every codec against any bytes: none panics, and what is read is written back.

use apdu::{Atr, CardStatus, CommandApdu, Exchange, ExchangeOutput, Header, Le, PinEntry, ResponseApdu, hex};
use proptest::prelude::*;

proptest! {
    #[test]
    fn no_byte_string_makes_a_codec_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = CommandApdu::try_from(&bytes[..]);
        let _ = CardStatus::try_from(&bytes[..]);
        if let Ok(response) = ResponseApdu::try_from(&bytes[..]) {
            prop_assert_eq!(response.to_bytes(), bytes.clone());
        }
        if let Ok(atr) = Atr::try_from(&bytes[..]) {
            prop_assert_eq!(atr.as_bytes(), &bytes[..]);
        }
        prop_assert_eq!(hex::decode(&hex::encode(&bytes)), Ok(bytes));
    }

    // Random bytes hardly ever promise what they then hold, so the promise is made to fit.
    #[test]
    fn an_atr_of_any_format_byte_is_read_or_refused(format: u8, rest in prop::collection::vec(any::<u8>(), 0..40)) {
        let _ = Atr::try_from(&[&[0x3B, format], &rest[..]].concat()[..]);
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in "\\PC{0,20}") {
        let _ = (hex::decode(&text), PinEntry::try_from(&text[..]));
    }

    #[test]
    fn a_command_by_t0_is_read_back_without_its_le(header: [u8; 4], data in prop::collection::vec(any::<u8>(), 1..=255)) {
        let command = CommandApdu::with_data(Header::from(header), &data).expect("1 to 255 bytes");
        let with_le = command.clone().and_expecting(Le::ALL);
        prop_assert_eq!(CommandApdu::try_from(&with_le.to_tpdu()[..]), Ok(command));
    }

    #[test]
    fn an_exchange_ends_whatever_the_card_answers(
        answers in prop::collection::vec(prop_oneof![Just([0x61, 1]), Just([0x6C, 2]), any::<[u8; 2]>()], 20)
    ) {
        let mut exchange = Exchange::new(CommandApdu::bare(Header::new(0, 0xA4, 0, 0)));
        let mut transmitted = 0;
        for answer in answers {
            match exchange.poll_output() {
                Some(ExchangeOutput::Transmit(_)) => transmitted += 1,
                Some(ExchangeOutput::Finished(_)) => return Ok(()),
                None => prop_assert!(false, "an exchange that is told goes on or ends"),
            }
            prop_assert!(transmitted <= 8);
            exchange.handle_response(ResponseApdu::try_from(&answer[..]).expect("two bytes"));
        }
        prop_assert!(false, "it never ended");
    }
}
