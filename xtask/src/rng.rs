//! A tiny repeatable random number generator (SplitMix64).
//!
//! Owns the guarantee that a seed gives the same stream on every machine and in every version: a library
//! generator may change its stream between releases, this one may not. (Only the sizes, which go through
//! the platform's `exp`, could differ by a byte between platforms.)

/// One stream of numbers.
#[derive(Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    /// A stream for the `index`-th part of what `seed` describes; the parts do not depend on each other.
    pub(crate) fn part(seed: u64, index: u64) -> Self {
        let mut mixed = Self(seed ^ index.wrapping_mul(0xD605_1A5B_0C72_3F4D));
        Self(mixed.next())
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0. The bias of the modulo is of no interest here.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A number in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// `median * e^(sigma * z)` with a normal `z`: how sizes of files and folders are spread in real trees.
    pub(crate) fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * self.unit()).cos();
        median * (sigma * normal).exp()
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len() as u64) as usize]
    }

    /// Fills the buffer with bytes that do not compress.
    pub(crate) fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn the_stream_never_changes() {
        let mut rng = Rng::part(1, 2);
        let first = [rng.next(), rng.next()];
        let mut again = Rng::part(1, 2);
        assert_eq!(first, [again.next(), again.next()]);
        assert_ne!(first[0], Rng::part(1, 3).next());
    }

    #[test]
    fn log_normal_has_its_median() {
        let mut rng = Rng::part(7, 0);
        let below = (0..10_000).filter(|_| rng.log_normal(2000.0, 1.5) < 2000.0).count();
        assert!((4_800..5_200).contains(&below), "{below} of 10000 lie below the median");
    }
}
