use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use ottla_protocol::api::{HeartbeatRequest, SyncGroupRequest, SyncGroupRequestAssignment};
use ottla_protocol::encode_request;
use ottla_protocol::wire::Frame;
use tokio::io::AsyncWrite;
use tokio::sync::oneshot;

use super::{FrameWriter, Silent};
use crate::broker::BrokerId;
use crate::error::{Disconnect, RequestError};

/// Takes so many bytes at a time, until it fails.
struct Pipe {
    each: usize,
    room: usize,
    taken: Vec<u8>,
    flushed: usize,
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.room == 0 {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let most = self.each.min(self.room);
        let all = slices.iter().flat_map(|slice| slice.iter().copied());
        let before = self.taken.len();
        self.taken.extend(all.take(most));
        let written = self.taken.len() - before;
        self.room -= written;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flushed = self.taken.len();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn pipe(each: usize, room: usize) -> Pipe {
    Pipe { each, room, taken: Vec::new(), flushed: 0 }
}

fn small() -> Frame {
    encode_request(&HeartbeatRequest::default(), 4, 1, None).unwrap()
}

/// A frame of several pieces: its payload is not copied.
fn large() -> Frame {
    let assignments = vec![SyncGroupRequestAssignment {
        member_id: "m".into(),
        assignment: Bytes::from(vec![7; 5000]),
    }];
    let request = SyncGroupRequest { assignments, ..Default::default() };
    let frame = encode_request(&request, 5, 2, None).unwrap();
    assert!(frame.chunks().len() > 1);
    frame
}

fn silent() -> (Silent, oneshot::Receiver<Result<(), RequestError>>) {
    let (caller, written) = oneshot::channel();
    (Silent { api: ottla_protocol::ApiKey::PRODUCE, caller }, written)
}

#[tokio::test]
async fn frames_arrive_whole_however_little_is_taken_at_a_time() {
    for each in [1, 7, 100, 5000, usize::MAX] {
        let mut writer = FrameWriter::default();
        let (waiting, mut written) = silent();
        let mut expected = Vec::new();
        for (frame, silent) in
            [(small(), None), (large(), Some(waiting)), (large(), None), (small(), None)]
        {
            expected.extend(frame.to_bytes());
            writer.push(frame, silent);
        }
        let mut pipe = pipe(each, usize::MAX);
        let mut begun = 0;
        let told_after = small().len() + large().len();
        let mut told = false;
        while writer.has_work() {
            writer.write(&mut pipe, &mut begun).await.unwrap();
            told |= written.try_recv().is_ok();
            assert_eq!(told, pipe.taken.len() >= told_after, "{each}");
        }
        assert_eq!((pipe.taken.len(), begun, pipe.flushed), (expected.len(), 3, expected.len()));
        assert!(pipe.taken == expected, "other bytes, {each} at a time");
    }
}

#[tokio::test]
async fn a_frame_has_begun_with_its_first_byte() {
    let mut writer = FrameWriter::default();
    writer.push(small(), None);
    writer.push(small(), None);
    writer.push(small(), None);
    let mut pipe = pipe(small().len(), usize::MAX);
    for expected in [1, 2, 3] {
        let mut begun = 0;
        writer.write(&mut pipe, &mut begun).await.unwrap();
        assert_eq!(begun, 1, "frame {expected}");
    }
    assert!(writer.is_empty());
    writer.push(small(), None);
    writer.push(small(), None);
    let mut begun = 0;
    pipe.each = small().len() + 1;
    writer.write(&mut pipe, &mut begun).await.unwrap();
    assert_eq!(begun, 2);
}

#[tokio::test]
async fn what_was_offered_to_a_write_that_failed_may_have_been_written() {
    let mut writer = FrameWriter::default();
    let (waiting, mut written) = silent();
    writer.push(small(), None);
    writer.push(small(), Some(waiting));
    writer.push(small(), None);
    let mut begun = 0;
    writer.write(&mut pipe(0, 0), &mut begun).await.unwrap_err();
    assert_eq!(begun, 2);
    writer.fail(|silent, started| RequestError::Disconnected {
        api: silent.api,
        broker: BrokerId(1),
        sent: started,
        cause: Disconnect::ByBroker,
    });
    let error = written.try_recv().unwrap().unwrap_err();
    assert!(matches!(error, RequestError::Disconnected { sent: true, .. }), "{error:?}");
}
