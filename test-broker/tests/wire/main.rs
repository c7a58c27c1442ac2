//! The broker as a client sees it: requests and responses over in-memory pipes.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "tests fail loudly")]

mod support;

mod administration;
mod connections;
mod control;
mod fault_injection;
mod fetching;
mod groups;
mod metadata;
mod offsets;
mod producing;
mod sessions;
mod trace;
mod transactional;
mod transactions;
