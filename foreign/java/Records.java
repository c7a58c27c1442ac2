import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** The records that the cases write, and reading them back. */
final class Records {
    /** 2023-11-14, so that no clock of a broker can be taken for it. */
    static final long BASE_TIME = 1_700_000_000_000L;

    /** Record {@code number}: keys, values and headers that are null, empty, or several of one name. */
    static ProducerRecord<byte[], byte[]> described(String topic, int partition, int number) {
        byte[] key = number % 7 == 0 ? null : bytes("key-" + number % 97);
        byte[] value = bytes(number + ":" + "ottla ".repeat(number % 40));
        if (number % 11 == 0) {
            value = new byte[0];
        }
        if (number % 13 == 0) {
            value = null;
        }
        List<Header> headers = new ArrayList<>();
        if (number % 5 == 0) {
            headers.add(new RecordHeader("twice", bytes("1")));
            headers.add(new RecordHeader("null", null));
            headers.add(new RecordHeader("twice", new byte[0]));
            headers.add(new RecordHeader("number", bytes(Integer.toString(number))));
        }
        return new ProducerRecord<>(topic, partition, BASE_TIME + number, key, value, headers);
    }

    static KafkaProducer<byte[], byte[]> producer(String bootstrap, Map<String, String> more) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", bootstrap);
        settings.put("enable.idempotence", "true");
        settings.put("acks", "all");
        settings.put("linger.ms", "10");
        settings.put("request.timeout.ms", "15000");
        settings.put("delivery.timeout.ms", "30000");
        settings.putAll(more);
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }

    /**
     * Writes the records in turn to the partitions. What is returned is, for each partition, the
     * numbers by the offsets that were reported.
     */
    static List<Map<Long, Integer>> produce(
            KafkaProducer<byte[], byte[]> producer, String topic, int partitions, int from, int to)
            throws Exception {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (int number = from; number < to; number++) {
            sent.add(producer.send(described(topic, number % partitions, number)));
        }
        producer.flush();
        List<Map<Long, Integer>> places = new ArrayList<>();
        IntStream.range(0, partitions).forEach(at -> places.add(new TreeMap<>()));
        for (int number = from; number < to; number++) {
            RecordMetadata place = sent.get(number - from).get();
            Expect.equal("partition of record " + number, place.partition(), number % partitions);
            Integer earlier = places.get(place.partition()).put(place.offset(), number);
            Expect.equal("what was reported before at " + place, earlier, null);
        }
        return places;
    }

    static KafkaConsumer<byte[], byte[]> reader(String bootstrap, Map<String, String> more) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", bootstrap);
        settings.put("enable.auto.commit", "false");
        settings.put("auto.offset.reset", "none");
        settings.put("check.crcs", "true");
        settings.put("fetch.max.wait.ms", "100");
        settings.put("group.protocol", "classic");
        settings.putAll(more);
        return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    static List<TopicPartition> places(String topic, int partitions) {
        return IntStream.range(0, partitions).mapToObj(at -> new TopicPartition(topic, at)).toList();
    }

    /** Everything in the topic, each partition up to its end. */
    static List<List<ConsumerRecord<byte[], byte[]>>> readAll(
            String bootstrap, String topic, int partitions, Map<String, String> more) {
        try (var reader = reader(bootstrap, more)) {
            reader.assign(places(topic, partitions));
            reader.seekToBeginning(reader.assignment());
            return readToEnds(reader, partitions);
        }
    }

    static List<List<ConsumerRecord<byte[], byte[]>>> readToEnds(
            KafkaConsumer<byte[], byte[]> reader, int partitions) {
        List<List<ConsumerRecord<byte[], byte[]>>> found = new ArrayList<>();
        IntStream.range(0, partitions).forEach(at -> found.add(new ArrayList<>()));
        Map<TopicPartition, Long> ends = reader.endOffsets(reader.assignment());
        Set<TopicPartition> open = new HashSet<>(ends.keySet());
        long last = System.nanoTime();
        long before = -1;
        while (!open.isEmpty()) {
            for (var record : reader.poll(Duration.ofMillis(100))) {
                found.get(record.partition()).add(record);
            }
            // Aborted records move a position without being returned.
            open.removeIf(at -> reader.position(at) >= ends.get(at));
            long now = ends.keySet().stream().mapToLong(reader::position).sum();
            if (now != before) {
                last = System.nanoTime();
            } else if (System.nanoTime() - last > Duration.ofSeconds(20).toNanos()) {
                throw new AssertionError("nothing came for 20 s; open are " + open + " of " + ends);
            }
            before = now;
        }
        return found;
    }

    /** What is found is what was reported, in the order in which it was written. */
    static void check(
            String topic,
            List<Map<Long, Integer>> places,
            List<List<ConsumerRecord<byte[], byte[]>>> found) {
        for (int at = 0; at < places.size(); at++) {
            Map<Long, Integer> reported = places.get(at);
            Expect.equal("records in partition " + at, found.get(at).size(), reported.size());
            int before = -1;
            for (var record : found.get(at)) {
                String where = at + "@" + record.offset();
                Integer number = reported.get(record.offset());
                Expect.that(number != null, where + " was never reported");
                Expect.that(number > before, where + ": record " + number + " comes after " + before);
                before = number;
                var expected = described(topic, at, number);
                Expect.equal(where + " key", text(record.key()), text(expected.key()));
                Expect.equal(where + " value", text(record.value()), text(expected.value()));
                Expect.equal(where + " time", record.timestamp(), expected.timestamp());
                Expect.equal(
                        where + " headers",
                        Arrays.asList(record.headers().toArray()),
                        Arrays.asList(expected.headers().toArray()));
            }
        }
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String text(byte[] bytes) {
        return bytes == null ? null : new String(bytes, StandardCharsets.UTF_8);
    }
}
