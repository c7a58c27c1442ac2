//! Lies of the connection: lengths, correlation ids, pieces, silence (H1, H9, H11).

use std::time::Duration;

use ottla::protocol::ApiKey;

use crate::liar::{Lie, Then, Told, framed};
use crate::trial::After;

fn go_on(bytes: Vec<u8>) -> Told {
    Told { bytes, then: Then::GoOn }
}

/// A frame that claims this length.
fn lying_length(length: i32) -> impl FnMut(crate::liar::Asked, &[u8]) -> Told {
    move |_, answer| go_on([&length.to_be_bytes(), answer].concat())
}

lies! {
    After::Truth;

    another_correlation_id: Lie::bytes(|asked, answer| {
        let other = asked.correlation.wrapping_add(1).to_be_bytes();
        go_on(framed(&[&other, &answer[4..]].concat()))
    });
    another_correlation_id_now_and_then: {
        let mut answers = 0;
        Lie::bytes(move |_, answer| {
            answers += 1;
            let mut lie = answer.to_vec();
            lie[0] ^= u8::from(answers % 5 == 0);
            go_on(framed(&lie))
        })
    };
    half_a_frame_then_silence: Lie::bytes(|_, answer| {
        let frame = framed(answer);
        Told { bytes: frame[..frame.len() / 2].to_vec(), then: Then::Silence }
    });
    half_a_frame_then_an_end: Lie::bytes(|_, answer| {
        let frame = framed(answer);
        Told { bytes: frame[..frame.len() / 2].to_vec(), then: Then::Close }
    });
    half_a_length_then_silence: Lie::bytes(|_, answer| {
        Told { bytes: framed(answer)[..2].to_vec(), then: Then::Silence }
    });
    a_byte_each_second: Lie::bytes(|_, answer| {
        Told { bytes: framed(answer), then: Then::Drip(Duration::from_secs(1)) }
    });
    a_negative_length: Lie::bytes(lying_length(-1));
    the_least_length: Lie::bytes(lying_length(i32::MIN));
    a_length_of_nothing: Lie::bytes(lying_length(0));
    a_length_of_two_gibibytes: Lie::bytes(lying_length(i32::MAX));
    a_length_of_what_is_allowed: Lie::bytes(lying_length(64 << 20));
    a_length_of_one_less: Lie::bytes(|_, answer| {
        let length = u32::try_from(answer.len() - 1).unwrap();
        go_on([&length.to_be_bytes(), answer].concat())
    });
    bytes_after_the_message: Lie::bytes(|_, answer| {
        go_on(framed(&[answer, &[1, 2, 3]].concat()))
    });
    every_answer_twice: Lie::bytes(|_, answer| go_on(framed(answer).repeat(2)));
    answers_that_nobody_asked_for: Lie::bytes(|_, answer| {
        let stranger = [&i32::MAX.to_be_bytes()[..], &[0; 20]].concat();
        go_on([framed(answer), framed(&stranger)].concat())
    });
    a_thousand_answers_that_nobody_asked_for: Lie::bytes(|_, answer| {
        go_on([framed(&[0xee; 12]).repeat(1000), framed(answer)].concat())
    });
    the_end_behind_every_answer: Lie::bytes(|_, answer| {
        Told { bytes: framed(answer), then: Then::Close }
    });
    the_end_instead_of_an_answer: Lie::bytes(|_, _| {
        Told { bytes: Vec::new(), then: Then::Close }
    });
    silence: Lie::bytes(|_, _| Told { bytes: Vec::new(), then: Then::Silence });
    answers_without_a_body: Lie::bytes(|_, answer| go_on(framed(&answer[..4])));
    zeros_for_a_body: Lie::bytes(|_, answer| {
        go_on(framed(&[&answer[..4], &vec![0; answer.len() - 4]].concat()))
    });
    noise_for_a_body: {
        let mut random = fastrand::Rng::with_seed(5);
        Lie::bytes(move |_, answer| {
            let noise: Vec<u8> = (4..answer.len()).map(|_| random.u8(..)).collect();
            go_on(framed(&[&answer[..4], &noise].concat()))
        })
    };
    a_frame_cut_short: {
        let mut random = fastrand::Rng::with_seed(7);
        Lie::bytes(move |_, answer| go_on(framed(&answer[..random.usize(4..=answer.len())])))
    };
    silence_to_fetches: Lie::bytes_of(ApiKey::FETCH, |_, _| {
        Told { bytes: Vec::new(), then: Then::Silence }
    });
    silence_to_the_group: Lie::bytes_of(ApiKey::JOIN_GROUP, |_, _| {
        Told { bytes: Vec::new(), then: Then::Silence }
    });
    an_answer_of_another_api: Lie::bytes_of(ApiKey::FETCH, |_, answer| {
        go_on(framed(&[&answer[..4], &[0, 0, 0, 1, 0, 9, b'b', b'r', b'o', b'k']].concat()))
    });
}

// A byte may be that of a leader's epoch, to which nothing older is believed.
lies! {
    After::TooLate;

    a_changed_byte: {
        let mut random = fastrand::Rng::with_seed(6);
        Lie::bytes(move |_, answer| {
            let mut lie = answer.to_vec();
            let at = random.usize(..lie.len());
            lie[at] = random.u8(..);
            go_on(framed(&lie))
        })
    };
}
