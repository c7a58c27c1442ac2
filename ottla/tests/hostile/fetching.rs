//! Lies about records and offsets (H2, H4, H5, H6, H23, H24).

use bytes::Bytes;
use ottla::protocol::api::{
    AbortedTransaction, FetchNodeEndpoint, FetchRequest, FetchResponse, FetchableTopicResponse,
    ListOffsetsPartitionResponse, ListOffsetsRequest, PartitionData,
};
use ottla::protocol::records::Records;
use ottla::protocol::{ErrorCode, Uuid};

use crate::liar::Lie;
use crate::trial::After;

fn about(change: impl FnMut(&mut FetchResponse) + Send + 'static) -> Lie {
    Lie::about::<FetchRequest>(change)
}

fn partitions(mut change: impl FnMut(&mut PartitionData) + Send + 'static) -> Lie {
    about(move |answer| {
        answer.responses.iter_mut().flat_map(|topic| &mut topic.partitions).for_each(&mut change);
    })
}

fn errors(error: ErrorCode) -> Lie {
    partitions(move |partition| {
        partition.error_code = error;
        partition.records = None;
    })
}

/// Changes the records' bytes, where there are any.
fn records(mut change: impl FnMut(&mut Vec<u8>) + Send + 'static) -> Lie {
    partitions(move |partition| {
        let mut bytes = partition.records.take().unwrap_or_default().into_bytes().to_vec();
        if bytes.len() > 61 {
            change(&mut bytes);
        }
        partition.records = Some(Records::from(Bytes::from(bytes)));
    })
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

/// The checksum of batches.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 0 { crc >> 1 } else { (crc >> 1) ^ 0x82f6_3b78 }
        })
    })
}

fn offsets(mut change: impl FnMut(&mut ListOffsetsPartitionResponse) + Send + 'static) -> Lie {
    Lie::about::<ListOffsetsRequest>(move |answer| {
        answer.topics.iter_mut().flat_map(|topic| &mut topic.partitions).for_each(&mut change);
    })
}

