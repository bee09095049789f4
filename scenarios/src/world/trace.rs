//! What happened in a world, line by line. Holds no ciphertext, no length of it, no fingerprint, and nothing that a
//! card keeps behind its PIN: the same seed gives the same trace, and a trace can be shown to anybody.

use machine::Instant;

use crate::lane::ActorEvents;

/// Events of one actor that a failure shows.
const LAST_EVENTS: usize = 8;

#[derive(Default)]
pub(crate) struct Trace {
    entries: Vec<Entry>,
}

struct Entry {
    at: Instant,
    actor: String,
    text: String,
}

impl Trace {
    pub(crate) fn tell(&mut self, at: Instant, actor: &str, text: impl Into<String>) {
        self.entries.push(Entry {
            at,
            actor: actor.to_owned(),
            text: text.into(),
        });
    }

    /// Every line: instant, actor, what happened.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.entries
            .iter()
            .map(|Entry { at, actor, text }| format!("{at}  {actor:<16}  {text}"))
            .collect()
    }

    /// A number that differs when the trace does: FNV-1a over its lines.
    pub(crate) fn digest(&self) -> u64 {
        let bytes = self.entries.iter().flat_map(|Entry { at, actor, text }| {
            at.as_micros()
                .to_le_bytes()
                .into_iter()
                .chain(actor.bytes())
                .chain(text.bytes())
                .chain([b'\n'])
        });
        bytes.fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        })
    }

    pub(crate) fn last_of_each(&self) -> Vec<ActorEvents> {
        let mut actors: Vec<ActorEvents> = Vec::new();
        for Entry { at, actor, text } in self.entries.iter().rev() {
            let known = actors.iter().position(|known| known.actor == *actor);
            let index = known.unwrap_or_else(|| {
                actors.push(ActorEvents {
                    actor: actor.clone(),
                    events: Vec::new(),
                });
                actors.len() - 1
            });
            if actors[index].events.len() < LAST_EVENTS {
                actors[index].events.insert(0, format!("{at}  {text}"));
            }
        }
        actors.sort_by(|a, b| a.actor.cmp(&b.actor));
        actors
    }
}
