use std::{
    future::Future as _,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::task::{ArcWake, noop_waker_ref, waker};
use ottla_protocol::{
    compression::Codecs,
    records::{BatchBuilder, ChunkPool, RecordParts},
};

use super::*;
use crate::error::{Reason, SendError, Unsure};

fn poll(delivery: &mut Delivery) -> Poll<Result<Written, SendError>> {
    Pin::new(delivery).poll(&mut Context::from_waker(noop_waker_ref()))
}

fn written(offset: i64) -> Verdict {
    Verdict::Written(WrittenBatch { partition: 3, base_offset: Some(offset), timestamp: None })
}

fn offset(delivery: &mut Delivery) -> Option<i64> {
    match poll(delivery) {
        Poll::Ready(Ok(written)) => written.offset,
        other => panic!("not written: {other:?}"),
    }
}

#[test]
fn a_delivery_is_sixteen_bytes() {
    assert_eq!(size_of::<Delivery>(), 16);
}

#[test]
fn every_record_learns_its_own_offset() {
    let promise = Promise::new();
    let mut deliveries: Vec<_> = (0..5).map(|index| promise.delivery(index)).collect();
    assert!(poll(&mut deliveries[2]).is_pending());
    promise.settle(written(100));
    let offsets: Vec<_> = deliveries.iter_mut().map(offset).collect();
    assert_eq!(offsets, [Some(100), Some(101), Some(102), Some(103), Some(104)]);
}

#[test]
fn ranges_settle_apart_and_in_any_order() {
    let promise = Promise::new();
    let mut deliveries: Vec<_> = (0..6).map(|index| promise.delivery(index)).collect();
    promise.settle_range(2, 4, written(50));
    assert!(poll(&mut deliveries[1]).is_pending() && poll(&mut deliveries[4]).is_pending());
    assert_eq!((offset(&mut deliveries[2]), offset(&mut deliveries[3])), (Some(50), Some(51)));
    promise.settle_range(0, 2, written(10));
    assert_eq!((offset(&mut deliveries[0]), offset(&mut deliveries[1])), (Some(10), Some(11)));
    promise.settle(written(90));
    assert_eq!(offset(&mut deliveries[5]), Some(95));
    let mut late = promise_free_delivery();
    assert!(matches!(poll(&mut late), Poll::Ready(Err(SendError::NotWritten { .. }))));
}

fn promise_free_delivery() -> Delivery {
    Promise::new().delivery(0)
}

#[test]
fn a_settled_range_stays_as_it_is() {
    let promise = Promise::new();
    let (mut first, mut second) = (promise.delivery(0), promise.delivery(1));
    promise.settle_range(0, 1, written(7));
    promise.settle(written(1000));
    assert_eq!((offset(&mut first), offset(&mut second)), (Some(7), Some(1001)));
}

#[test]
fn forwarded_records_follow_their_batch() {
    let (staged, left, right) = (Promise::new(), Promise::new(), Promise::new());
    let mut deliveries: Vec<_> = (0..4).map(|index| staged.delivery(index)).collect();
    assert!(poll(&mut deliveries[3]).is_pending());
    staged.forward(0, 1, &left, 5);
    staged.forward(1, 2, &right, 0);
    staged.forward(2, 4, &left, 6);
    drop(staged);
    assert!(poll(&mut deliveries[3]).is_pending());
    left.settle(written(100));
    right.settle(written(900));
    let offsets: Vec<_> = deliveries.iter_mut().map(offset).collect();
    assert_eq!(offsets, [Some(105), Some(900), Some(106), Some(107)]);
}

#[test]
fn what_failed_gives_its_own_record_back() {
    let pool = ChunkPool::default();
    let mut builder = BatchBuilder::new();
    for value in [b"one", b"two"] {
        let parts = RecordParts { key: Some(b"k"), value: Some(value), headers: &[] };
        builder.append(1234, &parts, &pool).unwrap();
    }
    let batch = Some(builder.seal().into());
    let why = Why::Unknown(Unsure::Closed);
    let failure = Failure::new(why, Some(3), batch, Codecs::default());
    let promise = Promise::new();
    let mut second = promise.delivery(1);
    promise.settle(Verdict::Failed(Arc::new(failure)));
    let Poll::Ready(Err(error)) = poll(&mut second) else { panic!("settled") };
    assert!(matches!(error, SendError::Unknown { reason: Unsure::Closed, .. }));
    let record = error.into_record();
    assert_eq!(record.value.as_deref(), Some(&b"two"[..]));
    assert_eq!((record.partition, record.timestamp), (Some(3), 1234));
}

#[test]
fn a_promise_that_is_dropped_leaves_nobody_waiting() {
    let mut promise = Promise::new();
    let mut before = promise.delivery(0);
    assert!(poll(&mut before).is_pending());
    promise.set_possibly_written();
    drop(promise);
    let outcome = poll(&mut before);
    assert!(
        matches!(outcome, Poll::Ready(Err(SendError::Unknown { reason: Unsure::Abandoned, .. }))),
        "{outcome:?}"
    );
    let mut other = promise_free_delivery();
    let outcome = poll(&mut other);
    assert!(
        matches!(
            outcome,
            Poll::Ready(Err(SendError::NotWritten { reason: Reason::Abandoned, .. }))
        ),
        "{outcome:?}"
    );
}

#[derive(Default)]
struct Count(std::sync::atomic::AtomicUsize);

impl ArcWake for Count {
    fn wake_by_ref(this: &Arc<Self>) {
        this.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

#[test]
fn settling_wakes_each_waiter_once_and_only_those_concerned() {
    let promise = Promise::new();
    let counts: Vec<Arc<Count>> = (0..4).map(|_| Arc::default()).collect();
    let mut deliveries: Vec<_> = (0..4).map(|index| promise.delivery(index)).collect();
    for (delivery, count) in deliveries.iter_mut().zip(&counts) {
        let waker = waker(Arc::clone(count));
        // Polled twice, as a `select!` does; the waker is replaced, not added.
        for _ in 0..2 {
            let mut cx = Context::from_waker(&waker);
            assert!(Pin::new(&mut *delivery).poll(&mut cx).is_pending());
        }
    }
    drop(deliveries.remove(1));
    let seen = || counts.iter().map(|c| c.0.load(std::sync::atomic::Ordering::Relaxed)).collect();
    promise.settle_range(0, 2, written(0));
    assert_eq!(Vec::<usize>::from_iter::<Vec<usize>>(seen()), [1, 0, 0, 0]);
    promise.settle(written(0));
    assert_eq!(Vec::<usize>::from_iter::<Vec<usize>>(seen()), [1, 0, 1, 1]);
}
