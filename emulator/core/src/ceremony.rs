//! The custodian process: cards accepted so far, and whether M of them rebuild the key. Knows no time, no
//! connection and no card reader; its caller wipes it when the rules say so (AU-18).

use protocol::ErrorName;

use crate::key::{Binding, Purpose, ServerMasterKey, Shadow, shamir};

/// Cards accepted so far; at least one. Dropping it wipes the shares.
#[derive(Clone, Debug)]
pub(crate) struct Ceremony {
    /// The first shadow fixes set, scheme and check value (AU-10).
    shadows: Vec<Shadow>,
}

/// What one more card did.
#[derive(Debug)]
pub(crate) enum Step {
    /// It counts; more are needed.
    Intermediary(Ceremony),
    /// It was the M-th, and the key is the one that is expected.
    Complete(Quorum),
    /// It was the M-th of a whole set of another key, which was expected as well (LF-05).
    OtherSet,
    /// It was the M-th, but they do not rebuild the key that they say: the process is over (AU-11).
    Mismatch,
    /// It does not count. The process, if there was one, is untouched.
    Refused {
        unchanged: Option<Ceremony>,
        error: ErrorName,
    },
}

/// Whose cards are welcome.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Welcome<'a> {
    /// Those of the key that the device is bound to. Source: AU-10.
    Bound(&'a Binding),
    /// Those of any set; a whole one of another key is told apart from the right one. Source: LF-05.
    BoundOrOther(&'a Binding),
    /// Those of any set, which the device will then be bound to. Source: LF-02.
    Anybody,
    /// Those of any set for partitions, which the partition will then be bound to.
    PartitionSet,
    /// Those of the set that a partition is bound to, and of its copies.
    PartitionSetOf(&'a Binding),
}

/// The proof that M custodians were there: the only way to a [`ServerMasterKey`] in a running device.
#[derive(Debug)]
pub(crate) struct Quorum {
    pub(crate) key: ServerMasterKey,
    pub(crate) required: u8,
}

/// Presents one card's shadow to the process so far.
pub(crate) fn present(ceremony: Option<Ceremony>, shadow: Shadow, welcome: Welcome<'_>) -> Step {
    //= AU-10
    let is_welcome = match welcome {
        Welcome::Bound(binding) | Welcome::PartitionSetOf(binding) => {
            shadow.check_value == binding.check_value
        }
        Welcome::BoundOrOther(_) | Welcome::Anybody | Welcome::PartitionSet => true,
    };
    //= SC-06
    let purpose = match welcome {
        Welcome::Bound(_) | Welcome::BoundOrOther(_) | Welcome::Anybody => Purpose::ServerMasterKey,
        Welcome::PartitionSet | Welcome::PartitionSetOf(_) => Purpose::PartitionAuthorization,
    };
    let error = if shadow.purpose != purpose {
        Some(ErrorName::CardWrongPurpose)
    } else if is_welcome {
        ceremony.as_ref().and_then(|ceremony| ceremony.refusal(&shadow))
    } else {
        Some(ErrorName::CardWrongSet)
    };
    if let Some(error) = error {
        return Step::Refused {
            unchanged: ceremony,
            error,
        };
    }

    let mut shadows = ceremony.map(|ceremony| ceremony.shadows).unwrap_or_default();
    let (required, check_value) = (shadow.scheme.required(), shadow.check_value);
    shadows.push(shadow);
    if shadows.len() < usize::from(required) {
        return Step::Intermediary(Ceremony { shadows });
    }
    let points: Vec<_> = shadows
        .iter()
        .map(|shadow| (shadow.index, &shadow.share))
        .collect();
    let key = ServerMasterKey::from_bytes(shamir::combine(&points));
    //= AU-11
    let is_what_the_cards_say = key.check_value() == check_value;
    match welcome {
        Welcome::Bound(binding) | Welcome::BoundOrOther(binding) | Welcome::PartitionSetOf(binding)
            if binding.is_of(&key) =>
        {
            Step::Complete(Quorum { key, required })
        }
        //= LF-02
        Welcome::Anybody | Welcome::PartitionSet if is_what_the_cards_say => {
            Step::Complete(Quorum { key, required })
        }
        //= LF-05
        Welcome::BoundOrOther(binding) if is_what_the_cards_say && check_value != binding.check_value => {
            Step::OtherSet
        }
        Welcome::Bound(_)
        | Welcome::BoundOrOther(_)
        | Welcome::Anybody
        | Welcome::PartitionSet
        | Welcome::PartitionSetOf(_) => Step::Mismatch,
    }
}

impl Ceremony {
    /// Cards accepted so far.
    pub(crate) fn presented(&self) -> u8 {
        u8::try_from(self.shadows.len()).expect("fewer than M, which is a byte")
    }

    /// M of the set.
    pub(crate) fn required(&self) -> u8 {
        self.first().scheme.required()
    }

    fn first(&self) -> &Shadow {
        self.shadows
            .first()
            .expect("a process begins with its first card")
    }

    fn refusal(&self, shadow: &Shadow) -> Option<ErrorName> {
        let first = self.first();
        let is_of_the_set = shadow.set == first.set
            && shadow.scheme == first.scheme
            && shadow.check_value == first.check_value;
        if !is_of_the_set {
            return Some(ErrorName::CardWrongSet);
        }
        //= AU-08
        let counted = self.shadows.iter().any(|accepted| accepted.index == shadow.index);
        counted.then_some(ErrorName::CardAlreadyPresented)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Scheme;

    struct Counter(u64);
    impl rand_core::TryRng for Counter {
        type Error = core::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            self.try_next_u64().map(|n| (n >> 32) as u32)
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            Ok(self.0)
        }
        fn try_fill_bytes(&mut self, filled: &mut [u8]) -> Result<(), Self::Error> {
            for byte in filled {
                *byte = (self.try_next_u64()? >> 56) as u8;
            }
            Ok(())
        }
    }

    fn set(required: u8, cards: u8) -> (Binding, Vec<Shadow>) {
        let mut rng = Counter(u64::from(required) * 256 + u64::from(cards));
        let key = ServerMasterKey::generate(&mut rng);
        let scheme = Scheme::new(required, cards).unwrap();
        (
            key.binding(),
            key.split(scheme, Purpose::ServerMasterKey, &mut rng),
        )
    }

    fn check_refused(step: Step, expected: ErrorName) -> Option<Ceremony> {
        match step {
            Step::Refused { unchanged, error } => {
                assert_eq!(error, expected);
                unchanged
            }
            other => panic!("expected {expected}, got {other:?}"),
        }
    }

    #[test]
    fn the_mth_different_card_completes_in_any_order() {
        let (binding, shadows) = set(3, 5);
        let mut ceremony = None;
        for index in [4, 0] {
            let Step::Intermediary(next) =
                present(ceremony, shadows[index].clone(), Welcome::Bound(&binding))
            else {
                panic!()
            };
            ceremony = Some(next);
        }
        let ceremony = ceremony.unwrap();
        assert_eq!((ceremony.presented(), ceremony.required()), (2, 3));
        assert!(matches!(
            present(Some(ceremony), shadows[2].clone(), Welcome::Bound(&binding)),
            Step::Complete(_)
        ));
    }

    #[test]
    fn a_card_counts_once() {
        let (binding, shadows) = set(2, 2);
        let Step::Intermediary(ceremony) = present(None, shadows[0].clone(), Welcome::Bound(&binding)) else {
            panic!()
        };
        let step = present(Some(ceremony), shadows[0].clone(), Welcome::Bound(&binding));
        let unchanged = check_refused(step, ErrorName::CardAlreadyPresented).unwrap();
        assert_eq!(unchanged.presented(), 1);
    }

    #[test]
    fn shadows_of_two_sets_of_the_same_key_do_not_mix() {
        let mut rng = Counter(1);
        let key = ServerMasterKey::generate(&mut rng);
        let scheme = Scheme::new(2, 3).unwrap();
        let old = key.split(scheme, Purpose::ServerMasterKey, &mut rng);
        let new = key.split(scheme, Purpose::ServerMasterKey, &mut rng);
        let Step::Intermediary(ceremony) = present(None, old[0].clone(), Welcome::Bound(&key.binding()))
        else {
            panic!()
        };
        check_refused(
            present(Some(ceremony), new[1].clone(), Welcome::Bound(&key.binding())),
            ErrorName::CardWrongSet,
        );
    }

    #[test]
    fn another_key_and_another_purpose_are_refused_at_the_first_card() {
        let (binding, _) = set(2, 3);
        let (_, foreign) = set(2, 4);
        check_refused(
            present(None, foreign[0].clone(), Welcome::Bound(&binding)),
            ErrorName::CardWrongSet,
        );
        let mut rng = Counter(9);
        let key = ServerMasterKey::generate(&mut rng);
        let partition = key.split(
            Scheme::new(2, 2).unwrap(),
            Purpose::PartitionAuthorization,
            &mut rng,
        );
        check_refused(
            present(None, partition[0].clone(), Welcome::Bound(&key.binding())),
            ErrorName::CardWrongPurpose,
        );
    }

    #[test]
    fn consistent_shadows_that_miss_the_verifier_are_a_mismatch() {
        let (binding, mut shadows) = set(2, 2);
        shadows[1].share[0] ^= 1;
        let Step::Intermediary(ceremony) = present(None, shadows[0].clone(), Welcome::Bound(&binding)) else {
            panic!()
        };
        assert!(matches!(
            present(Some(ceremony), shadows[1].clone(), Welcome::Bound(&binding)),
            Step::Mismatch
        ));
    }

    //= LF-05
    #[test]
    fn a_whole_set_of_another_key_is_told_from_the_right_one_where_both_are_welcome() {
        let (binding, right) = set(2, 2);
        let (_, other) = set(2, 3);
        let welcome = Welcome::BoundOrOther(&binding);
        for (cards, is_other) in [(right, false), (other.clone(), true)] {
            let Step::Intermediary(ceremony) = present(None, cards[0].clone(), welcome) else {
                panic!()
            };
            let step = present(Some(ceremony), cards[1].clone(), welcome);
            assert_eq!(matches!(step, Step::OtherSet), is_other);
            assert_eq!(matches!(step, Step::Complete(_)), !is_other);
        }
        let mut bent = other;
        bent[1].share[0] ^= 1;
        let Step::Intermediary(ceremony) = present(None, bent[0].clone(), welcome) else {
            panic!()
        };
        assert!(matches!(
            present(Some(ceremony), bent[1].clone(), welcome),
            Step::Mismatch
        ));
    }

    //= LF-02
    #[test]
    fn any_valid_set_is_complete_where_anybody_is_welcome_and_a_bent_one_is_not() {
        let (_, mut cards) = set(2, 2);
        for is_bent in [false, true] {
            if is_bent {
                cards[1].share[0] ^= 1;
            }
            let Step::Intermediary(ceremony) = present(None, cards[0].clone(), Welcome::Anybody) else {
                panic!()
            };
            let step = present(Some(ceremony), cards[1].clone(), Welcome::Anybody);
            assert_eq!(matches!(step, Step::Complete(_)), !is_bent);
            assert_eq!(matches!(step, Step::Mismatch), is_bent);
        }
    }
}
