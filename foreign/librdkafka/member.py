"""A member of a group, in a thread of the cases or in a process of its own that can be killed.

It commits what it has read, after every batch and before it gives a partition up, until it is told
to hold. Every event is a dict: assigned, revoked, lost (partitions), read (partition, offsets),
held.
"""

import json
import subprocess
import sys
import threading

from confluent_kafka import Consumer, KafkaException, TopicPartition


class Loop:
    """What a member does until it is told to leave."""

    def __init__(self, bootstrap: str, topic: str, group: str, strategy: str, emit):
        self.topic = topic
        self.emit = emit
        self.leaving = False
        self.told_to_hold = False
        self.holds = False
        self.uncommitted = {}
        self.consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": group,
                "partition.assignment.strategy": strategy,
                "session.timeout.ms": 6000,
                "heartbeat.interval.ms": 500,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 100,
            }
        )

    def run(self):
        self.consumer.subscribe([self.topic], on_assign=self.assigned, on_revoke=self.revoked, on_lost=self.lost)
        while not self.leaving:
            if self.told_to_hold and not self.holds:
                # What was read before is committed, what is read from now on is not.
                self.commit(list(self.uncommitted))
                self.holds = True
                self.emit({"event": "held"})
            batch = {}
            for message in self.consumer.consume(50, 0.1):
                if message.error() is not None:
                    raise KafkaException(message.error())
                batch.setdefault(message.partition(), []).append(message.offset())
            for partition, offsets in batch.items():
                self.emit({"event": "read", "partition": partition, "offsets": offsets})
                self.uncommitted[partition] = offsets[-1] + 1
            self.commit(list(self.uncommitted))
        self.consumer.close()

    def commit(self, partitions: list[int]):
        offsets = [TopicPartition(self.topic, at, self.uncommitted[at]) for at in partitions if at in self.uncommitted]
        if self.holds or not offsets:
            return
        try:
            answers = self.consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException:
            # The group rebalances: it is tried again, at the latest before the partition is given up.
            return
        for answer in answers:
            if answer.error is None and self.uncommitted.get(answer.partition) == answer.offset:
                del self.uncommitted[answer.partition]

    def assigned(self, _consumer, partitions):
        self.emit({"event": "assigned", "partitions": sorted(at.partition for at in partitions)})

    def revoked(self, _consumer, partitions):
        numbers = sorted(at.partition for at in partitions)
        self.commit(numbers)
        self.forget(numbers)
        self.emit({"event": "revoked", "partitions": numbers})

    def lost(self, _consumer, partitions):
        numbers = sorted(at.partition for at in partitions)
        self.forget(numbers)
        self.emit({"event": "lost", "partitions": numbers})

    def forget(self, partitions: list[int]):
        for partition in partitions:
            self.uncommitted.pop(partition, None)


class ThreadMember:
    """A member that leaves in good order."""

    def __init__(self, tally, name: str, *arguments):
        self.loop = Loop(*arguments, lambda event: tally.note(name, event))
        self.failure = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            self.loop.run()
        except Exception as error:  # for the one who waits
            self.failure = error

    def leave(self):
        self.loop.leaving = True
        self.thread.join(20)
        if self.thread.is_alive():
            raise AssertionError("a member does not leave")
        if self.failure is not None:
            raise self.failure


class ProcessMember:
    """A member that can be killed."""

    def __init__(self, tally, name: str, *arguments):
        command = [sys.executable, __file__, *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self.listen, args=(tally, name), daemon=True).start()

    def listen(self, tally, name: str):
        for line in self.process.stdout:
            # A killed process may leave half a line.
            if line.endswith("\n"):
                tally.note(name, json.loads(line))

    def hold(self):
        self.process.stdin.write("hold\n")
        self.process.stdin.flush()

    def kill(self):
        self.process.kill()
        self.process.wait(10)


def main():
    loop = Loop(*sys.argv[1:], lambda event: print(json.dumps(event), flush=True))

    def obey():
        for line in sys.stdin:
            loop.told_to_hold = loop.told_to_hold or line == "hold\n"
        loop.leaving = True

    threading.Thread(target=obey, daemon=True).start()
    loop.run()


if __name__ == "__main__":
    main()
