//! Fills the input topic.

use indicatif::{ProgressBar, ProgressStyle};
use ottla::{BoxError, Client, Producer, Record};

use crate::{item::Item, options::Options, stage::Stage};

pub(crate) async fn fill(
    client: &Client,
    stage: &Stage,
    options: &Options,
) -> Result<(), BoxError> {
    let producer = Producer::builder(client).build()?;
    let bar = bar(options.records, "filling");
    for n in 0..options.records {
        let item = Item::nth(n, options.keys);
        let (key, value) = (item.key_text(), item.text());
        let record = Record::value(value.as_bytes()).key(key.as_bytes());
        // Nobody asks after single records here: the flush tells whether all were written.
        drop(producer.send(&stage.input, record).await?);
        bar.inc(1);
    }
    producer.flush().await?;
    bar.finish_and_clear();
    producer.close(crate::PATIENCE).await;
    Ok(())
}

pub(crate) fn bar(length: u64, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:10} {wide_bar} {pos}/{len} {per_sec}");
    let bar = ProgressBar::new(length).with_message(what);
    match style {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
