//! What was put back on one side and waits for the next sync to carry it to the other.
//!
//! Owns a number in the state: how many things that is, since both sides were last looked at as a whole. So the pair
//! does not count as in sync meanwhile, though no sync has looked yet.

use sync_state::{State, StateError};

use crate::remember::reach::Reach;

/// Under which the state keeps it: eight bytes, the highest first.
const NOTE: &str = "put-back";

/// The note as it is to be.
pub(crate) struct Onward(Option<[u8; 8]>);

impl Onward {
    pub(crate) fn note(&self) -> (&'static str, Option<&[u8]>) {
        (NOTE, self.0.as_ref().map(|count| &count[..]))
    }
}

/// How many things wait.
pub(crate) fn waiting_onward(state: &State) -> Result<u64, StateError> {
    let note = state.note(NOTE)?.and_then(|note| note.try_into().ok());
    Ok(note.map_or(0, u64::from_be_bytes))
}

/// What a run makes of it that has put something back, or has looked at the whole pair and left nothing undone; none
/// where it stays as it is.
pub(crate) fn onward_after(
    state: &State,
    reach: &Reach,
    put_back: u64,
    undone: u64,
) -> Result<Option<Onward>, StateError> {
    let before = waiting_onward(state)?;
    let carried = *reach == Reach::Pair && undone == 0;
    let now = if carried { 0 } else { before.saturating_add(put_back) };
    Ok((now != before).then(|| Onward((now > 0).then(|| now.to_be_bytes()))))
}
