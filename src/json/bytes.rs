//! Runs of bytes, passed over eight at a time.

/// A word of eight equal bytes, when multiplied by one.
const ONES: u64 = u64::MAX / 0xff;

/// How often a byte stands at a place, one behind the other, `most` at most. Eight bytes at a time while
/// there are eight.
#[inline]
pub(super) fn run(bytes: &[u8], at: usize, byte: u8, most: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let rest = rest.get(..most).unwrap_or(rest);
    let (words, _) = rest.as_chunks();
    let mut run = 0;
    for word in words {
        let others = u64::from_le_bytes(*word) ^ (ONES * u64::from(byte));
        if others != 0 {
            return run + others.trailing_zeros() as usize / 8;
        }
        run += size_of::<u64>();
    }
    let rest = rest.get(run..).unwrap_or_default().iter();
    run + rest.take_while(|&&it| it == byte).count()
}

/// The place behind the white space at a place.
#[inline]
pub(super) fn after_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// The place behind what stands for itself in a string: that of a quote, a backslash, a control
/// character, or the end. Eight bytes at a time while there are eight.
#[inline]
pub(super) fn after_ordinary(bytes: &[u8], mut at: usize) -> usize {
    const HIGHS: u64 = ONES << 7;
    /// A high bit in each byte that is zero; above the lowest of them also in some others.
    const fn zeros(word: u64) -> u64 {
        word.wrapping_sub(ONES) & !word & HIGHS
    }
    while let Some((chunk, _)) = bytes.get(at..).and_then(<[u8]>::split_first_chunk) {
        let word = u64::from_le_bytes(*chunk);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let special = control
            | zeros(word ^ (ONES * u64::from(b'"')))
            | zeros(word ^ (ONES * u64::from(b'\\')));
        if special != 0 {
            return at + special.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while let Some(byte) = bytes.get(at) {
        if matches!(byte, b'"' | b'\\' | 0..=0x1f) {
            break;
        }
        at += 1;
    }
    at
}
