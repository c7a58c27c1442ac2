import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * A member of a consumer group with the range assignor, until its standard input ends. It prints what
 * happens, a line each, and commits the records that it has printed:
 * <pre>
 * assigned|revoked|lost partition...
 * record partition offset
 * </pre>
 * Arguments: bootstrap servers, topic, group.
 */
public final class GroupMember {
    public static void main(String[] args) throws Exception {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        settings.put("group.id", args[2]);
        settings.put("client.id", "java-member");
        settings.put("group.protocol", "classic");
        settings.put(
                "partition.assignment.strategy", "org.apache.kafka.clients.consumer.RangeAssignor");
        settings.put("auto.offset.reset", "earliest");
        settings.put("enable.auto.commit", "false");
        settings.put("max.poll.records", "50");
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.US_ASCII);
        AtomicBoolean ended = new AtomicBoolean();
        Thread watch = new Thread(() -> {
            try (var input = new InputStreamReader(System.in, StandardCharsets.US_ASCII)) {
                while (input.read() >= 0) {}
            } catch (java.io.IOException broken) {
                // The end, too.
            }
            ended.set(true);
        });
        watch.setDaemon(true);
        watch.start();
        ConsumerRebalanceListener told = new ConsumerRebalanceListener() {
            @Override
            public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
                print(out, "assigned", partitions);
            }

            @Override
            public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
                print(out, "revoked", partitions);
            }

            @Override
            public void onPartitionsLost(Collection<TopicPartition> partitions) {
                print(out, "lost", partitions);
            }
        };
        try (var consumer =
                new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(List.of(args[1]), told);
            while (!ended.get()) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    out.println("record " + record.partition() + " " + record.offset());
                }
                // Everything that was polled has been printed. A rebalance only happens in a poll.
                consumer.commitSync();
            }
        }
    }

    private static void print(PrintStream out, String what, Collection<TopicPartition> partitions) {
        StringBuilder line = new StringBuilder(what);
        partitions.stream().mapToInt(TopicPartition::partition).sorted()
                .forEach(partition -> line.append(' ').append(partition));
        out.println(line);
    }
}
