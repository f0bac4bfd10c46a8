//! The hash that a token is found by.

/// A keyed hash of a token's last sixteen bytes.
///
/// They are the end of its signature: nobody who cannot sign chooses where a token lands, and the
/// seed, another one in each cache, keeps those who can from choosing.
#[derive(Clone, Copy)]
pub(super) struct TokenHash(u64);

/// The secret of a cache's hashes.
pub(super) type Seed = [u64; 2];

impl TokenHash {
    /// Hashes a token; `None` if it is too short for one.
    #[inline]
    pub(super) fn of(token: &[u8], [seed, salt]: Seed) -> Option<Self> {
        let (rest, last) = token.split_last_chunk()?;
        let [one, other] = [rest.last_chunk()?, last].map(|part| u64::from_le_bytes(*part));
        // Both numbers made secret, multiplied and folded: the step that wyhash is made of.
        let product = u128::from(one ^ seed) * u128::from(other ^ salt);
        #[expect(clippy::cast_possible_truncation, reason = "both halves are used")]
        let (low, high) = (product as u64, (product >> 64) as u64);
        Some(Self(low ^ high))
    }

    /// The place in a slice whose length is a power of two, by the low bits.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "any bits of a hash will do"
    )]
    #[inline]
    pub(super) fn index(self, len: usize) -> usize {
        self.0 as usize & (len - 1)
    }

    /// The half of the hash that does not choose the bucket.
    #[inline]
    pub(super) fn tag(self) -> u32 {
        u32::try_from(self.0 >> 32).unwrap_or_default()
    }
}
