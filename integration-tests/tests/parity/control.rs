//! The records that end a transaction against Kafka's classes for them.

use ottla_protocol::records::{ControlKind, ControlRecord};

use crate::oracle::{Oracle, Question, Subject};

#[test]
fn markers_are_kafkas() {
    let mut oracle = Oracle::shared();
    for (kind, number) in [(ControlKind::Abort, 0), (ControlKind::Commit, 1)] {
        for epoch in [0, 1, 7, i32::MAX] {
            let record = ControlRecord { kind, coordinator_epoch: Some(epoch) };
            let (key, value) = parts(&record.to_batch(11, 2, 1_700_000_000_000));
            // Both begin with their version, which is 0 and no part of the message.
            assert_eq!((&key[..2], &value[..2]), (&[0, 0][..], &[0, 0][..]));
            assert_eq!(key[2..], [0, number]);
            assert_eq!(value[2..], epoch.to_be_bytes());
            for (name, bytes) in
                [("ControlRecordTypeSchema", &key[2..]), ("EndTxnMarker", &value[2..])]
            {
                let subject = Subject { name, version: 0, framed: false };
                assert_eq!(oracle.ask(Question::again(subject, bytes)).as_deref(), Ok(bytes));
            }
        }
    }
}

/// Key and value of the only record, whose lengths take a byte each.
fn parts(batch: &[u8]) -> (Vec<u8>, Vec<u8>) {
    const HEADER: usize = 61;
    let record = &batch[HEADER..];
    let length = |at: usize| usize::from(record[at] / 2);
    let key = 5..5 + length(4);
    let value = key.end + 1..key.end + 1 + length(key.end);
    assert_eq!(record.len(), value.end + 1, "nothing but an empty list of headers is left");
    (record[key].to_vec(), record[value].to_vec())
}
