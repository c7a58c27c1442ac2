//! What every Rust client of the benchmark does alike.
//!
//! A client is a program that makes one run and prints one line of JSON. It warms up on one topic, waits until that is
//! over, and is measured on another:
//!
//! ```text
//! CLIENT produce|consume --bootstrap HOST:PORT --records N [--api NAME] [--partitions P] [--value-size V]
//!        [--settings defaults|tuned|linger0] [--codec none|gzip|snappy|lz4|zstd] [--json FILE] [--rate N]
//!        [--window N] [--warm N] [--topic bench] [--warm-topic warm] [--within SECONDS]
//! ```

mod drive;
mod latency;
mod meter;
mod order;
mod pace;
mod payload;
mod plan;

pub use drive::{Sends, drive};
pub use latency::Latency;
pub use meter::{Meter, Overload};
pub use order::Order;
pub use pace::Pace;
pub use payload::{Item, Payload};
pub use plan::{Codec, Mode, Plan, Settings, tuned};

/// How many records may be without an outcome, where the program has to hold on to something for each: enough for
/// every batch that the clients have in flight, and half of what librdkafka queues.
pub const WINDOW: usize = 50_000;
