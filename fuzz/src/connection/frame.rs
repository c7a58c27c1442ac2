//! What cuts a connection's bytes into frames, fed in pieces of any size.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::reader::FrameReader;

/// The most that may be reserved beyond what has arrived.
const FREE: u64 = 64 * 1024;

/// How many bytes may be reserved for each one that arrived, at most.
const FACTOR: u64 = 64;

/// The stream of a peer. The first byte says how long a frame may be, the second how the stream is
/// cut into pieces.
pub fn frame(data: &[u8]) -> bool {
    let &[longest, cut, ref stream @ ..] = data else { return false };
    let longest = 1_usize << (longest % 32);
    let used = allocation_counter::measure(|| {
        let expected = frames(stream, longest);
        let mut reader = FrameReader::new(longest);
        let mut got = Vec::new();
        let mut piece = usize::from(cut) + 1;
        let mut rest = stream;
        let failed = 'stream: loop {
            loop {
                match reader.next_frame() {
                    Ok(Some(frame)) => got.push(frame.to_vec()),
                    Ok(None) => break,
                    Err(_) => break 'stream true,
                }
            }
            if rest.is_empty() {
                break false;
            }
            let (mut now, later) = rest.split_at(piece.min(rest.len()));
            let offered = now.len();
            let read = ready(reader.fill(&mut now)).expect("a slice does not fail");
            assert!(read > 0, "no progress with {offered} bytes offered");
            assert_eq!(read + now.len(), offered);
            rest = &rest[read..];
            let _ = later;
            piece = piece * 7 % 4099 + 1;
        };
        assert_eq!((&got, failed), (&expected.0, expected.1));
        if !failed {
            let whole: usize = got.iter().map(|frame| frame.len() + 4).sum();
            assert_eq!(reader.is_mid_frame(), whole < stream.len() && stream.len() - whole > 0);
        }
    });
    // The frames are here twice more than in a client.
    let most = FREE + (FACTOR + 4) * stream.len() as u64;
    assert!(used.bytes_max <= most, "{} bytes for {} received", used.bytes_max, stream.len());
    true
}

/// What the frames are, found without care for memory; and whether a length is none.
fn frames(mut stream: &[u8], longest: usize) -> (Vec<Vec<u8>>, bool) {
    let mut frames = Vec::new();
    while let Some((prefix, rest)) = stream.split_first_chunk::<4>() {
        match usize::try_from(i32::from_be_bytes(*prefix)) {
            Ok(length) if length >= 4 && length <= longest => {
                let Some((frame, rest)) = rest.split_at_checked(length) else { break };
                frames.push(frame.to_vec());
                stream = rest;
            }
            _ => return (frames, true),
        }
    }
    (frames, false)
}

/// The result of a future that waits for nothing.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a slice has nothing to wait for"),
    }
}
