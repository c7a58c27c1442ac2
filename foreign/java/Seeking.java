import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.TopicPartition;

/** Consume with assign: positions, seeks, timestamps. */
final class Seeking {
    private static final int PARTITIONS = 3;
    private static final int EACH = 100;

    static String seeks(String bootstrap) throws Exception {
        String topic = Topics.create(bootstrap, "seek", PARTITIONS);
        try (var producer = Records.producer(bootstrap, Map.of())) {
            // Partition p gets the numbers p, p + 3, ...: the record at offset o is of the time 3 o + p.
            Records.produce(producer, topic, PARTITIONS, 0, EACH * PARTITIONS);
        }
        List<TopicPartition> all = Records.places(topic, PARTITIONS);
        TopicPartition one = all.get(1);
        try (var reader = Records.reader(bootstrap, Map.of("max.poll.records", "1"))) {
            Expect.equal("begins", reader.beginningOffsets(all), map(all, 0L, 0L, 0L));
            Expect.equal("ends", reader.endOffsets(all), map(all, 100L, 100L, 100L));
            reader.assign(List.of(one));
            reader.seek(one, 40);
            Expect.equal("assigned at 40", next(reader), 40L);
            Expect.equal("then", next(reader), 41L);
            reader.seek(one, 10);
            Expect.equal("back to 10", next(reader), 10L);
            reader.seek(one, 99);
            Expect.equal("ahead to 99", next(reader), 99L);
            Expect.equal("position", reader.position(one), (long) EACH);

            // Between the records 49 (time 148) and 50 (time 151); before all; after all.
            Map<TopicPartition, Long> times = new HashMap<>();
            times.put(all.get(0), Records.BASE_TIME);
            times.put(one, Records.BASE_TIME + 150);
            times.put(all.get(2), Records.BASE_TIME + 100_000);
            var answers = reader.offsetsForTimes(times);
            Expect.equal("offset of the first time", answers.get(all.get(0)).offset(), 0L);
            Expect.equal("offset of a time", answers.get(one).offset(), 50L);
            Expect.equal("its time", answers.get(one).timestamp(), Records.BASE_TIME + 151);
            Expect.equal("offset of a time after all", answers.get(all.get(2)), null);
            reader.seek(one, answers.get(one).offset());
            Expect.equal("at a time", next(reader), 50L);

            reader.assign(all);
            reader.seek(all.get(0), 90);
            reader.seek(one, 97);
            reader.seek(all.get(2), 95);
            reader.pause(List.of(one));
            var paused = new ArrayDeque<Integer>();
            while (paused.size() < 15) {
                reader.poll(Duration.ofMillis(100)).forEach(record -> paused.add(record.partition()));
            }
            Expect.that(!paused.contains(1), "records of a paused partition came");
            reader.resume(List.of(one));
            var tail = Records.readToEnds(reader, PARTITIONS);
            var offsets = tail.get(1).stream().map(record -> record.offset()).toList();
            Expect.equal("after the pause", offsets, List.of(97L, 98L, 99L));
            reader.seekToEnd(List.of(one));
            Expect.equal("the end", reader.position(one), (long) EACH);
        }
        return "positions, seeks both ways, a pause, times before, between and after records";
    }

    /** An offset that does not exist: an error, or a start where the policy says. */
    static String beyond(String bootstrap) throws Exception {
        String topic = Topics.create(bootstrap, "beyond", 1);
        try (var producer = Records.producer(bootstrap, Map.of())) {
            Records.produce(producer, topic, 1, 0, 10);
        }
        TopicPartition at = new TopicPartition(topic, 0);
        try (var reader = Records.reader(bootstrap, Map.of("auto.offset.reset", "earliest"))) {
            reader.assign(List.of(at));
            reader.seek(at, 5000);
            Expect.equal("reset", next(reader), 0L);
        }
        try (var reader = Records.reader(bootstrap, Map.of())) {
            reader.assign(List.of(at));
            reader.seek(at, 5000);
            Expect.failure(OffsetOutOfRangeException.class, "an offset beyond the end", () -> next(reader));
        }
        return "reset to the earliest, and an error where no reset is wanted";
    }

    private static long next(KafkaConsumer<byte[], byte[]> reader) {
        long until = System.nanoTime() + Duration.ofSeconds(15).toNanos();
        while (System.nanoTime() < until) {
            for (var record : reader.poll(Duration.ofMillis(200))) {
                return record.offset();
            }
        }
        throw new AssertionError("nothing came for 15 s");
    }

    private static Map<TopicPartition, Long> map(List<TopicPartition> all, Long... values) {
        Map<TopicPartition, Long> map = new HashMap<>();
        var rest = new ArrayDeque<>(Arrays.asList(values));
        all.forEach(at -> map.put(at, rest.poll()));
        return map;
    }
}
