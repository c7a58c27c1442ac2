//! The examples do what they show: each is run on its test broker.

#![expect(clippy::duplicate_mod, reason = "each example is a program that brings its stage")]

#[path = "../../examples/blocking.rs"]
mod blocking;
#[path = "../../examples/callbacks.rs"]
mod callbacks;
#[path = "../../examples/errors.rs"]
mod errors;
#[path = "../../examples/overflow.rs"]
mod overflow;
#[path = "../../examples/transactions.rs"]
mod transactions;
#[path = "../../examples/typed.rs"]
mod typed;

#[test]
fn blocking() {
    blocking::main().unwrap();
}

#[test]
fn callbacks() {
    callbacks::main().unwrap();
}

#[test]
fn errors() {
    errors::main().unwrap();
}

#[test]
fn overflow() {
    overflow::main().unwrap();
}

#[test]
fn transactions() {
    transactions::main().unwrap();
}

#[test]
fn typed() {
    typed::main().unwrap();
}
