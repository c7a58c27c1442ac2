//! A function that is called with a record's outcome.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;

use super::delivery::{Delivery, Written};
use crate::error::SendError;

type Outcome = Result<Written, SendError>;

/// Waits for a delivery in place of a task: its waker asks for the outcome and calls the function.
pub(super) struct Callback<F> {
    waiting: Mutex<Waiting<F>>,
}

struct Waiting<F> {
    /// Gone while it is being looked at, and when the function has been called.
    delivery: Option<(Delivery, F)>,
    /// A wake-up came while it was being looked at.
    again: bool,
}

impl<F: FnOnce(Outcome) + Send + 'static> Callback<F> {
    pub(super) fn start(delivery: Delivery, call: F) {
        let waiting = Waiting { delivery: Some((delivery, call)), again: false };
        Arc::new(Self { waiting: Mutex::new(waiting) }).look();
    }

    fn look(self: &Arc<Self>) {
        let waker = Waker::from(Arc::clone(self));
        loop {
            let mut waiting = self.waiting.lock();
            waiting.again = true;
            let Some((mut delivery, call)) = waiting.delivery.take() else { return };
            waiting.again = false;
            drop(waiting);
            let polled = Pin::new(&mut delivery).poll(&mut Context::from_waker(&waker));
            if let Poll::Ready(outcome) = polled {
                drop(delivery);
                in_turn(Box::new(move || call(outcome)));
                return;
            }
            let mut waiting = self.waiting.lock();
            waiting.delivery = Some((delivery, call));
            if !waiting.again {
                return;
            }
        }
    }
}

impl<F: FnOnce(Outcome) + Send + 'static> Wake for Callback<F> {
    fn wake(self: Arc<Self>) {
        self.look();
    }
}

thread_local! {
    /// Calls that wait for the one that is running on this thread.
    static CALLS: RefCell<Option<VecDeque<Call>>> = const { RefCell::new(None) };
}

type Call = Box<dyn FnOnce()>;

/// Calls one after the other, never one within another: a function that sends a record which pushes
/// out another, which is told to a function that sends, would else go ever deeper.
fn in_turn(call: Call) {
    let mut next = CALLS.with_borrow_mut(|calls| match calls {
        Some(calls) => {
            calls.push_back(call);
            None
        }
        None => {
            *calls = Some(VecDeque::new());
            Some(call)
        }
    });
    while let Some(call) = next {
        // What is the user's must not end the task that all other records depend on.
        if catch_unwind(AssertUnwindSafe(call)).is_err() {
            tracing::error!("a callback for a record's outcome panicked");
        }
        next = CALLS.with_borrow_mut(|calls| {
            let next = calls.as_mut().and_then(VecDeque::pop_front);
            if next.is_none() {
                *calls = None;
            }
            next
        });
    }
}