lies! {
    After::Truth;

    records_of_another_partition: about(|answer| {
        for topic in &mut answer.responses {
            topic.partitions.iter_mut().for_each(|partition| {
                partition.partition_index = 1 - partition.partition_index;
            });
        }
    });
    partitions_never_asked_for: partitions(|partition| partition.partition_index += 500);
    negative_partitions: partitions(|partition| partition.partition_index = i32::MIN);
    topics_never_asked_for: about(|answer| {
        answer.responses.iter_mut().for_each(|topic| {
            topic.topic = "another".to_owned();
            topic.topic_id = Uuid([9; 16]);
        });
    });
    fetches_without_topics: about(|answer| answer.responses.clear());
    fetched_partitions_twice: about(|answer| {
        for topic in &mut answer.responses {
            let again = topic.partitions.clone();
            topic.partitions.extend(again);
        }
    });
    ten_thousand_empty_topics: about(|answer| {
        let topic = FetchableTopicResponse { topic_id: Uuid([3; 16]), ..Default::default() };
        answer.responses.extend(vec![topic; 10_000]);
    });
    batches_below_what_was_asked: records(|bytes| put(bytes, 0, &0_i64.to_be_bytes()));
    batches_far_above_what_was_asked: records(|bytes| put(bytes, 0, &(1_i64 << 40).to_be_bytes()));
    batches_at_the_end_of_offsets: records(|bytes| put(bytes, 0, &(i64::MAX - 1).to_be_bytes()));
    batches_at_negative_offsets: records(|bytes| put(bytes, 0, &(-9_i64).to_be_bytes()));
    batches_that_are_never_whole: records(|bytes| put(bytes, 8, &(1_i32 << 30).to_be_bytes()));
    batches_of_a_negative_length: records(|bytes| put(bytes, 8, &(-100_i32).to_be_bytes()));
    batches_of_no_length: records(|bytes| put(bytes, 8, &0_i32.to_be_bytes()));
    batches_of_the_future: records(|bytes| bytes[16] = 3);
    batches_of_the_past: records(|bytes| bytes[16] = 1);
    batches_that_are_damaged: records(|bytes| {
        let last = bytes.len() - 2;
        bytes[last] ^= 1;
    });
    batches_of_a_codec_that_does_not_exist: records(|bytes| bytes[22] = 7);
    batches_with_no_end_of_records: records(|bytes| put(bytes, 57, &i32::MAX.to_be_bytes()));
    batches_with_no_end_of_offsets: records(|bytes| put(bytes, 23, &i32::MAX.to_be_bytes()));
    batches_of_noise: {
        let mut random = fastrand::Rng::with_seed(3);
        records(move |bytes| bytes.iter_mut().for_each(|byte| *byte = random.u8(..)))
    };
    a_changed_byte_of_a_batch: {
        let mut random = fastrand::Rng::with_seed(4);
        records(move |bytes| {
            let at = random.usize(..bytes.len());
            bytes[at] = random.u8(..);
        })
    };
    a_bomb_each_time: {
        // Runs of 128 KiB, four bytes each: a gibibyte of zstd in 32 KiB.
        let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
        bomb.extend([0x02, 0x00, 0x10, 0x00].repeat(8191));
        bomb.extend([0x03, 0x00, 0x10, 0x00]);
        records(move |bytes| {
            bytes.truncate(61);
            bytes[22] = 4;
            bytes.extend(&bomb);
            let length = i32::try_from(bytes.len() - 12).unwrap();
            put(bytes, 8, &length.to_be_bytes());
            let crc = crc32c(&bytes[21..]).to_be_bytes();
            put(bytes, 17, &crc);
        })
    };
    a_byte_of_records: records(|bytes| bytes.truncate(1));
    half_of_a_batch: records(|bytes| bytes.truncate(bytes.len() / 2));
    the_same_batches_for_ever: {
        let mut kept: Option<Vec<u8>> = None;
        records(move |bytes| bytes.clone_from(kept.get_or_insert_with(|| bytes.clone())))
    };
    control_batches_without_a_key: records(|bytes| bytes[22] |= 0x20);
    a_high_watermark_below_zero: partitions(|partition| {
        partition.high_watermark = -1;
        partition.last_stable_offset = -1;
    });
    a_high_watermark_beyond_everything: partitions(|partition| {
        partition.high_watermark = i64::MAX;
        partition.last_stable_offset = i64::MAX;
    });
    a_log_that_begins_behind_its_end: partitions(|partition| partition.log_start_offset = i64::MAX);
    a_log_that_begins_below_zero: partitions(|partition| partition.log_start_offset = i64::MIN);
    aborted_transactions_of_nobody: partitions(|partition| {
        let aborted = |n: i64| AbortedTransaction { producer_id: -n, first_offset: i64::MAX - n };
        partition.aborted_transactions = Some((0..20_000).map(aborted).collect());
    });
    another_replica_that_does_not_exist: partitions(|partition| {
        partition.preferred_read_replica = 4711;
    });
    always_the_other_replica: {
        let mut answers = 0;
        partitions(move |partition| {
            answers += 1;
            partition.preferred_read_replica = answers % 2;
        })
    };
    logs_that_diverge: partitions(|partition| {
        partition.diverging_epoch.epoch = 0;
        partition.diverging_epoch.end_offset = 0;
    });
    logs_that_diverge_below_zero: partitions(|partition| {
        partition.diverging_epoch.epoch = i32::MAX;
        partition.diverging_epoch.end_offset = i64::MIN;
    });
    always_out_of_range: errors(ErrorCode::OFFSET_OUT_OF_RANGE);
    never_the_leader: errors(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    never_the_leader_but_somebody_who_does_not_exist: about(|answer| {
        for partition in answer.responses.iter_mut().flat_map(|topic| &mut topic.partitions) {
            partition.error_code = ErrorCode::NOT_LEADER_OR_FOLLOWER;
            partition.current_leader.leader_id = 77;
            partition.current_leader.leader_epoch = 1;
        }
        answer.node_endpoints = vec![FetchNodeEndpoint {
            node_id: 77,
            host: "nowhere".to_owned(),
            port: -1,
            rack: None,
        }];
    });
    always_an_epoch_that_is_not_known: errors(ErrorCode::UNKNOWN_LEADER_EPOCH);
    always_an_old_epoch: errors(ErrorCode::FENCED_LEADER_EPOCH);
    always_an_unknown_topic_id: errors(ErrorCode::UNKNOWN_TOPIC_ID);
    fetch_errors_that_are_not_known: errors(ErrorCode(i16::MIN));
    a_session_error_each_time: about(|answer| {
        answer.error_code = ErrorCode::FETCH_SESSION_ID_NOT_FOUND;
        answer.responses.clear();
    });
    a_session_nobody_asked_for: about(|answer| answer.session_id = -7);
    an_error_at_the_top_of_fetches: about(|answer| answer.error_code = ErrorCode(4242));
    fetches_throttled_for_weeks: about(|answer| answer.throttle_time_ms = i32::MAX);
    fetches_throttled_into_the_past: about(|answer| answer.throttle_time_ms = i32::MIN);
    a_beginning_below_zero: offsets(|partition| partition.offset = -5);
    a_beginning_beyond_everything: offsets(|partition| partition.offset = i64::MAX);
    a_beginning_that_nobody_knows: offsets(|partition| partition.error_code = ErrorCode(-9));
    a_beginning_in_an_absurd_epoch: offsets(|partition| partition.leader_epoch = i32::MAX);
    beginnings_of_other_partitions: offsets(|partition| partition.partition_index += 7);
    no_beginnings: Lie::about::<ListOffsetsRequest>(|answer| answer.topics.clear());
}
