"""librdkafka's mock cluster as a process.

    mock_cluster.py [BROKERS]

It prints its bootstrap addresses, and then obeys the lines of its standard input until that ends.
../MOCKS.md describes them. What is read and written by command is read and written by librdkafka.
"""

import ctypes
import glob
import os
import sys

import confluent_kafka
from confluent_kafka import TopicPartition

import records

# It offers later versions of these too, but reads them wrongly: the counts of compact arrays as four
# bytes, and the members of LeaveGroup not at all. librdkafka itself does not send them.
LIMITS = {11: 5, 12: 3, 13: 1, 14: 3}

# The library that confluent-kafka has loaded.
FOLDER = os.path.join(os.path.dirname(os.path.dirname(confluent_kafka.__file__)), "confluent_kafka.libs")
PRODUCER = 0


def library() -> ctypes.CDLL:
    (path,) = glob.glob(os.path.join(FOLDER, "librdkafka-*.so*"))
    loaded = ctypes.CDLL(path)
    text, number, small, handle = ctypes.c_char_p, ctypes.c_int32, ctypes.c_int16, ctypes.c_void_p
    size = ctypes.c_size_t
    for name, result, arguments in [
        ("rd_kafka_new", handle, [ctypes.c_int, handle, text, size]),
        ("rd_kafka_conf_new", handle, []),
        ("rd_kafka_conf_set", ctypes.c_int, [handle, text, text, text, size]),
        ("rd_kafka_err2name", text, [ctypes.c_int]),
        ("rd_kafka_mock_cluster_new", handle, [handle, ctypes.c_int]),
        ("rd_kafka_mock_cluster_bootstraps", text, [handle]),
        ("rd_kafka_mock_cluster_destroy", None, [handle]),
        ("rd_kafka_mock_topic_create", ctypes.c_int, [handle, text, ctypes.c_int, ctypes.c_int]),
        ("rd_kafka_mock_partition_set_leader", ctypes.c_int, [handle, text, number, number]),
        ("rd_kafka_mock_set_apiversion", ctypes.c_int, [handle, small, small, small]),
        ("rd_kafka_mock_group_initial_rebalance_delay_ms", None, [handle, number]),
        ("rd_kafka_mock_broker_set_down", ctypes.c_int, [handle, number]),
        ("rd_kafka_mock_broker_set_up", ctypes.c_int, [handle, number]),
        ("rd_kafka_mock_broker_set_rtt", ctypes.c_int, [handle, number, ctypes.c_int]),
        ("rd_kafka_mock_broker_error_stack_cnt", ctypes.c_int, [handle, number, small, ctypes.POINTER(size)]),
        # More arguments follow: pairs of an error and a time.
        ("rd_kafka_mock_broker_push_request_error_rtts", ctypes.c_int, [handle, number, small, size]),
    ]:
        function = getattr(loaded, name)
        function.restype, function.argtypes = result, arguments
    return loaded


class Cluster:
    def __init__(self, brokers: int):
        self.brokers = range(1, brokers + 1)
        self.library = library()
        reason = ctypes.create_string_buffer(512)
        settings = self.library.rd_kafka_conf_new()
        # That it has no bootstrap servers needs no warning.
        self.library.rd_kafka_conf_set(settings, b"log_level", b"4", reason, len(reason))
        instance = self.library.rd_kafka_new(PRODUCER, settings, reason, len(reason))
        if not instance:
            raise SystemExit(reason.value.decode())
        self.handle = self.library.rd_kafka_mock_cluster_new(instance, brokers)
        for api, newest in LIMITS.items():
            self.library.rd_kafka_mock_set_apiversion(self.handle, api, 0, newest)
        self.library.rd_kafka_mock_group_initial_rebalance_delay_ms(self.handle, 0)
        self.bootstrap = self.library.rd_kafka_mock_cluster_bootstraps(self.handle).decode()

    def obey(self, words: list[str]) -> str:
        match words:
            case ["topic", name, partitions]:
                return self.call("topic_create", name.encode(), int(partitions), len(self.brokers))
            case ["move", topic, partition, broker]:
                return self.call("partition_set_leader", topic.encode(), int(partition), int(broker))
            case ["down", broker]:
                return self.call("broker_set_down", int(broker))
            case ["up", broker]:
                return self.call("broker_set_up", int(broker))
            case ["rtt", milliseconds]:
                return " ".join({self.call("broker_set_rtt", one, int(milliseconds)) for one in self.brokers})
            case ["fail", api, error, count]:
                # Every broker gets its own.
                pairs = [ctypes.c_int(word) for _ in range(int(count)) for word in (int(error), 0)]
                name = "broker_push_request_error_rtts"
                return " ".join({self.call(name, one, int(api), int(count), *pairs) for one in self.brokers})
            case ["left", api]:
                return f"ok {sum(self.left(one, int(api)) for one in self.brokers)}"
            case ["write", topic, partitions, first, count, codec]:
                made = records.producer(self.bootstrap, **{"compression.type": codec})
                begin = int(first)
                places = records.produce(made, topic, int(partitions), range(begin, begin + int(count)))
                return "ok " + " ".join(str(len(part)) for part in places)
            case ["read", topic, partitions]:
                for at, part in enumerate(records.read_all(self.bootstrap, topic, int(partitions))):
                    for record in part:
                        print(at, record.offset, hexed(record.key), hexed(record.value))
                return "ok"
            case ["committed", group, topic, partitions]:
                made = records.reader(self.bootstrap, **{"group.id": group})
                asked = [TopicPartition(topic, at) for at in range(int(partitions))]
                offsets = [str(max(at.offset, -1)) for at in made.committed(asked, 10)]
                made.close()
                return "ok " + " ".join(offsets)
        return f"not understood: {words}"

    def call(self, name: str, *arguments) -> str:
        error = getattr(self.library, f"rd_kafka_mock_{name}")(self.handle, *arguments)
        return "ok" if error == 0 else self.library.rd_kafka_err2name(error).decode()

    def left(self, broker: int, api: int) -> int:
        count = ctypes.c_size_t()
        self.library.rd_kafka_mock_broker_error_stack_cnt(self.handle, broker, api, ctypes.byref(count))
        return count.value


def hexed(value: bytes | None) -> str:
    return "null" if value is None else "x" + value.hex()


def main():
    cluster = Cluster(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
    print(cluster.bootstrap, flush=True)
    for line in sys.stdin:
        try:
            answer = cluster.obey(line.split())
        except Exception as error:  # whatever it is, it is the answer
            answer = f"{type(error).__name__}: {error}".replace("\n", " ")
        print(answer, flush=True)
    # The cluster ends with the process: destroying it would wait for its clients.
    os._exit(0)


if __name__ == "__main__":
    main()
