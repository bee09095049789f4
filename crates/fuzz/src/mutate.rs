//! Inputs made of other inputs, by a chance that a seed determines.

/// The most changes to one input.
const CHANGES_MAX: usize = 6;

pub(crate) struct Mutator {
    state: u64,
}

impl Mutator {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// `SplitMix64`.
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0 to `end`, without `end`; 0 if there is nothing else.
    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.draw() % end).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        self.draw().to_le_bytes()[0]
    }

    pub(crate) fn next(&mut self, pool: &[Vec<u8>], tokens: &[&[u8]], bytes_max: usize) -> Vec<u8> {
        let mut input = pool.get(self.below(pool.len())).cloned().unwrap_or_default();
        for _ in 0..=self.below(CHANGES_MAX) {
            self.change(&mut input, pool, tokens);
        }
        input.truncate(bytes_max);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, pool: &[Vec<u8>], tokens: &[&[u8]]) {
        let at = self.below(input.len() + 1);
        match self.below(8) {
            0 => {
                let bit = self.below(8);
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            1 => {
                let byte = self.byte();
                if let Some(place) = input.get_mut(at) {
                    *place = byte;
                }
            }
            2 => {
                let byte = self.byte();
                input.insert(at, byte);
            }
            3 => {
                let end = at + self.below(input.len() - at + 1);
                input.drain(at..end);
            }
            4 => {
                let end = at + self.below(input.len() - at + 1).min(32);
                let piece = input[at..end].to_vec();
                input.splice(at..at, piece);
            }
            5 | 6 => {
                let token = tokens.get(self.below(tokens.len())).copied().unwrap_or_default();
                // In front of what is there, or over it.
                let end = if self.below(2) == 0 {
                    at
                } else {
                    (at + token.len()).min(input.len())
                };
                input.splice(at..end, token.iter().copied());
            }
            _ => {
                let other = pool
                    .get(self.below(pool.len()))
                    .map_or(&[][..], |other| &other[..]);
                let from = self.below(other.len() + 1);
                input.truncate(at);
                input.extend(&other[from..]);
            }
        }
    }
}
