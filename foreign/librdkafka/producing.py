"""Produce with each codec and read everything back."""

import records
import topics

PARTITIONS = 6
COUNT = 3000


def with_codec(codec: str):
    def case(bootstrap: str) -> str:
        topic = topics.create(bootstrap, f"produce-{codec}", PARTITIONS)
        made = records.producer(bootstrap, **{"compression.type": codec})
        places = records.produce(made, topic, PARTITIONS, range(COUNT))
        records.check(places, records.read_all(bootstrap, topic, PARTITIONS))
        return f"{COUNT} records in {PARTITIONS} partitions as reported and in order"

    return case


CASES = {f"produce-{codec}": (with_codec(codec), 40) for codec in ("none", "gzip", "snappy", "lz4", "zstd")}
