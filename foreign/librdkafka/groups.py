"""A group of three: one joins late, one leaves, one dies, while records keep coming."""

import threading
import time
from collections import Counter

from confluent_kafka import TopicPartition

import records
import topics
from member import ProcessMember, ThreadMember

PARTITIONS = 6


class Traffic:
    """Writes to every partition, all the time."""

    def __init__(self, bootstrap: str, topic: str):
        self.ended = threading.Event()
        self.places = [{} for _ in range(PARTITIONS)]
        self.deliveries = records.Deliveries()
        self.sent = 0
        self.thread = threading.Thread(target=self.run, args=(records.producer(bootstrap), topic), daemon=True)
        self.thread.start()

    def run(self, made, topic: str):
        while not self.ended.wait(0.01):
            at = self.sent % PARTITIONS
            report = self.deliveries.note(self.places[at], at, self.sent)
            made.produce(topic, partition=at, on_delivery=report, **records.described(self.sent))
            self.sent += 1
            made.poll(0)
        made.flush(30)

    def end(self) -> list[int]:
        """How many records each partition has."""
        self.ended.set()
        self.thread.join(35)
        if self.deliveries.errors or self.deliveries.count != self.sent:
            raise AssertionError(f"{self.deliveries.count} of {self.sent} written: {self.deliveries.errors[:3]}")
        return [len(part) for part in self.places]


class Tally:
    """What the members have told."""

    def __init__(self):
        self.lock = threading.Lock()
        self.owned = {}
        self.revoked = []
        self.lost = []
        self.read = Counter()
        self.by_member = {}
        self.held = set()
        self.after_hold = set()

    def note(self, member: str, event: dict):
        with self.lock:
            match event["event"]:
                case "assigned":
                    self.owned.setdefault(member, set()).update(event["partitions"])
                case "revoked" | "lost" as how:
                    self.owned.setdefault(member, set()).difference_update(event["partitions"])
                    (self.revoked if how == "revoked" else self.lost).append((member, event["partitions"]))
                case "read":
                    places = {(event["partition"], offset) for offset in event["offsets"]}
                    self.read.update(places)
                    self.by_member.setdefault(member, set()).update(places)
                    if member in self.held:
                        self.after_hold |= places
                case "held":
                    self.held.add(member)

    def until(self, what: str, seconds: float, holds):
        until = time.monotonic() + seconds
        while True:
            with self.lock:
                if holds():
                    return
                state = f"owned {self.owned}, {len(self.read)} read"
            if time.monotonic() > until:
                raise AssertionError(f"not within {seconds} s: {what}; {state}")
            time.sleep(0.02)

    def until_shared(self, what: str, seconds: float, *shares: tuple[str, int]):
        """Until the members own that many partitions, and each has read from them since."""
        self.until(what, seconds, lambda: all(len(self.owned.get(who, ())) == count for who, count in shares))
        before = {who: len(self.by_member.get(who, ())) for who, _ in shares}
        self.until(
            f"{what}, and all go on reading",
            10,
            lambda: all(len(self.by_member.get(who, ())) > before[who] for who, _ in shares),
        )


def with_strategy(strategy: str):
    def case(bootstrap: str) -> str:
        topic = topics.create(bootstrap, f"group-{strategy}", PARTITIONS)
        group = topics.unique("librdkafka-group")
        arguments = (bootstrap, topic, group, strategy)
        tally = Tally()
        traffic = Traffic(bootstrap, topic)
        dying = None
        try:
            first = ThreadMember(tally, "first", *arguments)
            tally.until_shared("the first has all", 20, ("first", 6))
            second = ThreadMember(tally, "second", *arguments)
            dying = ProcessMember(tally, "dying", *arguments)
            tally.until_shared("two each", 20, ("first", 2), ("second", 2), ("dying", 2))
            joins = list(tally.revoked)
            second.leave()
            tally.until_shared("three each", 20, ("first", 3), ("dying", 3))
            leaves = [(who, given_up) for who, given_up in tally.revoked[len(joins) :] if who != "second"]
            dying.hold()
            tally.until("one reads and does not commit", 10, lambda: len(tally.after_hold) >= 20)
            dying.kill()
            with tally.lock:
                tally.owned.pop("dying")
            tally.until_shared("the first has all again", 20, ("first", 6))
            ends = traffic.end()
            everything = {(at, offset) for at, end in enumerate(ends) for offset in range(end)}
            tally.until("everything is read", 20, lambda: len(tally.read) >= len(everything))
            # It commits after every batch, and once more when it leaves.
            first.leave()
        finally:
            traffic.ended.set()
            if dying is not None:
                dying.kill()
        if set(tally.read) != everything:
            raise AssertionError(f"read what is not there: {sorted(set(tally.read) - everything)[:5]}")
        check_commits(bootstrap, group, topic, ends)
        again = {place for place, count in tally.read.items() if count > 1}
        if again != tally.after_hold:
            strange = sorted(again ^ tally.after_hold)
            raise AssertionError(
                f"{len(again)} came twice, {len(tally.after_hold)} were not committed by the one that died; "
                f"{strange[:5]}"
            )
        if tally.lost:
            raise AssertionError(f"lost: {tally.lost}")
        check_style(strategy, joins, leaves)
        return f"{len(everything)} records, {len(again)} twice, as the one that died had not committed them"

    return case


def check_commits(bootstrap: str, group: str, topic: str, ends: list[int]):
    made = records.reader(bootstrap, **{"group.id": group})
    try:
        asked = [TopicPartition(topic, at) for at in range(PARTITIONS)]
        committed = [at.offset for at in made.committed(asked, 10)]
    finally:
        made.close()
    if committed != ends:
        raise AssertionError(f"committed are {committed}, the ends are {ends}")


def check_style(strategy: str, joins: list, leaves: list):
    """An eager member gives up everything in every rebalance, a cooperative one what must move."""
    given_up = max((len(partitions) for who, partitions in joins if who == "first"), default=0)
    if strategy == "cooperative-sticky":
        if not 0 < given_up < PARTITIONS:
            raise AssertionError(f"the first gave up {given_up} partitions at once when others joined: {joins}")
        if leaves:
            raise AssertionError(f"partitions were given up when a member left: {leaves}")
    else:
        if given_up != PARTITIONS:
            raise AssertionError(f"an eager member kept partitions when others joined: {joins}")
        if not leaves:
            raise AssertionError("an eager member kept its partitions when another left")


CASES = {
    "group-range": (with_strategy("range"), 60),
    "group-cooperative-sticky": (with_strategy("cooperative-sticky"), 60),
}
