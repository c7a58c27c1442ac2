import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RetriableException;

/** Topics for the cases. */
final class Topics {
    static String unique(String word) {
        return word + "-" + UUID.randomUUID().toString().substring(24);
    }

    static Admin admin(String bootstrap) {
        return Admin.create(Map.of(
                "bootstrap.servers", bootstrap,
                "request.timeout.ms", "10000",
                "default.api.timeout.ms", "20000"));
    }

    static String create(String bootstrap, String word, int partitions) throws Exception {
        return create(bootstrap, word, partitions, Map.of());
    }

    /** A new topic, as soon as every partition has a leader. */
    static String create(String bootstrap, String word, int partitions, Map<String, String> config)
            throws Exception {
        String name = unique("java-" + word);
        try (Admin admin = admin(bootstrap)) {
            var topic = new NewTopic(name, Optional.of(partitions), Optional.empty()).configs(config);
            admin.createTopics(List.of(topic)).all().get();
            untilThere(admin, name, partitions);
        }
        return name;
    }

    /**
     * Metadata name a leader before that broker knows that it is one. A new producer whose first batch
     * is refused, while the next is taken, never gets out of {@code OUT_OF_ORDER_SEQUENCE_NUMBER}: the
     * broker takes what comes first as the beginning. So the leaders are asked too.
     */
    static void untilThere(Admin admin, String name, int partitions) throws Exception {
        Expect.until(name + " has " + partitions + " partitions with leaders", 20, () -> {
            try {
                var parts =
                        admin.describeTopics(List.of(name)).allTopicNames().get().get(name).partitions();
                return parts.size() == partitions
                        && parts.stream().allMatch(at -> at.leader() != null && !at.leader().isEmpty());
            } catch (ExecutionException failure) {
                if (failure.getCause() instanceof RetriableException) {
                    return false;
                }
                throw failure;
            }
        });
        Map<TopicPartition, OffsetSpec> latest = new HashMap<>();
        Records.places(name, partitions).forEach(at -> latest.put(at, OffsetSpec.latest()));
        admin.listOffsets(latest).all().get();
    }
}
