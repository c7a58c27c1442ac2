import java.util.Map;

/** Produce with each codec and read everything back. */
final class Producing {
    private static final int PARTITIONS = 6;
    private static final int COUNT = 3000;

    static Case with(String codec) {
        return bootstrap -> {
            String topic = Topics.create(bootstrap, "produce-" + codec, PARTITIONS);
            try (var producer = Records.producer(bootstrap, Map.of("compression.type", codec))) {
                var places = Records.produce(producer, topic, PARTITIONS, 0, COUNT);
                Records.check(topic, places, Records.readAll(bootstrap, topic, PARTITIONS, Map.of()));
            }
            return COUNT + " records in " + PARTITIONS + " partitions as reported and in order";
        };
    }
}
