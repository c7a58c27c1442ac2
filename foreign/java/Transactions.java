import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;

/** Transactions: committed and aborted ones, offsets in them, a fenced zombie, and who reads what. */
final class Transactions {
    private static final int PARTITIONS = 3;

    static String commitAndAbort(String bootstrap) throws Exception {
        String topic = Topics.create(bootstrap, "txn", PARTITIONS);
        try (var producer = transactional(bootstrap, Topics.unique("java-txn"))) {
            for (int round = 0; round < 6; round++) {
                producer.beginTransaction();
                send(producer, topic, round * 100, round * 100 + 100);
                if (round % 2 == 0) {
                    producer.commitTransaction();
                } else {
                    producer.abortTransaction();
                }
            }
        }
        Expect.equal("read uncommitted", values(bootstrap, topic, "read_uncommitted"), parts(600, any -> true));
        Expect.equal(
                "read committed",
                values(bootstrap, topic, "read_committed"),
                parts(600, number -> number / 100 % 2 == 0));
        return "3 committed and 3 aborted transactions of 100 records in 3 partitions";
    }

    /** What is behind the begin of an open transaction is not to be seen by who reads what is committed. */
    static String open(String bootstrap) throws Exception {
        String topic = Topics.create(bootstrap, "open", PARTITIONS);
        try (var plain = Records.producer(bootstrap, Map.of());
                var producer = transactional(bootstrap, Topics.unique("java-open"))) {
            send(plain, topic, 0, 30);
            producer.beginTransaction();
            send(producer, topic, 30, 60);
            send(plain, topic, 60, 90);
            Expect.equal("before", values(bootstrap, topic, "read_committed"), parts(30, any -> true));
            Expect.equal("uncommitted", values(bootstrap, topic, "read_uncommitted"), parts(90, any -> true));
            producer.commitTransaction();
        }
        Expect.equal("after", values(bootstrap, topic, "read_committed"), parts(90, any -> true));
        return "the last stable offset stays before an open transaction, and moves with its end";
    }

    /** Read, process, write: the offsets are committed with the output or not at all. */
    static String offsets(String bootstrap) throws Exception {
        String source = Topics.create(bootstrap, "txn-in", PARTITIONS);
        String target = Topics.create(bootstrap, "txn-out", PARTITIONS);
        Map<String, String> settings =
                Map.of("group.id", Topics.unique("java-txn-group"), "isolation.level", "read_committed");
        int aborted;
        try (var plain = Records.producer(bootstrap, Map.of())) {
            send(plain, source, 0, 90);
        }
        try (var reader = Records.reader(bootstrap, settings);
                var producer = transactional(bootstrap, Topics.unique("java-copy"))) {
            aborted = copy(reader, producer, source, target, 60).values().stream()
                    .mapToInt(at -> (int) at.offset())
                    .sum();
            producer.abortTransaction();
            Set<TopicPartition> all = Set.copyOf(Records.places(source, PARTITIONS));
            Map<TopicPartition, OffsetAndMetadata> none = new HashMap<>();
            all.forEach(at -> none.put(at, null));
            Expect.equal("committed by an aborted one", reader.committed(all), none);
            var done = copy(reader, producer, source, target, 90);
            producer.commitTransaction();
            Expect.equal("committed", reader.committed(all), done);
        }
        Expect.equal("output", values(bootstrap, target, "read_committed"), parts(90, any -> true));
        int everything =
                values(bootstrap, target, "read_uncommitted").stream().mapToInt(List::size).sum();
        Expect.equal("with what was aborted", everything, 90 + aborted);
        return "offsets sent to an aborted and to a committed transaction";
    }

    /** Of two producers with one transactional id the older one can do nothing any more. */
    static String zombie(String bootstrap) throws Exception {
        String topic = Topics.create(bootstrap, "zombie", PARTITIONS);
        String name = Topics.unique("java-zombie");
        String reason;
        try (var older = transactional(bootstrap, name)) {
            older.beginTransaction();
            send(older, topic, 0, 30);
            try (var newer = transactional(bootstrap, name)) {
                reason = fenced(() -> older.commitTransaction());
                Expect.equal("its records", values(bootstrap, topic, "read_committed"), parts(0, any -> true));
                newer.beginTransaction();
                send(newer, topic, 30, 60);
                newer.commitTransaction();
            }
        }
        Expect.equal(
                "the newer one's",
                values(bootstrap, topic, "read_committed"),
                parts(60, number -> number >= 30));
        return "the older one: " + reason;
    }

    private static String fenced(Runnable act) {
        try {
            act.run();
        } catch (ProducerFencedException | InvalidProducerEpochException refused) {
            return refused.getClass().getSimpleName();
        }
        throw new AssertionError("the older one could commit");
    }

    private static KafkaProducer<byte[], byte[]> transactional(String bootstrap, String name) {
        var producer =
                Records.producer(bootstrap, Map.of("transactional.id", name, "max.block.ms", "20000"));
        producer.initTransactions();
        return producer;
    }

    private static void send(KafkaProducer<byte[], byte[]> producer, String topic, int from, int to)
            throws Exception {
        for (int number = from; number < to; number++) {
            producer.send(new ProducerRecord<>(
                    topic, number % PARTITIONS, null, Records.bytes(Integer.toString(number))));
        }
        producer.flush();
    }

    private static List<List<Integer>> values(String bootstrap, String topic, String isolation) {
        var found = Records.readAll(bootstrap, topic, PARTITIONS, Map.of("isolation.level", isolation));
        return found.stream()
                .map(part -> part.stream().map(one -> Integer.valueOf(Records.text(one.value()))).toList())
                .toList();
    }

    private static List<List<Integer>> parts(int end, IntPredicate which) {
        return IntStream.range(0, PARTITIONS)
                .mapToObj(at -> IntStream.range(0, end)
                        .filter(number -> number % PARTITIONS == at)
                        .filter(which)
                        .boxed()
                        .toList())
                .toList();
    }

    /** Copies at least so many records in a transaction and sends the offsets to it. */
    private static Map<TopicPartition, OffsetAndMetadata> copy(
            KafkaConsumer<byte[], byte[]> reader,
            KafkaProducer<byte[], byte[]> producer,
            String source,
            String target,
            int count) {
        producer.beginTransaction();
        reader.assign(Records.places(source, PARTITIONS));
        reader.seekToBeginning(reader.assignment());
        Map<TopicPartition, OffsetAndMetadata> done = new HashMap<>();
        List<Integer> copied = new ArrayList<>();
        long until = System.nanoTime() + Duration.ofSeconds(20).toNanos();
        while (copied.size() < count) {
            Expect.that(System.nanoTime() < until, copied.size() + " of " + count + " came");
            for (var record : reader.poll(Duration.ofMillis(200))) {
                copied.add(record.partition());
                producer.send(new ProducerRecord<>(target, record.partition(), null, record.value()));
            }
        }
        // An abort drops what is not yet sent.
        producer.flush();
        for (TopicPartition at : reader.assignment()) {
            done.put(at, new OffsetAndMetadata(reader.position(at)));
        }
        producer.sendOffsetsToTransaction(done, reader.groupMetadata());
        return done;
    }
}
