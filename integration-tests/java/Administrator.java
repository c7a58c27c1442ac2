import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;

/**
 * Does what it reads from its standard input, a command per line, and prints a line for each: `ok` and an answer, or
 * `failed` and why. It ends with its input. Argument: bootstrap servers.
 *
 * <pre>
 * in-sync topic...         the smallest number of copies in sync of all partitions
 * leader topic partition   the leader, or -1
 * move topic partition n   makes node n the leader
 * min-in-sync topic n      sets min.insync.replicas
 * coordinator group        the node that coordinates a group
 * lag group topic          how many offsets of the topic the group has not committed
 * </pre>
 */
public final class Administrator {
    private static final long SECONDS = 20;

    public static void main(String[] args) throws Exception {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        settings.put("request.timeout.ms", "5000");
        settings.put("default.api.timeout.ms", "15000");
        settings.put("reconnect.backoff.max.ms", "500");
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.US_ASCII);
        var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        try (Admin admin = Admin.create(settings)) {
            for (String line; (line = input.readLine()) != null; ) {
                try {
                    out.println("ok " + obey(admin, line.trim().split(" ")));
                } catch (Exception error) {
                    out.println("failed " + error.toString().replace('\n', ' '));
                }
            }
        }
    }

    private static String obey(Admin admin, String[] words) throws Exception {
        switch (words[0]) {
            case "in-sync":
                var topics = List.of(words).subList(1, words.length);
                var described = admin.describeTopics(topics).allTopicNames().get(SECONDS, TimeUnit.SECONDS);
                return String.valueOf(described.values().stream()
                        .flatMap(topic -> topic.partitions().stream())
                        .mapToInt(partition -> partition.isr().size())
                        .min().orElse(0));
            case "leader":
                return String.valueOf(leader(admin, at(words)));
            case "move":
                return move(admin, at(words), Integer.parseInt(words[3]));
            case "min-in-sync":
                var topic = new ConfigResource(ConfigResource.Type.TOPIC, words[1]);
                var set = new AlterConfigOp(
                        new ConfigEntry("min.insync.replicas", words[2]), AlterConfigOp.OpType.SET);
                admin.incrementalAlterConfigs(Map.of(topic, List.of(set))).all().get(SECONDS, TimeUnit.SECONDS);
                return words[2];
            case "coordinator":
                var group = admin.describeConsumerGroups(List.of(words[1])).all().get(SECONDS, TimeUnit.SECONDS);
                return String.valueOf(group.get(words[1]).coordinator().id());
            case "lag":
                return String.valueOf(lag(admin, words[1], words[2]));
            default:
                throw new IllegalArgumentException(Arrays.toString(words));
        }
    }

    private static TopicPartition at(String[] words) {
        return new TopicPartition(words[1], Integer.parseInt(words[2]));
    }

    private static int leader(Admin admin, TopicPartition at) throws Exception {
        var topic = admin.describeTopics(List.of(at.topic())).allTopicNames().get(SECONDS, TimeUnit.SECONDS);
        Node leader = topic.get(at.topic()).partitions().get(at.partition()).leader();
        return leader == null ? -1 : leader.id();
    }

    /** The preferred leader is the first copy, so that one is moved to the front, and then elected. */
    private static String move(Admin admin, TopicPartition at, int to) throws Exception {
        var topic = admin.describeTopics(List.of(at.topic())).allTopicNames().get(SECONDS, TimeUnit.SECONDS);
        var partition = topic.get(at.topic()).partitions().get(at.partition());
        List<Integer> copies = new ArrayList<>(List.of(to));
        partition.replicas().stream().map(Node::id).filter(id -> id != to).forEach(copies::add);
        admin.alterPartitionReassignments(Map.of(at, Optional.of(new NewPartitionReassignment(copies))))
                .all().get(SECONDS, TimeUnit.SECONDS);
        if (leader(admin, at) != to) {
            admin.electLeaders(ElectionType.PREFERRED, Set.of(at)).all().get(SECONDS, TimeUnit.SECONDS);
        }
        return String.valueOf(to);
    }

    private static long lag(Admin admin, String group, String name) throws Exception {
        var topic = admin.describeTopics(List.of(name)).allTopicNames().get(SECONDS, TimeUnit.SECONDS).get(name);
        var committed = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata()
                .get(SECONDS, TimeUnit.SECONDS);
        long lag = 0;
        for (var partition : topic.partitions()) {
            var at = new TopicPartition(name, partition.partition());
            long end = admin.listOffsets(Map.of(at, OffsetSpec.latest())).partitionResult(at)
                    .get(SECONDS, TimeUnit.SECONDS).offset();
            var offset = committed.get(at);
            lag += end - (offset == null ? 0 : offset.offset());
        }
        return lag;
    }
}
