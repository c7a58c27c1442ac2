import java.io.BufferedOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Reads topics whose keys and values begin with a word, from the beginning to their ends. For each record it
 * prints a line with topic, partition, offset, timestamp, the key or a dash, the first word of the value, the
 * value's length and its hash (that of java.util.Arrays). Arguments: bootstrap servers, topics.
 */
public final class SummarizeRecords {
    private static final long PATIENCE_NANOS = Duration.ofSeconds(60).toNanos();

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
            List<TopicPartition> partitions = Stream.of(args).skip(1)
                    .flatMap(topic -> consumer.partitionsFor(topic).stream())
                    .map(info -> new TopicPartition(info.topic(), info.partition()))
                    .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            long lastProgress = System.nanoTime();
            long before = -1;
            while (partitions.stream().anyMatch(at -> consumer.position(at) < ends.get(at))) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
                    out.print(line(record));
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

    private static String line(ConsumerRecord<byte[], byte[]> record) {
        StringBuilder line = new StringBuilder();
        line.append(record.topic()).append(' ').append(record.partition()).append(' ');
        line.append(record.offset()).append(' ').append(record.timestamp()).append(' ');
        line.append(record.key() == null ? "-" : word(record.key())).append(' ');
        byte[] value = record.value() == null ? new byte[0] : record.value();
        line.append(word(value)).append(' ').append(value.length).append(' ').append(Arrays.hashCode(value));
        return line.append('\n').toString();
    }

    /** What comes before the first space; a question mark if that is no word. */
    private static String word(byte[] bytes) {
        int end = 0;
        while (end < bytes.length && bytes[end] > ' ' && bytes[end] < 127) {
            end++;
        }
        boolean whole = end > 0 && end < 100 && (end == bytes.length || bytes[end] == ' ');
        return whole ? new String(bytes, 0, end, StandardCharsets.US_ASCII) : "?";
    }
}
