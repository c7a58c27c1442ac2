//! A corpus as one file: each input behind its length, four bytes in network order.
//!
//! There are thousands of inputs of a hundred bytes, of which each would take a block of a disk.

/// The inputs in a pack, in order.
///
/// # Panics
/// If the pack is damaged.
pub fn unpack(mut pack: &[u8]) -> Vec<&[u8]> {
    let mut inputs = Vec::new();
    while !pack.is_empty() {
        let (length, rest) = pack.split_first_chunk::<4>().expect("an input has a length");
        let length = u32::from_be_bytes(*length) as usize;
        let (input, rest) = rest.split_at_checked(length).expect("a pack ends with an input");
        inputs.push(input);
        pack = rest;
    }
    inputs
}
