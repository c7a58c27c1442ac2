//! Our error codes against Kafka's.

use ottla_protocol::ErrorCode;

use crate::{
    assert_empty,
    oracle::{Oracle, Question},
};

/// Codes that we treat otherwise than the exception that Java makes of them.
const APART: &[Apart] = &[
    Apart {
        code: ErrorCode::NOT_CONTROLLER,
        java: (true, false),
        ours: (true, true),
        _why: "who the controller is, metadata tell; Java's admin client asks for them on its own",
    },
    Apart {
        code: ErrorCode::ELECTION_NOT_NEEDED,
        java: (true, true),
        ours: (false, false),
        _why: "the leader is the preferred one already: trying again cannot help",
    },
];

/// Each pair: whether it is worth trying again, whether it says that metadata is stale.
struct Apart {
    code: ErrorCode,
    java: (bool, bool),
    ours: (bool, bool),
    _why: &'static str,
}

/// A code: number, name, whether it is worth trying again, whether it says that metadata is stale.
type Row = (i16, String, bool, bool);

#[test]
fn every_code_is_kafkas() {
    let mut kafka = kafka();
    let ours = ours();
    assert!(kafka.len() > 130, "only {} codes", kafka.len());
    for apart in APART {
        let row = kafka.iter_mut().find(|row| row.0 == apart.code.0).unwrap();
        assert_eq!((row.2, row.3), apart.java, "Java's mind about {} has changed", apart.code);
        (row.2, row.3) = apart.ours;
    }
    assert_empty(&differences(&ours, &kafka));
    println!("{} error codes are Kafka's", ours.len());

    for at in 0..ours.len() {
        let changes: [fn(&mut Row); 4] = [
            |row| row.0 += 1000,
            |row| row.1.push('x'),
            |row| row.2 = !row.2,
            |row| row.3 = !row.3,
        ];
        for change in changes {
            let mut changed = ours.clone();
            change(&mut changed[at]);
            assert!(!differences(&changed, &kafka).is_empty(), "{:?}", changed[at]);
        }
    }
}

fn kafka() -> Vec<Row> {
    let answer = Oracle::shared().ask(Question::errors()).unwrap();
    let row = |line: &str| {
        let words: Vec<_> = line.split(' ').collect();
        let flag = |at: usize| words[at].parse().unwrap();
        (words[0].parse().unwrap(), words[1].to_owned(), flag(2), flag(3))
    };
    String::from_utf8(answer).unwrap().lines().map(row).collect()
}

fn ours() -> Vec<Row> {
    let named = (i16::MIN..=i16::MAX).map(ErrorCode).filter(|code| code.name() != "UNKNOWN");
    named.map(|c| (c.0, c.name().to_owned(), c.is_retriable(), c.invalidates_metadata())).collect()
}

fn differences(ours: &[Row], kafka: &[Row]) -> Vec<String> {
    let only = |these: &[Row], those: &[Row], whose: &str| -> Vec<String> {
        let lacking = these.iter().filter(|row| !those.contains(row));
        lacking.map(|row| format!("only {whose}: {row:?}")).collect()
    };
    [only(ours, kafka, "ours"), only(kafka, ours, "Kafka's")].concat()
}
