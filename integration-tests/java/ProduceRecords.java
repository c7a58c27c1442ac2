import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Produces the records that its standard input describes, one a line, and prints each with its place.
 * src/records.rs describes the lines. Arguments: bootstrap servers, topic, compression type.
 */
public final class ProduceRecords {
    private record Sent(String described, Future<RecordMetadata> place) {}

    public static void main(String[] args) throws Exception {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        settings.put("compression.type", args[2]);
        settings.put("acks", "all");
        // Long enough that a batch holds more than one record.
        settings.put("linger.ms", "50");
        settings.put("delivery.timeout.ms", "60000");
        settings.put("request.timeout.ms", "30000");
        String topic = args[1];
        List<Sent> all = new ArrayList<>();
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.US_ASCII);
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
        try (var producer =
                new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] cells = line.split(" ");
                Integer partition = cells[0].equals("-") ? null : Integer.valueOf(cells[0]);
                Long timestamp = cells[1].equals("-") ? null : Long.valueOf(cells[1]);
                RecordHeaders headers = new RecordHeaders();
                String[] described = cells[4].split(";");
                for (int i = 1; i < described.length; i++) {
                    int equals = described[i].indexOf('=');
                    byte[] name = bytes(described[i].substring(0, equals));
                    byte[] value = bytes(described[i].substring(equals + 1));
                    headers.add(new RecordHeader(new String(name, StandardCharsets.UTF_8), value));
                }
                var record = new ProducerRecord<>(
                        topic, partition, timestamp, bytes(cells[2]), bytes(cells[3]), headers);
                String echoed = cells[2] + " " + cells[3] + " " + cells[4];
                all.add(new Sent(echoed, producer.send(record)));
            }
        }
        for (Sent sent : all) {
            RecordMetadata place = sent.place().get();
            out.print(place.partition() + " " + place.offset() + " " + place.timestamp() + " ");
            out.print(sent.described() + "\n");
        }
        out.flush();
    }

    private static byte[] bytes(String text) {
        return text.equals("null") ? null : HexFormat.of().parseHex(text, 1, text.length());
    }
}
