// The Java client, as an application would use it.
//
// It takes the arguments and prints the line that `measure` describes for the clients in Rust.

import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
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
    private static String settings = "defaults";
    private static String codec = "none";
    private static byte[] json;
    private static long rate;
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
                case "--settings" -> settings = value;
                case "--codec" -> codec = value;
                case "--json" -> json = Files.readAllBytes(Path.of(value));
                case "--rate" -> rate = Long.parseLong(value);
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
        properties.put("compression.type", codec);
        if (settings.equals("linger0")) {
            properties.put("linger.ms", "0");
        }
        if (settings.equals("tuned")) {
            properties.put("linger.ms", "5");
            properties.put("batch.size", "1000000");
            properties.put("max.request.size", String.valueOf(1 << 20));
            properties.put("max.in.flight.requests.per.connection", "5");
            properties.put("buffer.memory", String.valueOf(64 << 20));
        }
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(properties)) {
            send(producer, warmTopic, warm, new AtomicLong(), new AtomicLong(), null);
            AtomicLong acknowledged = new AtomicLong();
            AtomicLong failed = new AtomicLong();
            Pace pace = rate > 0 ? new Pace() : null;
            Meter meter = new Meter();
            send(producer, topic, records, acknowledged, failed, pace);
            meter.report("\"acknowledged\":" + acknowledged + ",\"failed\":" + failed
                    + ",\"latency\":" + (pace == null ? "null" : pace.latency())
                    + ",\"consumed\":null");
        }
    }

    /** Sends everything and waits until every callback was called. */
    private static void send(
            KafkaProducer<byte[], byte[]> producer, String topic, long count,
            AtomicLong acknowledged, AtomicLong failed, Pace pace) throws Exception {
        Callback callback = (metadata, error) -> (error == null ? acknowledged : failed)
                .incrementAndGet();
        for (long number = 0; number < count; number++) {
            Callback done = callback;
            long since = pace == null ? 0 : pace.await();
            if (since != 0) {
                done = (metadata, error) -> {
                    pace.took(System.nanoTime() - since);
                    callback.onCompletion(metadata, error);
                };
            }
            producer.send(record(topic, number), done);
        }
        producer.flush();
    }

    /** The serializer hands on the arrays, so each record has its own. */
    private static ProducerRecord<byte[], byte[]> record(String topic, long number) {
        if (json == null) {
            byte[] value = new byte[valueSize];
            ByteBuffer.wrap(value).putLong(number);
            return new ProducerRecord<>(topic, value);
        }
        int size = 16 + valueSize;
        int from = (int) (number % (json.length / size)) * size;
        byte[] key = Arrays.copyOfRange(json, from, from + 16);
        byte[] value = Arrays.copyOfRange(json, from + 16, from + size);
        for (int place = 0; place < 16; place++) {
            value[11 + place] = (byte) "0123456789abcdef".charAt((int) (number >>> (60 - 4 * place)) & 15);
        }
        return new ProducerRecord<>(topic, key, value);
    }

    /** What `measure::Pace` and `measure::Latency` are for the clients in Rust. */
    private static final class Pace {
        private static final long TIMED = 20_000;

        private final long began = System.nanoTime();
        private final long burst = Math.max(rate / 1000, 1);
        private final long every = Math.max((rate + TIMED - 1) / TIMED, 1);
        private final long[] times = new long[(int) (records / every + 1)];
        private final AtomicInteger timed = new AtomicInteger();
        private long number;
        private long lateSince;

        /** Waits until the next record is due; from when on its time counts, or 0. */
        long await() throws Exception {
            long current = number++;
            if (current % burst == 0) {
                long due = began + (long) ((double) current / rate * 1e9);
                long ahead = due - System.nanoTime();
                lateSince = ahead > 0 ? 0 : due;
                while (ahead > 0) {
                    LockSupport.parkNanos(ahead);
                    ahead = due - System.nanoTime();
                }
            }
            if (current % every != 0) {
                return 0;
            }
            return lateSince != 0 ? lateSince : System.nanoTime();
        }

        void took(long nanos) {
            times[timed.getAndIncrement()] = nanos;
        }

        String latency() {
            long[] sorted = Arrays.copyOf(times, timed.get());
            Arrays.sort(sorted);
            return "{\"timed\":" + sorted.length + ",\"p50_us\":" + at(sorted, 0.5)
                    + ",\"p99_us\":" + at(sorted, 0.99) + ",\"p999_us\":" + at(sorted, 0.999)
                    + ",\"max_us\":" + at(sorted, 1) + "}";
        }

        private static double at(long[] sorted, double share) {
            int place = Math.min((int) (sorted.length * share), sorted.length - 1);
            return sorted[place] / 1e3;
        }
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
        if (settings.equals("tuned")) {
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
