//! Schemas that are wrong on purpose must be reported as different bytes.

use ottla_protocol::{
    api::planted::{
        AnotherDefault, AnotherTag, MissingTag, NullAllowed, SwappedFields, WronglyIgnorable,
    },
    wire::{Version, arbitrary::Arbitrary},
};

use crate::{bytes::Comparison, conversions::Conversion, oracle::Oracle};

fn report<M: Arbitrary>(name: &str, v: Version) -> Vec<String> {
    let mut oracle = Oracle::shared();
    let mut comparison = Comparison::new(&mut oracle);
    comparison.plain::<M>(name, v);
    comparison.report
}

#[test]
fn each_planted_schema_is_reported() {
    let plain = Version::new(0, 4);
    let flexible = Version::new(3, 3);
    let reports = [
        ("SwappedFields", report::<SwappedFields>("HeartbeatRequest", plain)),
        ("NullAllowed", report::<NullAllowed>("HeartbeatRequest", plain)),
        ("MissingTag", report::<MissingTag>("ApiVersionsResponse", flexible)),
        ("AnotherTag", report::<AnotherTag>("ApiVersionsResponse", flexible)),
        ("AnotherDefault", report::<AnotherDefault>("ApiVersionsResponse", flexible)),
    ];
    for (planted, report) in reports {
        assert_eq!(report.len(), 1, "{planted}: {report:?}");
        println!("{planted}: {}", report[0]);
    }
}

#[test]
fn a_field_that_must_not_be_dropped_is_reported() {
    let mut oracle = Oracle::shared();
    let mut conversion = Conversion::new(&mut oracle);
    let (newest, oldest) = (Version::new(4, 4), Version::new(0, 4));
    conversion.convert::<WronglyIgnorable>("HeartbeatRequest", newest, oldest);
    assert_eq!(conversion.report.len(), 1, "{:?}", conversion.report);
    println!("{}", conversion.report[0]);
}

/// Where nothing is planted nothing is reported: the above is not the harness' own doing.
#[test]
fn the_real_ones_are_not() {
    use ottla_protocol::api::{ApiVersionsResponse, HeartbeatRequest};

    let version = |number| Version::new(number, if number == 3 { 3 } else { 4 });
    assert!(report::<HeartbeatRequest>("HeartbeatRequest", version(0)).is_empty());
    assert!(report::<ApiVersionsResponse>("ApiVersionsResponse", version(3)).is_empty());
}
