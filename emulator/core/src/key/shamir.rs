//! Shamir's secret sharing over GF(256), one polynomial a byte (A. Shamir, "How to share a secret", 1979).
//! Knows neither cards nor keys. Our own, with its reasons, in docs/decisions/0005-own-shamir.md.

use rand_core::Rng;
use zeroize::Zeroizing;

use super::{KEY_BYTES, gf256};

/// One value of every polynomial, at the x that is the share's index.
pub(crate) type Share = Zeroizing<[u8; KEY_BYTES]>;

/// The values at x = 1 ..= `cards` of random polynomials of degree `required` - 1 with `secret` at x = 0.
pub(crate) fn split(secret: &[u8; KEY_BYTES], required: u8, cards: u8, rng: &mut dyn Rng) -> Vec<Share> {
    assert!(
        1 <= required && required <= cards,
        "a scheme is checked when it is made"
    );
    // Every coefficient is drawn from all 256 values. Leaving 0 out for the highest one, as some libraries do,
    // tells a holder of M-1 shares which secrets are impossible.
    let coefficients: Vec<Share> = (1..required)
        .map(|_| {
            let mut coefficient = Share::default();
            rng.fill_bytes(&mut *coefficient);
            coefficient
        })
        .collect();
    (1..=cards)
        .map(|x| {
            let mut share = Share::default();
            for (i, byte) in share.iter_mut().enumerate() {
                // Horner's scheme, from the highest coefficient down to the secret.
                let high = coefficients
                    .iter()
                    .rev()
                    .fold(0, |sum, c| gf256::multiply(sum ^ c[i], x));
                *byte = high ^ secret[i];
            }
            share
        })
        .collect()
}

/// The value at x = 0 of the lowest polynomial through these points, whose x are all different and none 0.
pub(crate) fn combine(points: &[(u8, &Share)]) -> Zeroizing<[u8; KEY_BYTES]> {
    let mut secret = Zeroizing::new([0; KEY_BYTES]);
    for (x, share) in points {
        // Lagrange's basis polynomial of this point, at 0; subtraction is XOR.
        let basis = points
            .iter()
            .filter(|(other, _)| other != x)
            .fold(1, |product, (other, _)| {
                gf256::multiply(product, gf256::multiply(*other, gf256::invert(other ^ x)))
            });
        for (byte, value) in secret.iter_mut().zip(share.iter()) {
            *byte ^= gf256::multiply(*value, basis);
        }
    }
    secret
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::*, sample::subsequence};

    /// A random source for tests: proptest gives its bytes.
    struct Bytes(Vec<u8>, usize);

    impl rand_core::TryRng for Bytes {
        type Error = core::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            let mut bytes = [0; 4];
            self.try_fill_bytes(&mut bytes)?;
            Ok(u32::from_le_bytes(bytes))
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            let mut bytes = [0; 8];
            self.try_fill_bytes(&mut bytes)?;
            Ok(u64::from_le_bytes(bytes))
        }
        fn try_fill_bytes(&mut self, filled: &mut [u8]) -> Result<(), Self::Error> {
            for byte in filled {
                *byte = self.0[self.1 % self.0.len()];
                self.1 += 1;
            }
            Ok(())
        }
    }

    fn scheme_and_chosen() -> impl Strategy<Value = (u8, u8, Vec<u8>)> {
        (2_u8..=64)
            .prop_flat_map(|cards| (2..=cards, Just(cards)))
            .prop_flat_map(|(required, cards)| {
                let indices: Vec<u8> = (1..=cards).collect();
                (
                    Just(required),
                    Just(cards),
                    subsequence(indices, usize::from(required)).prop_shuffle(),
                )
            })
    }

    #[test]
    fn a_known_polynomial_has_the_known_values() {
        // f(x) = 0x2A + 0x57·x; f(2) = 0x2A ^ 0xAE, f(0x13) = 0x2A ^ 0xFE by FIPS 197, section 4.2.
        let shares = split(&[0x2A; KEY_BYTES], 2, 0x13, &mut Bytes(vec![0x57], 0));
        assert_eq!((shares[1][0], shares[0x12][0]), (0x2A ^ 0xAE, 0x2A ^ 0xFE));
    }

    proptest! {
        #[test]
        fn any_m_of_n_rebuild_the_secret(
            (required, cards, chosen) in scheme_and_chosen(), secret: [u8; KEY_BYTES],
            random in prop::collection::vec(any::<u8>(), 64),
        ) {
            let shares = split(&secret, required, cards, &mut Bytes(random, 0));
            let points: Vec<_> = chosen.iter().map(|x| (*x, &shares[usize::from(*x) - 1])).collect();
            prop_assert_eq!(*combine(&points), secret);
        }

        /// For M-1 shares and *any* secret there is exactly one polynomial: a further share exists that makes
        /// these M-1 shares belong to that secret. So they rule nothing out.
        #[test]
        fn m_minus_one_shares_fit_every_secret(
            (required, cards, chosen) in scheme_and_chosen(), secret: [u8; KEY_BYTES], other: [u8; KEY_BYTES],
            random in prop::collection::vec(any::<u8>(), 64),
        ) {
            let shares = split(&secret, required, cards, &mut Bytes(random, 0));
            let (missing, known) = chosen.split_last().unwrap();
            let zero = Share::from(Zeroizing::new(other));
            // The polynomial through the known points and through `other` at 0, evaluated at the missing x:
            // shift every x by the missing one, so that `combine` evaluates there.
            let mut points: Vec<_> = known.iter().map(|x| (x ^ missing, &shares[usize::from(*x) - 1])).collect();
            points.push((*missing, &zero));
            let forged = combine(&points);
            let mut complete: Vec<_> = known.iter().map(|x| (*x, &shares[usize::from(*x) - 1])).collect();
            complete.push((*missing, &forged));
            prop_assert_eq!(*combine(&complete), other);
        }
    }
}
