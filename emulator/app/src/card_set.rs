//! Cards for custodians: a key is split, written on cards and forgotten. Stands in for the Smart Card Manager until there
//! is one.

use apdu::Csn;
use card_core::{CardImage, Personalisation, profile};
use hsm_core::{Purpose, Scheme, ServerMasterKey};

use crate::world::OsRandom;

/// A card for each of these labels, which are as many as the scheme has cards.
pub(crate) fn personalise<'a>(
    key: &ServerMasterKey,
    scheme: Scheme,
    labels: impl IntoIterator<Item = &'a str>,
    pin: &str,
) -> Vec<CardImage> {
    let shadows = key.split(scheme, Purpose::ServerMasterKey, &mut OsRandom);
    let cards = labels.into_iter().zip(&shadows).map(|(label, shadow)| {
        CardImage::personalised(&Personalisation {
            csn: serial_number(),
            pin,
            label,
            shadow: &shadow.to_bytes(),
            card_type: profile::CARD_TYPE,
            presentations_max: profile::PRESENTATIONS_MAX,
        })
        .expect("the labels, the PIN and the shadows fit on a card")
    });
    cards.collect()
}

//= CD-02
fn serial_number() -> Csn {
    let mut random = [0; 16];
    rand_core::Rng::fill_bytes(&mut OsRandom, &mut random);
    Csn::from_random(random)
}
