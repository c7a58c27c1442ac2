import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.OptionalLong;
import java.util.zip.CRC32;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.DefaultRecordBatch;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MutableRecordBatch;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.utils.BufferSupplier;
import org.apache.kafka.common.utils.CloseableIterator;
import org.apache.kafka.common.utils.Utils;

/**
 * Writes beside each {@code NAME.bin} of a folder, which holds the bytes of a records field, a
 * {@code NAME.json}: what Kafka's own reader reads there, in the way its consumer does, checksums
 * checked. corpus/README.md describes the JSON. Argument: the folder.
 */
public final class ReadRecords {
    /** Longer fields are written as their length and CRC-32. */
    private static final int LONGEST_SHOWN = 128;

    private final StringBuilder out = new StringBuilder();
    /** What was being done, should it fail. */
    private String stage;
    private int batch;
    private int record;

    public static void main(String[] args) throws Exception {
        List<Path> files;
        try (var listed = Files.list(Path.of(args[0]))) {
            files = listed.filter(file -> file.toString().endsWith(".bin")).sorted().toList();
        }
        for (Path file : files) {
            String name = file.getFileName().toString().replaceAll("bin$", "json");
            Files.writeString(file.resolveSibling(name), read(Files.readAllBytes(file)));
        }
    }

    /** The JSON of what these bytes hold. */
    static String read(byte[] bytes) {
        return new ReadRecords().readAll(bytes);
    }

    private String readAll(byte[] bytes) {
        out.append("{\n  \"size\": ").append(bytes.length).append(",\n  \"batches\": [");
        int position = 0;
        String stop = "null";
        try {
            stage = "batch";
            Iterator<MutableRecordBatch> batches =
                    MemoryRecords.readableRecords(ByteBuffer.wrap(bytes)).batches().iterator();
            while (batches.hasNext()) {
                MutableRecordBatch next = batches.next();
                readBatch(next, position);
                position += next.sizeInBytes();
                batch++;
                stage = "batch";
            }
        } catch (Throwable failure) {
            // Codecs throw errors as well as exceptions, and some lengths are more than the memory.
            stop = stop(failure);
        }
        String end = batch == 0 ? "]" : "\n  ]";
        out.append(end).append(",\n  \"end\": ").append(position);
        return out.append(",\n  \"stop\": ").append(stop).append("\n}\n").toString();
    }

    private String stop(Throwable failure) {
        String place = stage.equals("records") ? ", \"record\": " + record : "";
        return "{\"stage\": \"" + stage + "\", \"batch\": " + batch + place + ", \"error\": \""
                + failure.getClass().getSimpleName() + "\"}";
    }

    private void readBatch(MutableRecordBatch batch, int position) {
        stage = "checksum";
        batch.ensureValid();
        stage = "header";
        // A batch is listed with all of its header or not at all.
        String header = header(batch, position);
        out.append(this.batch == 0 ? "\n" : ",\n").append(header).append(",\n     \"records\": [");
        record = 0;
        try {
            stage = "records";
            readRecords(batch);
        } finally {
            out.append(record == 0 ? "]}" : "\n     ]}");
        }
    }

    private static String header(MutableRecordBatch batch, int position) {
        boolean legacy = batch.magic() < RecordBatch.MAGIC_VALUE_V2;
        Cells cells = new Cells();
        cells.add("position", position);
        cells.add("size", batch.sizeInBytes());
        cells.add("magic", batch.magic());
        cells.add("crc", batch.checksum());
        cells.addText("compression", batch.compressionType().name);
        cells.addText("timestamp_type", name(batch.timestampType()));
        // That of a wrapper of magic 0 or 1 is known once its messages are.
        cells.add("base_offset", legacy && batch.isCompressed() ? null : batch.baseOffset());
        cells.add("last_offset", batch.lastOffset());
        cells.add("next_offset", batch.nextOffset());
        cells.add("max_timestamp", batch.maxTimestamp());
        cells.add("base_timestamp", batch instanceof DefaultRecordBatch own ? own.baseTimestamp() : null);
        OptionalLong horizon = batch.deleteHorizonMs();
        cells.add("delete_horizon", horizon.isPresent() ? horizon.getAsLong() : null);
        cells.add("leader_epoch", batch.partitionLeaderEpoch());
        cells.add("producer_id", batch.producerId());
        cells.add("producer_epoch", batch.producerEpoch());
        cells.add("base_sequence", batch.baseSequence());
        cells.add("last_sequence", batch.lastSequence());
        cells.add("transactional", batch.isTransactional());
        cells.add("control", batch.isControlBatch());
        cells.add("count", batch.countOrNull());
        return "    {" + cells;
    }

    private void readRecords(RecordBatch batch) {
        boolean legacy = batch.magic() < RecordBatch.MAGIC_VALUE_V2;
        try (CloseableIterator<Record> records = batch.streamingIterator(BufferSupplier.NO_CACHING)) {
            while (records.hasNext()) {
                Record next = records.next();
                next.ensureValid();
                String read = record(next, batch, legacy);
                out.append(record == 0 ? "\n" : ",\n").append(read);
                record++;
            }
        }
    }

    private static String record(Record record, RecordBatch batch, boolean legacy) {
        Cells cells = new Cells();
        cells.add("offset", record.offset());
        cells.add("timestamp", record.timestamp());
        if (legacy) {
            // Within a wrapper, magic 0 and 1 can be mixed.
            TimestampType of = record.hasTimestampType(TimestampType.NO_TIMESTAMP_TYPE)
                    ? TimestampType.NO_TIMESTAMP_TYPE : batch.timestampType();
            cells.addText("timestamp_type", name(of));
        } else {
            cells.add("sequence", record.sequence());
        }
        cells.add("key", field(record.key()));
        cells.add("value", field(record.value()));
        List<String> headers = new ArrayList<>();
        for (Header header : record.headers()) {
            headers.add("[" + field(key(header)) + ", " + field(Utils.wrapNullable(header.value())) + "]");
        }
        cells.add("headers", "[" + String.join(", ", headers) + "]");
        if (batch.isControlBatch()) {
            cells.addText("control", ControlRecordType.parse(record.key()).name());
        }
        return "      {" + cells + "}";
    }

    /** As Java holds it: what is not UTF-8 has become U+FFFD. */
    private static ByteBuffer key(Header header) {
        return ByteBuffer.wrap(((RecordHeader) header).key().getBytes(StandardCharsets.UTF_8));
    }

    private static String field(ByteBuffer field) {
        if (field == null) {
            return "null";
        }
        byte[] bytes = Utils.toArray(field.duplicate());
        if (bytes.length <= LONGEST_SHOWN) {
            return "\"" + HexFormat.of().formatHex(bytes) + "\"";
        }
        CRC32 crc = new CRC32();
        crc.update(bytes);
        return "{\"length\": " + bytes.length + ", \"crc32\": " + crc.getValue() + "}";
    }

    private static String name(TimestampType type) {
        return switch (type) {
            case NO_TIMESTAMP_TYPE -> "none";
            case CREATE_TIME -> "create";
            case LOG_APPEND_TIME -> "append";
        };
    }

    /** The inside of a JSON object, on a line. */
    private static final class Cells {
        private final List<String> cells = new ArrayList<>();

        void add(String name, Object value) {
            cells.add("\"" + name + "\": " + value);
        }

        void addText(String name, String value) {
            add(name, "\"" + value + "\"");
        }

        @Override
        public String toString() {
            return String.join(", ", cells);
        }
    }
}
