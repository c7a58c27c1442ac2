//! What the application has marked, and how it gets to the group.

mod commit_request;
mod committer;
mod marks;

pub(crate) use committer::{Commits, Committer};
pub(crate) use marks::{Due, Marks};
