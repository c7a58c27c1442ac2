import java.io.BufferedOutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.coordinator.group.generated.OffsetCommitKey;
import org.apache.kafka.coordinator.group.generated.OffsetCommitValue;

/**
 * Prints every commit that the groups' coordinators have in their log, in its order: a line with group, topic,
 * partition, offset, and the time of the commit. Argument: bootstrap servers.
 */
public final class ReadCommits {
    private static final long PATIENCE_NANOS = Duration.ofSeconds(60).toNanos();

    public static void main(String[] args) throws Exception {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        settings.put("isolation.level", "read_committed");
        settings.put("enable.auto.commit", "false");
        settings.put("auto.offset.reset", "none");
        settings.put("exclude.internal.topics", "false");
        PrintStream out = new PrintStream(
                new BufferedOutputStream(System.out, 1 << 16), false, StandardCharsets.US_ASCII);
        try (var consumer =
                new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = consumer.partitionsFor("__consumer_offsets").stream()
                    .map(info -> new TopicPartition(info.topic(), info.partition()))
                    .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            long lastProgress = System.nanoTime();
            long before = -1;
            while (partitions.stream().anyMatch(at -> consumer.position(at) < ends.get(at))) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
                    print(out, record);
                }
                long now = partitions.stream().mapToLong(consumer::position).sum();
                if (now != before) {
                    lastProgress = System.nanoTime();
                } else if (System.nanoTime() - lastProgress > PATIENCE_NANOS) {
                    System.err.println("nothing came for 60 s; the ends are " + ends);
                    System.exit(1);
                }
                before = now;
            }
        }
        out.flush();
    }

    private static void print(PrintStream out, ConsumerRecord<byte[], byte[]> record) {
        ByteBuffer key = ByteBuffer.wrap(record.key());
        short kind = key.getShort();
        // Other kinds are the members of a group, and a commit without a value is a deletion.
        if (kind > 1 || record.value() == null) {
            return;
        }
        var at = new OffsetCommitKey(new ByteBufferAccessor(key), (short) 0);
        ByteBuffer value = ByteBuffer.wrap(record.value());
        short version = value.getShort();
        var commit = new OffsetCommitValue(new ByteBufferAccessor(value), version);
        out.println(at.group() + " " + at.topic() + " " + at.partition() + " " + commit.offset() + " "
                + commit.commitTimestamp());
    }
}
