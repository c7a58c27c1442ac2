// The Java client, as an application would use it.
//
// It takes the arguments and prints the line that `measure` describes for the clients in Rust.

import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class Client {
    private static String bootstrap;
    private static String topic = "bench";
    private static String warmTopic = "warm";
    private static boolean tuned;
    private static int partitions = 1;
    private static int valueSize = 100;
    private static long records;
    private static long warm;
    private static int within = 120;

    public static void main(String[] arguments) throws Exception {
        for (int i = 1; i + 1 < arguments.length; i += 2) {
            String value = arguments[i + 1];
            switch (arguments[i]) {
                case "--bootstrap" -> bootstrap = value;
                case "--settings" -> tuned = value.equals("tuned");
                case "--topic" -> topic = value;
                case "--warm-topic" -> warmTopic = value;
                case "--partitions" -> partitions = Integer.parseInt(value);
                case "--value-size" -> valueSize = Integer.parseInt(value);
                case "--records" -> records = Long.parseLong(value);
                case "--warm" -> warm = Long.parseLong(value);
                case "--within" -> within = Integer.parseInt(value);
                default -> throw new IllegalArgumentException(arguments[i]);
            }
        }
        Thread watchdog = new Thread(() -> {
            try {
                Thread.sleep(within * 1000L);
            } catch (InterruptedException e) {
                return;
            }
            System.err.println("stuck: not done after " + within + " s");
            Runtime.getRuntime().halt(3);
        });
        watchdog.setDaemon(true);
        watchdog.start();
        switch (arguments[0]) {
            case "produce" -> produce();
            case "consume" -> consume();
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    private static void produce() throws Exception {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        properties.put("key.serializer", ByteArraySerializer.class.getName());
        properties.put("value.serializer", ByteArraySerializer.class.getName());
        if (tuned) {
            properties.put("linger.ms", "5");
            properties.put("batch.size", "1000000");
            properties.put("max.request.size", String.valueOf(1 << 20));
            properties.put("max.in.flight.requests.per.connection", "5");
            properties.put("buffer.memory", String.valueOf(64 << 20));
        }
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties)) {
            send(producer, warmTopic, warm, new AtomicLong(), new AtomicLong());
            AtomicLong acknowledged = new AtomicLong();
            AtomicLong failed = new AtomicLong();
            Meter meter = new Meter();
            send(producer, topic, records, acknowledged, failed);
            meter.report("\"acknowledged\":" + acknowledged + ",\"failed\":" + failed
                    + ",\"consumed\":null");
        }
    }

    /** Sends everything and waits until every callback was called. */
    private static void send(
            KafkaProducer<byte[], byte[]> producer, String topic, long count,
            AtomicLong acknowledged, AtomicLong failed) {
        Callback callback = (metadata, error) -> (error == null ? acknowledged : failed)
                .incrementAndGet();
        for (long number = 0; number < count; number++) {
            // The serializer hands on the array, so each record has its own.
            byte[] value = new byte[valueSize];
            ByteBuffer.wrap(value).putLong(number);
            producer.send(new ProducerRecord<>(topic, value), callback);
        }
        producer.flush();
    }

    private static void consume() throws Exception {
        if (warm > 0) {
            read(warmTopic, warm, new Meter());
        }
        Meter meter = new Meter();
        Order order = read(topic, records, meter);
        meter.report("\"acknowledged\":null,\"failed\":null,\"consumed\":{\"count\":" + order.count
                + ",\"bytes\":" + order.bytes + ",\"sum\":" + Long.toUnsignedString(order.sum)
                + ",\"digest\":" + Long.toUnsignedString(order.digest)
                + ",\"disorder\":" + order.disorder + ",\"descents\":" + order.descents + "}");
    }

    private static Order read(String topic, long count, Meter meter) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", bootstrap);
        properties.put("key.deserializer", ByteArrayDeserializer.class.getName());
        properties.put("value.deserializer", ByteArrayDeserializer.class.getName());
        if (tuned) {
            properties.put("max.partition.fetch.bytes", String.valueOf(1 << 20));
            properties.put("fetch.max.bytes", String.valueOf(50 << 20));
        }
        Order order = new Order();
        try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(properties)) {
            List<TopicPartition> all = new ArrayList<>();
            for (int partition = 0; partition < partitions; partition++) {
                all.add(new TopicPartition(topic, partition));
            }
            consumer.assign(all);
            consumer.seekToBeginning(all);
            while (order.count < count) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
                    meter.consumed();
                    order.see(record.partition(), record.offset(), record.value());
                }
            }
        }
        return order;
    }

    /** What a consumer saw: all of it, and in order? */
    private static final class Order {
        long count;
        long bytes;
        long sum;
        long digest;
        long disorder;
        long descents;
        private final long[] next = new long[partitions];
        private final long[] least = new long[partitions];

        void see(int partition, long offset, byte[] value) {
            if (next[partition] != offset) {
                disorder++;
            }
            next[partition] = offset + 1;
            long number = ByteBuffer.wrap(value).getLong();
            if (number < least[partition]) {
                descents++;
            }
            least[partition] = number + 1;
            count++;
            bytes += value.length;
            sum += number;
            digest += number * (offset + 1);
        }
    }

    /** Measures from its start. */
    private static final class Meter {
        private static final com.sun.management.OperatingSystemMXBean SYSTEM =
                (com.sun.management.OperatingSystemMXBean)
                        ManagementFactory.getOperatingSystemMXBean();
        private static final com.sun.management.ThreadMXBean THREADS =
                (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();

        private final long allocated = allocated();
        private final long cpu = SYSTEM.getProcessCpuTime();
        private final long began = System.nanoTime();
        private long first;

        void consumed() {
            if (first == 0) {
                first = System.nanoTime();
            }
        }

        /** Bytes that the threads have allocated which live now. */
        private static long allocated() {
            long sum = 0;
            for (long bytes : THREADS.getThreadAllocatedBytes(THREADS.getAllThreadIds())) {
                sum += Math.max(bytes, 0);
            }
            return sum;
        }

        void report(String rest) throws Exception {
            double wall = (System.nanoTime() - began) / 1e9;
            double used = (SYSTEM.getProcessCpuTime() - cpu) / 1e9;
            long peak = 0;
            for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
                if (line.startsWith("VmHWM:")) {
                    peak = Long.parseLong(line.replaceAll("[^0-9]", ""));
                }
            }
            System.out.println("{\"records\":" + records + ",\"wall_s\":" + wall
                    + ",\"first_s\":" + (first == 0 ? "null" : String.valueOf((first - began) / 1e9))
                    + ",\"cpu_s\":" + used + ",\"peak_rss_kib\":" + peak
                    + ",\"allocations\":null,\"allocated_bytes\":" + (allocated() - allocated)
                    + "," + rest + "}");
        }
    }
}
