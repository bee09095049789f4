//! One number from which all chance in a world comes. Never asks the operating system for randomness.

use core::{fmt, str::FromStr};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

/// Where the chance of one world comes from, 0 to 2^64-1. Prints and parses as a decimal number.
///
/// What is derived from a seed is part of every recorded run, so it is stable for ever; the tests hold it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seed(pub u64);

impl Seed {
    /// The stream of one actor, independent of every other actor's and of how much others draw.
    ///
    /// `ChaCha8` with nonce 0 and these 32 bytes as key, numbers little-endian: the seed (8), FNV-1a-64 of the
    /// name (8), the name's length in bytes (8), the ASCII text `sim/rng1` (8).
    pub fn rng_for(self, actor: &str) -> ChaCha8Rng {
        let len = u64::try_from(actor.len()).expect("no name is longer than memory");
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.0.to_le_bytes());
        key[8..16].copy_from_slice(&fnv1a(actor).to_le_bytes());
        key[16..24].copy_from_slice(&len.to_le_bytes());
        key[24..].copy_from_slice(b"sim/rng1");
        ChaCha8Rng::from_seed(key)
    }

    /// The seed of the `n`-th part of this world, counted from 0: output `n` of `SplitMix64` started with this seed.
    #[must_use]
    pub const fn child(self, n: u64) -> Self {
        const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.wrapping_add(GAMMA.wrapping_mul(n.wrapping_add(1)));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self(z ^ (z >> 31))
    }

    /// The seed of a part that has a name, such as a scenario: the child numbered FNV-1a-64 of the name. Unlike a
    /// number, a name keeps its seed when another part is put before it.
    #[must_use]
    pub const fn child_named(self, name: &str) -> Self {
        self.child(fnv1a(name))
    }
}

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Seed {
    type Err = InvalidSeed;

    fn from_str(text: &str) -> Result<Self, InvalidSeed> {
        let invalid = || InvalidSeed {
            text: text.to_owned(),
        };
        // `u64` would also take a sign, and then a seed would not print as it was given.
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid());
        }
        text.parse().map(Self).map_err(|_| invalid())
    }
}

/// A text that is no seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidSeed {
    /// What came.
    pub text: String,
}

impl fmt::Display for InvalidSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "parse seed: expected a whole number from 0 to {}, got `{}`",
            u64::MAX,
            self.text
        )
    }
}

impl core::error::Error for InvalidSeed {}

/// FNV-1a, 64 bits. Spreads names; keeps no secret.
const fn fnv1a(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        index += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand_core::Rng;

    fn first_bytes(seed: Seed, actor: &str) -> [u8; 16] {
        let mut bytes = [0; 16];
        seed.rng_for(actor).fill_bytes(&mut bytes);
        bytes
    }

    #[test]
    fn an_actor_keeps_its_stream_for_ever() {
        // Computed by a ChaCha8 written from the cipher's definition in another language, not by this crate.
        for (seed, actor, first) in [
            (0, "", 0x9e29_3126_2d35_3468_9638_14a2_f83f_5d6c),
            (1, "device", 0x3069_be30_32e9_0e16_9cb3_302a_a6b1_4227),
            (1, "manager", 0xab00_4f88_427d_ea5a_125d_e14d_b2be_1159),
            (2, "device", 0xaa6e_6c44_42f8_588e_ca96_2ae7_0790_5693),
            (u64::MAX, "Kärtchen", 0x00ee_77ce_7df8_2692_3c33_04e5_e1f7_0650),
        ] {
            assert_eq!(
                first_bytes(Seed(seed), actor),
                u128::to_be_bytes(first),
                "{seed} {actor}"
            );
        }
    }

    #[test]
    fn a_child_keeps_its_seed_for_ever() {
        // The published first outputs of SplitMix64 started with 1234567.
        let children = [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423,
        ];
        assert_eq!([0, 1, 2].map(|n| Seed(1_234_567).child(n).0), children);
        assert_eq!(Seed(u64::MAX).child(u64::MAX), Seed(13_029_008_266_876_403_067));
        assert_eq!(fnv1a("foobar"), 0x8594_4171_f739_67e8, "published FNV-1a vector");
        assert_eq!(Seed(1).child_named("RM-07"), Seed(10_146_914_925_675_987_500));
    }

    #[test]
    fn drawing_for_one_actor_does_not_move_another() {
        let seed = Seed(7);
        let mut device = seed.rng_for("device");
        let mut manager = seed.rng_for("manager");
        for _ in 0..1000 {
            manager.next_u64();
        }
        let mut bytes = [0; 16];
        device.fill_bytes(&mut bytes);
        assert_eq!(bytes, first_bytes(seed, "device"));
    }

    #[test]
    fn what_is_no_seed_is_refused_with_what_came() {
        for text in ["", "-1", "+1", " 1", "1 ", "0x1", "abc", "18446744073709551616"] {
            let refusal = text.parse::<Seed>().unwrap_err();
            assert_eq!(
                refusal.to_string(),
                format!("parse seed: expected a whole number from 0 to 18446744073709551615, got `{text}`")
            );
        }
        assert_eq!("18446744073709551615".parse(), Ok(Seed(u64::MAX)));
    }

    proptest! {
        #[test]
        fn the_same_seed_gives_the_same_stream(seed: u64, actor: String) {
            prop_assert_eq!(first_bytes(Seed(seed), &actor), first_bytes(Seed(seed), &actor));
        }

        #[test]
        fn other_names_and_other_seeds_give_other_streams(seed: u64, other: u64, name: String, other_name: String) {
            prop_assume!(seed != other && name != other_name);
            let stream = first_bytes(Seed(seed), &name);
            prop_assert_ne!(stream, first_bytes(Seed(other), &name));
            prop_assert_ne!(stream, first_bytes(Seed(seed), &other_name));
            prop_assert_ne!(Seed(seed).child(0), Seed(other).child(0));
            prop_assert_ne!(Seed(seed).child_named(&name), Seed(seed).child_named(&other_name));
        }

        #[test]
        fn a_seed_prints_as_it_parses(seed: u64) {
            prop_assert_eq!(Seed(seed).to_string().parse(), Ok(Seed(seed)));
        }
    }
}
