//! A digest that can be laid down and taken up again.
//!
//! Owns [`Growing`]: the BLAKE3 of bytes that come one after the other, whose state between two blocks is a few short
//! values. BLAKE3 is a tree over blocks; every whole subtree on the left is summed up by one *chaining value*, and the
//! digest follows from those and what is still to come. Must always end at what `blake3::hash` says of the same bytes.

use blake3::Hasher;
use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};
use sync_core::entry::Digest;

/// The digest of the bytes so far.
#[derive(Clone, Debug)]
pub(crate) struct Growing {
    /// Bytes in a block: a power of two, 1024 or more.
    block: u64,
    /// Blocks that are summed up in `peaks`.
    blocks: u64,
    /// One value for each whole subtree, the largest first: one for each bit that is set in `blocks`.
    peaks: Vec<ChainingValue>,
    /// The block after them. It stays open even when it is full: the very last block is summed up otherwise than
    /// those that something follows.
    open: Hasher,
    open_bytes: u64,
}

impl Growing {
    /// Of nothing yet.
    pub(crate) fn new(block: u64) -> Self {
        debug_assert!(block.is_power_of_two() && block >= blake3::CHUNK_LEN as u64);
        Self { block, blocks: 0, peaks: Vec::new(), open: Hasher::new(), open_bytes: 0 }
    }

    /// As it was after `bytes`, of which `peaks` is what [`Self::peaks`] said then. None where the two do not belong
    /// together.
    pub(crate) fn taken_up(block: u64, bytes: u64, peaks: Vec<ChainingValue>) -> Option<Self> {
        let blocks = bytes / block;
        let fits = bytes.is_multiple_of(block) && peaks.len() == blocks.count_ones() as usize;
        fits.then(|| {
            let mut open = Hasher::new();
            open.set_input_offset(bytes);
            Self { block, blocks, peaks, open, open_bytes: 0 }
        })
    }

    /// Bytes that the peaks stand for.
    pub(crate) fn summed_up(&self) -> u64 {
        self.blocks * self.block
    }

    /// What stands for the first [`Self::summed_up`] bytes.
    pub(crate) fn peaks(&self) -> &[ChainingValue] {
        &self.peaks
    }

    /// More bytes.
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.open_bytes == self.block {
                self.sum_up();
            }
            let room = usize::try_from(self.block - self.open_bytes).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(bytes.len().min(room));
            self.open.update(now);
            self.open_bytes += now.len() as u64;
            bytes = later;
        }
    }

    /// Sums up the open block, if it is full. Right only when more bytes are to come.
    pub(crate) fn sum_up(&mut self) {
        if self.open_bytes < self.block {
            return;
        }
        self.peaks.push(self.open.finalize_non_root());
        self.blocks += 1;
        // Two subtrees of one size make one of the double size.
        for _ in 0..self.blocks.trailing_zeros() {
            if let (Some(right), Some(left)) = (self.peaks.pop(), self.peaks.pop()) {
                self.peaks.push(merge_subtrees_non_root(&left, &right, Mode::Hash));
            }
        }
        self.open = Hasher::new();
        self.open.set_input_offset(self.summed_up());
        self.open_bytes = 0;
    }

    /// The digest, once there is nothing more to come. None where the last byte was summed up already.
    pub(crate) fn digest(&self) -> Option<Digest> {
        let Some((first, others)) = self.peaks.split_first() else {
            return Some(Digest(*self.open.finalize().as_bytes()));
        };
        if self.open_bytes == 0 {
            return None;
        }
        let mut right = self.open.finalize_non_root();
        for left in others.iter().rev() {
            right = merge_subtrees_non_root(left, &right, Mode::Hash);
        }
        Some(Digest(*merge_subtrees_root(first, &right, Mode::Hash).as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Dice;

    fn bytes(len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        Hasher::new().finalize_xof().fill(&mut bytes);
        bytes
    }

    /// Lays it down at each of `cuts` and takes it up again; `pieces` is how many bytes come at once.
    fn in_parts(content: &[u8], block: u64, cuts: &[usize], pieces: usize) -> Option<Digest> {
        let mut growing = Growing::new(block);
        let mut at = 0;
        for end in cuts.iter().copied().chain([content.len()]) {
            for piece in content[at..end].chunks(pieces) {
                growing.update(piece);
            }
            at = end;
            if end < content.len() {
                let (summed, peaks) = (growing.summed_up(), growing.peaks().to_vec());
                growing = Growing::taken_up(block, summed, peaks)?;
                at = summed as usize;
            }
        }
        growing.digest()
    }

    #[test]
    fn every_size_and_every_cut_gives_the_digest_of_the_whole() {
        const BLOCK: usize = 1024;
        let content = bytes(20 * BLOCK + 1);
        for blocks in 0..=20 {
            for size in [blocks * BLOCK, blocks * BLOCK + 1, (blocks * BLOCK).saturating_sub(1)] {
                let wanted = Some(Digest(*blake3::hash(&content[..size]).as_bytes()));
                for cut in (0..size).step_by(BLOCK / 2) {
                    let cuts = [cut];
                    assert_eq!(
                        in_parts(&content[..size], 1024, &cuts, 700),
                        wanted,
                        "{size} bytes, cut at {cut}"
                    );
                }
            }
        }
    }

    #[test]
    fn any_cuts_give_the_digest_of_the_whole() {
        let content = bytes(3 << 20);
        for seed in 0..300 {
            let mut dice = Dice::new(seed);
            let block = 1024_u64 << dice.roll(8);
            let size = dice.roll(content.len() as u64 + 1) as usize;
            let mut cuts: Vec<_> = (0..dice.roll(6)).map(|_| dice.roll(size as u64 + 1) as usize).collect();
            cuts.sort_unstable();
            cuts.retain(|cut| *cut < size);
            let pieces = 1 + dice.roll(200_000) as usize;
            let wanted = Some(Digest(*blake3::hash(&content[..size]).as_bytes()));
            assert_eq!(
                in_parts(&content[..size], block, &cuts, pieces),
                wanted,
                "seed {seed}: {size} bytes in blocks of {block}, cut at {cuts:?}"
            );
        }
    }

    #[test]
    fn values_that_do_not_belong_to_the_bytes_are_refused() {
        let mut growing = Growing::new(1024);
        growing.update(&bytes(3 * 1024 + 5));
        let peaks = growing.peaks().to_vec();
        assert_eq!((growing.summed_up(), peaks.len()), (3 * 1024, 2));
        assert!(Growing::taken_up(1024, 3 * 1024, peaks.clone()).is_some());
        for bytes in [0, 1024, 3 * 1024 + 1, 7 * 1024] {
            assert!(Growing::taken_up(1024, bytes, peaks.clone()).is_none(), "{bytes}");
        }
    }
}
