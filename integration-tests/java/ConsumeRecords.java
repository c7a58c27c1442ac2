import java.io.BufferedOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Reads all partitions of a topic from the beginning to their ends, and prints a line for each record.
 * src/records.rs describes the lines. Arguments: bootstrap servers, topic.
 */
public final class ConsumeRecords {
    private static final long PATIENCE_NANOS = Duration.ofSeconds(30).toNanos();

    public static void main(String[] args) throws Exception {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        settings.put("check.crcs", "true");
        settings.put("isolation.level", "read_committed");
        settings.put("enable.auto.commit", "false");
        // A position that does not exist is an error here, never a jump.
        settings.put("auto.offset.reset", "none");
        PrintStream out = new PrintStream(
                new BufferedOutputStream(System.out, 1 << 16), false, StandardCharsets.US_ASCII);
        try (var consumer =
                new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = consumer.partitionsFor(args[1]).stream()
                    .map(info -> new TopicPartition(info.topic(), info.partition()))
                    .toList();
            if (partitions.isEmpty()) {
                System.err.println("there is no topic " + args[1]);
                System.exit(1);
            }
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            long lastProgress = System.nanoTime();
            long before = -1;
            while (partitions.stream().anyMatch(at -> consumer.position(at) < ends.get(at))) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
                    out.print(line(record));
                }
                // Control and compacted records move a position without being returned.
                long now = partitions.stream().mapToLong(consumer::position).sum();
                if (now != before) {
                    lastProgress = System.nanoTime();
                } else if (System.nanoTime() - lastProgress > PATIENCE_NANOS) {
                    System.err.println("nothing came for 30 s; the ends are " + ends);
                    System.exit(1);
                }
                before = now;
            }
        }
        out.flush();
    }

    private static String line(ConsumerRecord<byte[], byte[]> record) {
        StringBuilder line = new StringBuilder();
        line.append(record.partition()).append(' ').append(record.offset()).append(' ');
        line.append(record.timestamp()).append(' ').append(hex(record.key())).append(' ');
        line.append(hex(record.value())).append(" h");
        for (Header header : record.headers()) {
            line.append(';').append(hex(header.key().getBytes(StandardCharsets.UTF_8)));
            line.append('=').append(hex(header.value()));
        }
        return line.append('\n').toString();
    }

    private static String hex(byte[] bytes) {
        return bytes == null ? "null" : "x" + HexFormat.of().formatHex(bytes);
    }
}
