import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.GroupNotEmptyException;
import org.apache.kafka.common.errors.InvalidPartitionsException;
import org.apache.kafka.common.errors.TopicExistsException;

/** What an administrator asks for: topics, partitions, configuration, records, groups. */
final class Administration {
    static String topics(String bootstrap) throws Exception {
        String name = Topics.create(bootstrap, "admin", 2);
        try (Admin admin = Topics.admin(bootstrap)) {
            var again = new NewTopic(name, 2, (short) -1);
            Expect.failure(
                    TopicExistsException.class,
                    "created twice",
                    () -> admin.createTopics(List.of(again)).all().get());
            admin.createPartitions(Map.of(name, NewPartitions.increaseTo(5))).all().get();
            Topics.untilThere(admin, name, 5);
            Expect.failure(
                    InvalidPartitionsException.class,
                    "fewer partitions",
                    () -> admin.createPartitions(Map.of(name, NewPartitions.increaseTo(3))).all().get());
            try (var producer = Records.producer(bootstrap, Map.of())) {
                var places = Records.produce(producer, name, 5, 0, 500);
                Records.check(name, places, Records.readAll(bootstrap, name, 5, Map.of()));
            }
            admin.deleteTopics(List.of(name)).all().get();
            Expect.until("it is gone", 20, () -> !admin.listTopics().names().get().contains(name));
        }
        return "created, not twice, from 2 to 5 partitions, not back, written to, deleted";
    }

    static String cluster(String bootstrap) throws Exception {
        try (Admin admin = Topics.admin(bootstrap)) {
            var answer = admin.describeCluster();
            var nodes = answer.nodes().get();
            Set<String> addresses =
                    nodes.stream().map(node -> node.host() + ":" + node.port()).collect(Collectors.toSet());
            Expect.equal("addresses", addresses, Set.of(bootstrap.split(",")));
            Expect.that(nodes.contains(answer.controller().get()), "the controller is none of the nodes");
            return nodes.size() + " node(s)";
        }
    }

    static String config(String bootstrap) throws Exception {
        String setting = "message.timestamp.type";
        String name = Topics.create(bootstrap, "config", 1, Map.of(setting, "LogAppendTime"));
        try (Admin admin = Topics.admin(bootstrap)) {
            var topic = new ConfigResource(ConfigResource.Type.TOPIC, name);
            var config = admin.describeConfigs(List.of(topic)).all().get().get(topic);
            Expect.equal(setting, config.get(setting).value(), "LogAppendTime");
            Expect.equal("is it a default", config.get(setting).isDefault(), false);
            try (var producer = Records.producer(bootstrap, Map.of())) {
                Records.produce(producer, name, 1, 0, 1);
            }
            var record = Records.readAll(bootstrap, name, 1, Map.of()).get(0).get(0);
            Expect.that(record.timestamp() != Records.BASE_TIME, "the record has the time of its producer");
            return config.entries().size() + " settings of a topic";
        }
    }

    static String records(String bootstrap) throws Exception {
        String name = Topics.create(bootstrap, "records", 1);
        TopicPartition at = new TopicPartition(name, 0);
        try (var producer = Records.producer(bootstrap, Map.of())) {
            Records.produce(producer, name, 1, 0, 100);
        }
        try (Admin admin = Topics.admin(bootstrap)) {
            var deleted = admin.deleteRecords(Map.of(at, RecordsToDelete.beforeOffset(40)));
            Expect.equal("low watermark", deleted.lowWatermarks().get(at).get().lowWatermark(), 40L);
            var earliest = admin.listOffsets(Map.of(at, OffsetSpec.earliest())).partitionResult(at).get();
            Expect.equal("earliest", earliest.offset(), 40L);
            Expect.equal("what is left", left(bootstrap, name), LongStream.range(40, 100).boxed().toList());
            admin.deleteRecords(Map.of(at, RecordsToDelete.beforeOffset(-1))).all().get();
            Expect.equal("nothing is left", left(bootstrap, name), List.of());
        }
        return "up to an offset, and all";
    }

    private static List<Long> left(String bootstrap, String topic) {
        var found = Records.readAll(bootstrap, topic, 1, Map.of()).get(0);
        return found.stream().map(record -> record.offset()).toList();
    }

    static String groups(String bootstrap) throws Exception {
        String name = Topics.create(bootstrap, "groups", 2);
        String group = Topics.unique("java-admin");
        Map<String, String> settings =
                Map.of("group.id", group, "client.id", "described", "auto.offset.reset", "earliest");
        try (Admin admin = Topics.admin(bootstrap)) {
            try (var member = Records.reader(bootstrap, settings)) {
                member.subscribe(List.of(name));
                Expect.until("it gets its partitions", 20, () -> {
                    member.poll(Duration.ofMillis(100));
                    return member.assignment().size() == 2;
                });
                Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
                offsets.put(new TopicPartition(name, 0), new OffsetAndMetadata(7, "seven"));
                offsets.put(new TopicPartition(name, 1), new OffsetAndMetadata(9));
                member.commitSync(offsets);
                Expect.that(ids(admin).contains(group), "it is not listed");
                var described =
                        admin.describeConsumerGroups(List.of(group)).describedGroups().get(group).get();
                var members = described.members();
                Expect.equal("members", members.size(), 1);
                var one = members.iterator().next();
                Expect.equal("client", one.clientId(), "described");
                Expect.equal("assigned", one.assignment().topicPartitions(), offsets.keySet());
                var listed =
                        admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata(group).get();
                Expect.equal("offsets", listed, offsets);
                Expect.failure(
                        GroupNotEmptyException.class,
                        "with a member",
                        () -> admin.deleteConsumerGroups(List.of(group)).all().get());
            }
            TopicPartition first = new TopicPartition(name, 0);
            admin.deleteConsumerGroupOffsets(group, Set.of(first)).all().get();
            var rest = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata(group).get();
            Expect.equal("offsets left", rest.keySet(), Set.of(new TopicPartition(name, 1)));
            admin.deleteConsumerGroups(List.of(group)).all().get();
            Expect.that(!ids(admin).contains(group), "it is still listed");
        }
        return "listed, described, its offsets, one of them deleted, deleted when it was empty";
    }

    private static Set<String> ids(Admin admin) throws Exception {
        return admin.listGroups().all().get().stream()
                .map(listing -> listing.groupId())
                .collect(Collectors.toSet());
    }
}
