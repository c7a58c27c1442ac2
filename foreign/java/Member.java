import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.clients.consumer.RetriableCommitFailedException;

/**
 * A member of a group, in a thread of the cases or in a process of its own that can be killed.
 *
 * <p>It commits what it has read, after every batch and before it gives a partition up, until it is
 * told to hold. Every event is a line: {@code assigned}, {@code revoked} or {@code lost} and
 * partitions, {@code read} and a partition with offsets, or {@code held}.
 */
final class Member implements Runnable {
    private final String[] arguments;
    private final Consumer<String> emit;
    private final Map<TopicPartition, OffsetAndMetadata> uncommitted = new HashMap<>();
    private boolean holds;
    volatile boolean toldToHold;
    volatile boolean leaving;
    volatile Throwable failure;

    /** Bootstrap servers, topic, group, assignor. */
    Member(String[] arguments, Consumer<String> emit) {
        this.arguments = arguments;
        this.emit = emit;
    }

    public static void main(String[] arguments) {
        Member member = new Member(arguments, line -> {
            System.out.println(line);
            System.out.flush();
        });
        Thread obedience = new Thread(() -> {
            try (var lines = new BufferedReader(new InputStreamReader(System.in))) {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    member.toldToHold |= line.equals("hold");
                }
            } catch (java.io.IOException ended) {
                // As the end of the input.
            }
            member.leaving = true;
        });
        obedience.setDaemon(true);
        obedience.start();
        member.run();
        if (member.failure != null) {
            member.failure.printStackTrace();
            System.exit(1);
        }
    }

    @Override
    public void run() {
        Map<String, String> settings = Map.of(
                "group.id", arguments[2],
                "partition.assignment.strategy", arguments[3],
                "session.timeout.ms", "6000",
                "heartbeat.interval.ms", "500",
                "auto.offset.reset", "earliest",
                "max.poll.records", "50");
        try (var consumer = Records.reader(arguments[0], settings)) {
            consumer.subscribe(List.of(arguments[1]), new Listener(consumer));
            while (!leaving) {
                if (toldToHold && !holds) {
                    // What was read before is committed, what is read from now on is not.
                    commit(consumer);
                    holds = true;
                    emit.accept("held");
                }
                var records = consumer.poll(Duration.ofMillis(100));
                for (TopicPartition at : records.partitions()) {
                    var batch = records.records(at);
                    emit.accept("read " + at.partition() + " "
                            + batch.stream().map(one -> "" + one.offset()).collect(Collectors.joining(" ")));
                    uncommitted.put(at, new OffsetAndMetadata(batch.get(batch.size() - 1).offset() + 1));
                }
                commit(consumer);
            }
        } catch (Throwable thrown) {
            failure = thrown;
        }
    }

    private void commit(KafkaConsumer<?, ?> consumer) {
        if (holds || uncommitted.isEmpty()) {
            return;
        }
        try {
            consumer.commitSync(new HashMap<>(uncommitted));
            uncommitted.clear();
        } catch (RebalanceInProgressException | RetriableCommitFailedException later) {
            // It is tried again, at the latest before the partition is given up.
        }
    }

    private final class Listener implements ConsumerRebalanceListener {
        private final KafkaConsumer<?, ?> consumer;

        Listener(KafkaConsumer<?, ?> consumer) {
            this.consumer = consumer;
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            tell("assigned", partitions);
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            commit(consumer);
            uncommitted.keySet().removeAll(partitions);
            tell("revoked", partitions);
        }

        @Override
        public void onPartitionsLost(Collection<TopicPartition> partitions) {
            uncommitted.keySet().removeAll(partitions);
            tell("lost", partitions);
        }

        private void tell(String what, Collection<TopicPartition> partitions) {
            emit.accept(what + partitions.stream().map(at -> " " + at.partition()).collect(Collectors.joining()));
        }
    }
}
