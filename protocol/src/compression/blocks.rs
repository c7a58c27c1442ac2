/// Cuts the concatenation of `chunks` into blocks of `size` bytes, the last one shorter, and calls `each` with them
/// in order. A block is copied only where it straddles chunks.
pub(super) fn each_block<E>(
    chunks: &[&[u8]],
    size: usize,
    mut each: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut straddling = Vec::new();
    for &chunk in chunks {
        let mut rest = chunk;
        if !straddling.is_empty() {
            let (head, tail) = rest.split_at(rest.len().min(size - straddling.len()));
            straddling.extend_from_slice(head);
            rest = tail;
            if straddling.len() < size {
                continue;
            }
            each(&straddling)?;
            straddling.clear();
        }
        let whole = rest.chunks_exact(size);
        straddling.extend_from_slice(whole.remainder());
        for block in whole {
            each(block)?;
        }
    }
    if straddling.is_empty() { Ok(()) } else { each(&straddling) }
}
