//! A gzip member (RFC 1952) of many zeros in few bytes.

/// Deflates `count` zeros (RFC 1951) by hand: one literal, then ever the same reference to it.
pub(crate) fn zeros(count: usize) -> Vec<u8> {
    let mut bits = Bits(Vec::from(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff][..]), 0);
    // The last block, with fixed codes.
    bits.push(0b011, 3);
    // The literal 0.
    bits.push(0b0000_1100, 8);
    for _ in 0..count / 258 {
        // 258 bytes (code 285), from one byte back (code 0).
        bits.push(0b1010_0011, 8);
        bits.push(0, 5);
    }
    // The end of the block. The check sum is left out: whoever came that far has read it all.
    bits.push(0, 7);
    bits.0
}

/// Bits in the order in which deflate packs them.
struct Bits(Vec<u8>, usize);

impl Bits {
    fn push(&mut self, value: u32, count: usize) {
        for bit in 0..count {
            if self.1 == 0 {
                self.0.push(0);
            }
            if let Some(last) = self.0.last_mut() {
                *last |= u8::from(value >> bit & 1 == 1) << self.1;
            }
            self.1 = (self.1 + 1) % 8;
        }
    }
}

#[test]
fn it_is_small_and_begins_as_gzip_does() {
    let bomb = zeros(90 * 1024 * 1024);
    // Below the limit of any answer but a key set's, and far above all once unpacked.
    assert!(bomb.len() < 1024 * 1024, "{}", bomb.len());
    assert!(bomb.starts_with(&[0x1f, 0x8b, 8]));
}
