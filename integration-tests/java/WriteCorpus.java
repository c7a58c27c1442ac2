import com.github.luben.zstd.Zstd;
import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.zip.CRC32;
import java.util.zip.CRC32C;
import java.util.zip.GZIPOutputStream;
import net.jpountz.lz4.LZ4FrameOutputStream;
import net.jpountz.xxhash.XXHashFactory;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.message.LeaderChangeMessage;
import org.apache.kafka.common.message.SnapshotHeaderRecord;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.CompressionType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.LegacyRecord;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecords.RecordFilter;
import org.apache.kafka.common.record.internal.MemoryRecords.RecordFilter.BatchRetention;
import org.apache.kafka.common.record.internal.MemoryRecords.RecordFilter.BatchRetentionResult;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.utils.BufferSupplier;
import org.xerial.snappy.Snappy;

/**
 * Writes the files of corpus/, which hold bytes of records fields, with Kafka's own classes where
 * these can write such bytes, and an index of what each is for. ReadRecords adds how Java reads
 * them. Argument: corpus/, or another folder for its two.
 */
public final class WriteCorpus {
    private static final byte V0 = 0;
    private static final byte V1 = 1;
    private static final byte V2 = 2;
    private static final TimestampType NONE = TimestampType.NO_TIMESTAMP_TYPE;
    private static final TimestampType CREATE = TimestampType.CREATE_TIME;
    private static final TimestampType APPEND = TimestampType.LOG_APPEND_TIME;
    private static final Header[] NO_HEADERS = {};
    /** A moment in 2023. */
    private static final long NOW = 1_700_000_000_000L;
    /** Where a batch of magic 2 has what is changed here. */
    private static final int LENGTH = 8, MAGIC = 16, CRC = 17, ATTRIBUTES = 21, LAST_DELTA = 23,
            BASE_TIMESTAMP = 27, COUNT = 57, RECORDS = 61;
    /** Where a message of magic 0 and 1 has it. */
    private static final int OLD_CRC = 12, OLD_MAGIC = 16, OLD_ATTRIBUTES = 17;

    /** Where Java does not look, drops what is there, or refuses what the format has. */
    private static final Set<String> DISPUTED = Set.of(
            "bad-record-offset-twice", "bad-record-offset-back", "bad-record-offset-beyond", "bad-v0-offsets-back",
            "bad-v0-offset-beyond", "bad-v1-inner-magic", "bad-v2-count-none", "bad-v2-last-delta",
            "bad-record-varint-bits", "bad-record-varlong-bits", "bad-lz4-content-checksum",
            "v2-lz4-linked", "v2-lz4-two-frames", "v1-lz4-linked");

    private final Folder records;
    private final Folder disputed;

    private WriteCorpus(Path corpus) throws Exception {
        records = new Folder(corpus.resolve("records"), "Those that begin with `bad-` hold what nobody should write.");
        disputed = new Folder(corpus.resolve("disputed"),
                "In these Java's reading is not the only one that can be defended.");
    }

    /** A folder with the index of its files. */
    private static final class Folder {
        private final Path path;
        private final StringBuilder index;

        Folder(Path path, String about) throws Exception {
            this.path = Files.createDirectories(path);
            index = new StringBuilder("""
                    # The files

                    Made by `WriteCorpus.java`, as this list is. %s

                    | file | what it is for |
                    |---|---|
                    """.formatted(about));
        }

        void add(String name, String about, byte[] content) throws Exception {
            Files.write(path.resolve(name + ".bin"), content);
            index.append("| `").append(name).append("` | ").append(about).append(" |\n");
        }

        void finish() throws Exception {
            Files.writeString(path.resolve("INDEX.md"), index);
        }
    }

    public static void main(String[] args) throws Exception {
        WriteCorpus corpus = new WriteCorpus(Path.of(args[0]));
        corpus.batches();
        corpus.fields();
        corpus.times();
        corpus.producers();
        corpus.control();
        corpus.compacted();
        corpus.cut();
        corpus.streams();
        corpus.messages();
        corpus.wrappers();
        corpus.mixed();
        corpus.hostileBatches();
        corpus.hostileRecords();
        corpus.hostileStreams();
        corpus.hostileMessages();
        corpus.records.finish();
        corpus.disputed.finish();
    }

    // What Kafka writes.

    private void batches() throws Exception {
        file("v2-plain", "three records of a plain batch", v2(Compression.NONE).three());
        for (String codec : List.of("gzip", "snappy", "lz4", "zstd")) {
            Compression compression = Compression.of(codec).build();
            file("v2-" + codec, "twenty records compressed with " + codec, v2(compression).twenty());
        }
        file("v2-append-time", "the broker's time stands for every record's", v2(Compression.NONE).appendTime().three());
        file("v2-append-time-zstd", "the same, compressed", v2(Compression.zstd().build()).appendTime().twenty());
        file("v2-leader-epoch", "the epoch of the leader, which the checksum does not cover",
                v2(Compression.NONE).leaderEpoch(Integer.MAX_VALUE).base(1000).three());
        file("v2-last-offset", "the largest offset after which there is one more",
                v2(Compression.NONE).base(Long.MAX_VALUE - 3).three());
        file("v2-three-batches", "three batches, with offsets missing between them: the batches there were deleted",
                v2(Compression.NONE).base(10).three(), v2(Compression.lz4().build()).base(500).twenty(),
                v2(Compression.NONE).base(3_000_000_000L).three());
        file("v2-many-records", "delta and length fields of more than a byte, and a record of each length around those",
                v2(Compression.NONE).build(batch -> {
                    for (int length : new int[] {0, 1, 62, 63, 64, 65, 8190, 8191, 8192, 8193}) {
                        batch.append(NOW + length, new byte[length / 2], filled(length));
                    }
                    for (int i = 0; i < 120; i++) {
                        batch.append(NOW + i * 1000L, null, new byte[] {(byte) i});
                    }
                }));
        file("empty", "no bytes at all: an answer without records");
    }

    private void fields() throws Exception {
        file("v2-null-and-empty", "null, empty and other keys and values, each with each",
                v2(Compression.NONE).build(batch -> {
                    for (byte[] key : new byte[][] {null, {}, {7}}) {
                        for (byte[] value : new byte[][] {null, {}, {9}}) {
                            batch.append(NOW, key, value);
                        }
                    }
                }));
        Header[] headers = {
            header("dup", "1"), header("dup", "2"), new RecordHeader("null", null), header("empty", ""),
            header("", "a header may have an empty key"), new RecordHeader("", null), header("dup", "1"),
            header("h\u00e9\u4e16\ud83d\ude00", "a key beyond ASCII"),
        };
        file("v2-headers", "duplicate, null and empty headers, in their order", v2(Compression.NONE).build(batch -> {
            batch.append(NOW, text("k"), text("v"), headers);
            batch.append(NOW, text("none"), text("v"), NO_HEADERS);
            batch.append(NOW, (byte[]) null, null, headers);
        }));
        Header[] many = new Header[200];
        Arrays.setAll(many, i -> header("h" + i % 7, "" + i));
        file("v2-many-headers", "so many headers that their count takes two bytes",
                v2(Compression.gzip().build()).build(batch -> batch.append(NOW, text("k"), text("v"), many)));
        file("v2-header-key-not-utf8", "a header's key of bytes ff fe; Java shows U+FFFD for what is not UTF-8",
                assembled(1, 0, record(0, 0, field("k"), field("v"), bytes(2, 4, 0xff, 0xfe, 2, 'x'))));
        file("v2-record-attributes", "a record whose attributes are not zero; nobody uses them",
                assembled(2, 1, withAttributes(0xff, record(0, 0, field("k"), field("v"), bytes(0))),
                        withAttributes(0x08, record(0, 1, field("k"), field("v"), bytes(0)))));
        file("v2-batch-attributes", "attributes of a batch that no version has defined",
                sealed(set16(v2(Compression.NONE).three(), ATTRIBUTES, 0xff80)));
        file("v2-padded-varints", "a length written in more bytes than it needs",
                assembled(1, 0, bytes(0x92, 0x80, 0x80, 0, 0, 0, 0x80, 0, 2, 'k', 2, 'v', 0)));
        file("v2-negative-lengths", "a key of length -2 and a value of length -7: Java takes both for null",
                assembled(1, 0, record(0, 0, bytes(3), bytes(13), bytes(0))));
    }

    private void times() throws Exception {
        long[] times = {NOW, NOW - 1, NOW + 1, NOW - 86_400_000L * 365, -1, 0, NOW};
        file("v2-times", "timestamps before the first record's, and none (-1)", v2(Compression.NONE).build(batch -> {
            for (long time : times) {
                batch.append(time, null, text("" + time));
            }
        }));
        file("v2-no-timestamps", "records without a timestamp", v2(Compression.NONE).build(batch -> {
            batch.append(-1, null, text("a"));
            batch.append(-1, null, text("b"));
        }));
        file("v2-largest-time", "the largest timestamp, from the smallest one on", v2(Compression.NONE).build(batch -> {
            batch.append(-1, null, text("a"));
            batch.append(Long.MAX_VALUE, null, text("b"));
            batch.append(0, null, text("c"));
        }));
        byte[] longest = bytes(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1);
        byte[] largest = bytes(0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1);
        file("v2-time-deltas", "the smallest and the largest timestamp delta, on a base of -1: the first wraps",
                sealed(set64(assembled(2, 1, timed(longest, 0), timed(largest, 1)), BASE_TIMESTAMP, -1)));
        file("v2-time-wraps", "a delta that leads beyond the largest timestamp: Java wraps",
                sealed(set64(assembled(1, 0, timed(bytes(2), 0)), BASE_TIMESTAMP, Long.MAX_VALUE)));
        file("v2-append-time-none", "stamped by the broker with no time, which is -1",
                v2(Compression.NONE).appendTime(-1).three());
        file("v2-negative-times", "a base timestamp below -1, which no writer allows and every reader gets",
                sealed(set64(assembled(2, 1, timed(bytes(0), 0), timed(bytes(2), 1)), BASE_TIMESTAMP, -1000)));
    }

    private void producers() throws Exception {
        file("v2-idempotent", "id, epoch and sequence of an idempotent producer",
                v2(Compression.NONE).producer(4000, 3, 70).three());
        file("v2-sequence-wraps", "sequences that go on with 0 behind 2147483647",
                v2(Compression.NONE).producer(4000, 3, Integer.MAX_VALUE - 1).three());
        file("v2-producer-limits", "the largest id and epoch of a producer, compressed",
                v2(Compression.lz4().build()).producer(Long.MAX_VALUE, Short.MAX_VALUE, Integer.MAX_VALUE).twenty());
        file("v2-transactions", "two producers' transactions one within the other: 1 commits, 2 aborts, 1 goes on",
                v2(Compression.NONE).producer(1, 0, 0).transactional().base(0).three(),
                v2(Compression.gzip().build()).producer(2, 5, 0).transactional().base(3).twenty(),
                v2(Compression.NONE).producer(1, 0, 3).transactional().base(23).three(),
                marker(26, 1, 0, ControlRecordType.COMMIT, 11), marker(27, 2, 5, ControlRecordType.ABORT, 11),
                v2(Compression.NONE).producer(1, 0, 6).transactional().base(28).three());
    }

    private void control() throws Exception {
        file("v2-commit", "the marker of a committed transaction", marker(100, 77, 5, ControlRecordType.COMMIT, 11));
        file("v2-abort", "the marker of an aborted transaction", marker(100, 77, 5, ControlRecordType.ABORT, -1));
        var leader = new LeaderChangeMessage().setVersion((short) 0).setLeaderId(3)
                .setVoters(List.of(new LeaderChangeMessage.Voter().setVoterId(3)));
        file("v2-leader-change", "a control batch of KRaft's log: a new leader", toBytes(MemoryRecords.withLeaderChangeMessage(
                7, NOW, 2, ByteBuffer.allocate(512), leader).buffer()));
        file("v2-snapshot-header", "a control batch of KRaft's snapshots", toBytes(MemoryRecords.withSnapshotHeaderRecord(
                0, NOW, 2, ByteBuffer.allocate(512),
                new SnapshotHeaderRecord().setVersion((short) 0).setLastContainedLogTimestamp(NOW)).buffer()));
        file("v2-control-unknown", "control records of a type that nobody knows yet, and of a longer key of version 9",
                controlBatch(bytes(0, 0, 0x12, 0x34), bytes(0, 9, 0, 1, 5, 6, 7)));
        file("v2-control-between", "data, a marker, and data: the marker takes an offset and no place",
                v2(Compression.NONE).base(0).three(), marker(3, 77, 5, ControlRecordType.COMMIT, 0),
                v2(Compression.NONE).base(4).three());
        file("v2-control-short-key", "a control record whose key has three bytes", controlBatch(bytes(0, 0, 0)));
        file("v2-control-negative-version", "a control record whose key has version -1",
                controlBatch(bytes(0xff, 0xff, 0, 1)));
    }

    private void compacted() throws Exception {
        byte[] twenty = v2(Compression.NONE).base(200).producer(9, 1, 40).twenty();
        file("v2-compacted", "most records compacted away: first and last offset are still the batch's",
                compact(twenty, record -> record.offset() % 5 == 2, BatchRetention.RETAIN_EMPTY));
        file("v2-compacted-zstd", "the same, compressed",
                compact(v2(Compression.zstd().build()).base(200).twenty(), record -> record.offset() % 5 == 2,
                        BatchRetention.DELETE_EMPTY));
        file("v2-compacted-to-one", "only the last record is left",
                compact(twenty, record -> record.offset() == 219, BatchRetention.RETAIN_EMPTY));
        file("v2-compacted-empty", "a batch without records, kept for its producer's sequence, between two others",
                v2(Compression.NONE).base(197).three(),
                compact(twenty, record -> false, BatchRetention.RETAIN_EMPTY), v2(Compression.NONE).base(220).three());
        file("v2-compacted-empty-append-time", "the same, stamped by the broker, and nothing else",
                compact(v2(Compression.NONE).base(5).producer(9, 1, 4).appendTime().three(), record -> false,
                        BatchRetention.RETAIN_EMPTY));
        file("v2-delete-horizon", "a batch with tombstones: its base timestamp is the time they may go (KIP-534)",
                compact(tombstones(Compression.NONE, CREATE), record -> true, BatchRetention.DELETE_EMPTY));
        file("v2-delete-horizon-gzip", "the same, compressed, and some records gone",
                compact(tombstones(Compression.gzip().build(), CREATE), record -> record.offset() != 50,
                        BatchRetention.DELETE_EMPTY));
        file("v2-delete-horizon-append-time", "the same in a topic that is stamped by the broker",
                compact(tombstones(Compression.NONE, APPEND), record -> true, BatchRetention.DELETE_EMPTY));
        file("v2-compacted-marker", "the marker of a transaction of which nothing else is left, with its horizon",
                compact(marker(60, 9, 1, ControlRecordType.COMMIT, 4), record -> true, BatchRetention.RETAIN_EMPTY, true));
    }

    private void cut() throws Exception {
        byte[] first = v2(Compression.NONE).three();
        byte[] second = v2(Compression.NONE).base(3).three();
        for (int at : new int[] {1, 11, 12, 16, 17, 30, 60, 61, second.length - 1}) {
            file("v2-cut-at-" + at, "a second batch of which " + at + " bytes are there: the broker filled its answer",
                    first, Arrays.copyOf(second, at));
        }
        file("v2-only-cut", "no batch is there as a whole", Arrays.copyOf(first, 70));
    }

    /** Compressed streams that Kafka's writers do not make and others do. */
    private void streams() throws Exception {
        byte[] payload = twentyRecords();
        int half = payload.length / 2;
        byte[] front = Arrays.copyOf(payload, half);
        byte[] back = Arrays.copyOfRange(payload, half, payload.length);
        file("v2-zstd-content-size", "a zstd frame that tells its size, as libzstd's one-shot call writes it",
                compressed(4, 20, Zstd.compress(payload, 3)));
        file("v2-zstd-two-frames", "two zstd frames, a record across them", compressed(4, 20, Zstd.compress(front), Zstd.compress(back)));
        file("v2-zstd-skippable", "a skippable zstd frame before the other",
                compressed(4, 20, bytes(0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3), Zstd.compress(payload)));
        file("v2-gzip-two-members", "two gzip members, a record across them", compressed(1, 20, gzip(front), gzip(back)));
        byte[] plain = gzip(payload);
        byte[] named = concat(bytes(0x1f, 0x8b, 8, 0x0c, 1, 2, 3, 4, 0, 3, 2, 0, 'e', 'x', 'n', 'a', 'm', 'e', 0),
                Arrays.copyOfRange(plain, 10, plain.length));
        file("v2-gzip-name", "a gzip member with an extra field, a name, and a time", compressed(1, 20, named));
        file("v2-snappy-raw", "snappy without the framing of snappy-java, as librdkafka writes it",
                compressed(2, 20, Snappy.compress(payload)));
        byte[] magic = bytes(0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1);
        file("v2-snappy-blocks", "snappy-java's framing with a block in the middle of a record",
                compressed(2, 20, magic, sized(Snappy.compress(front)), sized(Snappy.compress(back))));
        file("v2-snappy-two-headers", "snappy-java's header once more between blocks",
                compressed(2, 20, magic, sized(Snappy.compress(front)), magic, sized(Snappy.compress(back))));
        var independent = LZ4FrameOutputStream.FLG.Bits.BLOCK_INDEPENDENCE;
        file("v2-lz4-content-size", "an lz4 frame that tells its size", compressed(3, 20,
                lz4(payload, payload.length, independent, LZ4FrameOutputStream.FLG.Bits.CONTENT_SIZE)));
        file("v2-lz4-content-checksum", "an lz4 frame with a checksum of its content", compressed(3, 20,
                lz4(payload, -1, independent, LZ4FrameOutputStream.FLG.Bits.CONTENT_CHECKSUM)));
        file("v2-lz4-block-checksums", "an lz4 frame with checksums of its blocks", compressed(3, 20,
                lz4(payload, -1, independent, LZ4FrameOutputStream.FLG.Bits.BLOCK_CHECKSUM)));
        file("v2-lz4-linked", "an lz4 frame whose blocks may refer to each other, as librdkafka can write it; Java refuses",
                compressed(3, 20, linked(lz4(payload, -1, independent))));
        file("v2-lz4-two-frames", "two lz4 frames, a record across them; Java reads only the first",
                compressed(3, 20, lz4(front, -1, independent), lz4(back, -1, independent)));
        byte[] zeros = new byte[200_000];
        file("v2-lz4-many-blocks", "so many zeros that every codec needs several blocks",
                v2(Compression.lz4().build()).build(batch -> batch.append(NOW, null, zeros)));
        file("v2-zstd-many-blocks", "the same", v2(Compression.zstd().build()).build(batch -> batch.append(NOW, null, zeros)));
    }

    private void messages() throws Exception {
        for (byte magic : new byte[] {V0, V1}) {
            String v = "v" + magic;
            file(v + "-plain", "three messages of magic " + magic, old(magic, Compression.NONE).three());
            file(v + "-null-and-empty", "null, empty and other keys and values, each with each",
                    old(magic, Compression.NONE).build(batch -> {
                        for (byte[] key : new byte[][] {null, {}, {7}}) {
                            for (byte[] value : new byte[][] {null, {}, {9}}) {
                                batch.append(NOW, key, value);
                            }
                        }
                    }));
            for (String codec : List.of("gzip", "snappy", "lz4")) {
                String more = codec.equals("lz4")
                        ? (magic == 0 ? ", its frame's header with the wrong checksum of those days (KAFKA-3160)"
                                : ", its frame's header with the right checksum")
                        : "";
                file(v + "-" + codec, "twenty messages in a wrapper compressed with " + codec + more,
                        old(magic, Compression.of(codec).build()).base(1000).twenty());
            }
            file(v + "-gaps", "messages that are not all there, since the topic is compacted",
                    message(magic, 101, NOW, text("a"), text("1"), 0), message(magic, 105, NOW, text("b"), text("2"), 0),
                    message(magic, 3_000_000_000L, NOW, text("c"), null, 0));
            file(v + "-cleaned", "what the log cleaner of Kafka 4 makes of such messages: batches of magic 2",
                    compact(old(magic, Compression.NONE).base(100).twenty(), record -> record.offset() % 4 == 1,
                            BatchRetention.DELETE_EMPTY));
            file(v + "-wrapper-cleaned", "the same of a wrapper, whose last message is gone",
                    compact(old(magic, Compression.gzip().build()).base(100).twenty(),
                            record -> record.offset() % 4 == 1, BatchRetention.DELETE_EMPTY));
            byte[] three = old(magic, Compression.NONE).three();
            file(v + "-cut", "the last message is cut", Arrays.copyOf(three, three.length - 1));
            byte[] wrapper = old(magic, Compression.snappy().build()).base(4).twenty();
            file(v + "-cut-wrapper", "the last wrapper is cut: nothing of it can be read", three,
                    Arrays.copyOf(wrapper, wrapper.length - 5));
            file(v + "-trailing-bytes", "a message that is two bytes longer than its fields, between others",
                    message(magic, 8, NOW, text("a"), text("1"), 0),
                    longer(message(magic, 9, NOW, text("b"), text("2"), 0), bytes(0xde, 0xad)),
                    message(magic, 10, NOW, text("c"), text("3"), 0));
            file(v + "-negative-lengths", "a key of length -2 and a value of length -7: Java takes both for null",
                    oldSealed(set32(set32(message(magic, 3, NOW, null, null, 0), magic == 0 ? 18 : 26, -2),
                            magic == 0 ? 22 : 30, -7)));
        }
        file("v1-append-time", "messages stamped by the broker", old(V1, Compression.NONE).appendTime().three());
        file("v1-no-timestamps", "messages of magic 1 without a timestamp",
                message(V1, 5, -1, null, text("a"), 0), message(V1, 6, -1, null, text("b"), 0));
        file("v1-times", "the smallest and largest timestamps a writer allows, and one below",
                message(V1, 5, 0, null, text("a"), 0), message(V1, 6, Long.MAX_VALUE, null, text("b"), 0),
                oldSealed(set64(message(V1, 7, 0, null, text("c"), 0), 18, Long.MIN_VALUE)));
        file("v0-append-time-bit", "a message of magic 0 with the bit that means LogAppendTime in magic 1",
                message(V0, 5, NOW, text("k"), text("v"), 8));
        file("v1-unknown-attributes", "attributes of a message that no version has defined",
                message(V1, 5, NOW, text("k"), text("v"), 0xf0), message(V0, 6, NOW, text("k"), text("v"), 0xf0));
        file("v1-last-offset", "the largest offset after which there is one more",
                message(V1, Long.MAX_VALUE - 1, NOW, text("k"), text("v"), 0));
    }

    private void wrappers() throws Exception {
        file("v1-wrapper-append-time", "the wrapper was stamped: its time stands for that of every message in it",
                old(V1, Compression.gzip().build()).base(30).appendTime().twenty());
        file("v1-wrapper-stamped-later", "the wrapper was stamped by a broker that left what is in it as it was",
                wrapper(V1, 34, 1 | 8, NOW + 5000, gzip(concat(message(V1, 0, NOW, text("a"), text("1"), 0),
                        message(V1, 1, NOW - 7, text("b"), text("2"), 0), message(V1, 4, -1, text("c"), null, 8)))));
        file("v1-wrapper-of-stamped", "stamped messages in a wrapper that is not: their times are the producer's to Java",
                wrapper(V1, 31, 1, NOW + 5000, gzip(concat(message(V1, 0, NOW, text("a"), text("1"), 8),
                        message(V1, 1, NOW - 7, text("b"), text("2"), 8)))));
        file("v1-wrapper-of-one", "a wrapper around one message, at offset 0", old(V1, Compression.lz4().build()).build(
                batch -> batch.append(NOW, text("k"), text("v"))));
        file("v1-two-wrappers", "wrappers, a message between them", old(V1, Compression.gzip().build()).base(40).twenty(),
                message(V1, 60, NOW, text("k"), text("v"), 0), old(V1, Compression.snappy().build()).base(61).twenty());
        byte[][] relative = {message(V1, 0, NOW, text("a"), text("1"), 0), message(V1, 1, NOW + 5, text("b"), text("2"), 0),
            message(V1, 4, NOW - 5, text("c"), null, 0)};
        file("v1-wrapper-relative", "offsets 0, 1 and 4 within a wrapper at 104: 100, 101 and 104",
                wrapper(V1, 104, 1, NOW + 5, gzip(concat(relative))));
        file("v1-wrapper-at-zero", "a wrapper at offset 0 around three messages, as old librdkafka sent it",
                wrapper(V1, 0, 1, NOW, gzip(concat(relative))));
        file("v1-wrapper-relative-from-5", "the first messages of a wrapper compacted away: 5, 6 and 9 at 109 are 105, 106 and 109",
                wrapper(V1, 109, 1, NOW, gzip(concat(message(V1, 5, NOW, text("a"), text("1"), 0),
                        message(V1, 6, NOW, text("b"), text("2"), 0), message(V1, 9, NOW, text("c"), text("3"), 0)))));
        byte[][] absolute = {message(V0, 100, 0, text("a"), text("1"), 0), message(V0, 104, 0, text("b"), null, 0)};
        file("v0-wrapper-absolute", "offsets within a wrapper of magic 0 are those of the log",
                wrapper(V0, 104, 1, 0, gzip(concat(absolute))));
        file("v0-wrapper-lz4-right-checksum", "lz4 in magic 0 with the right header checksum, as other clients wrote it",
                wrapper(V0, 104, 3, 0, lz4(concat(absolute), -1, LZ4FrameOutputStream.FLG.Bits.BLOCK_INDEPENDENCE)));
        file("v0-wrapper-snappy-raw", "snappy without framing", wrapper(V0, 104, 2, 0, Snappy.compress(concat(absolute))));
        file("v1-wrapper-of-v0", "messages of magic 0 in a wrapper of magic 1: relative offsets, no timestamps",
                wrapper(V1, 51, 1, NOW, gzip(concat(message(V0, 0, 0, text("a"), text("1"), 0),
                        message(V1, 1, NOW + 1, text("b"), text("2"), 0)))));
        file("v1-wrapper-of-v0-append-time", "the same, stamped: what has no timestamp does not get one",
                wrapper(V1, 51, 1 | 8, NOW, gzip(concat(message(V0, 0, 0, text("a"), text("1"), 0),
                        message(V1, 1, NOW + 1, text("b"), text("2"), 0)))));
        file("v0-wrapper-of-v1", "messages of magic 1 in a wrapper of magic 0: absolute offsets, timestamps of their own",
                wrapper(V0, 51, 1, 0, gzip(concat(message(V1, 50, NOW, text("a"), text("1"), 0),
                        message(V1, 51, NOW + 1, text("b"), text("2"), 8)))));
        file("v1-wrapper-cut-inside", "the last message within a wrapper is cut: it is left out",
                wrapper(V1, 101, 1, NOW, gzip(concat(relative[0], relative[1],
                        Arrays.copyOf(relative[2], relative[2].length - 1)))));
        file("v1-wrapper-cut-inside-length", "the same, within its length",
                wrapper(V1, 101, 1, NOW, gzip(concat(relative[0], relative[1], Arrays.copyOf(relative[2], 11)))));
        byte[] twenty = message(V1, 0, NOW, null, text("a value that is compressed well, number 0"), 0);
        for (int i = 1; i < 20; i++) {
            twenty = concat(twenty, message(V1, i, NOW + i, null, text("a value that is compressed well, number " + i), 0));
        }
        file("v1-lz4-linked", "an lz4 frame whose blocks may refer to each other; Java refuses",
                wrapper(V1, 119, 3, NOW, linked(lz4(twenty, -1, LZ4FrameOutputStream.FLG.Bits.BLOCK_INDEPENDENCE))));
        file("v1-gzip-two-members", "a wrapper of two gzip members",
                wrapper(V1, 119, 1, NOW, concat(gzip(Arrays.copyOf(twenty, 300)),
                        gzip(Arrays.copyOfRange(twenty, 300, twenty.length)))));
        file("v1-wrapper-key", "a wrapper with a key, which means nothing",
                message(V1, 104, NOW, text("key"), gzip(concat(relative)), 1));
    }

    private void mixed() throws Exception {
        file("mixed-v0-v1-v2", "a log that lived through every format", old(V0, Compression.NONE).base(0).three(),
                old(V0, Compression.gzip().build()).base(3).twenty(), old(V1, Compression.NONE).base(23).three(),
                old(V1, Compression.lz4().build()).base(26).twenty(), v2(Compression.NONE).base(46).three(),
                v2(Compression.zstd().build()).base(49).twenty());
        file("mixed-v2-v1", "an older format behind a newer one, after a topic's format was set back",
                v2(Compression.NONE).base(0).three(), old(V1, Compression.snappy().build()).base(3).twenty());
        byte[] last = old(V1, Compression.NONE).base(3).three();
        file("mixed-cut", "a cut message of magic 1 behind a batch", v2(Compression.NONE).three(), Arrays.copyOf(last, 20));
    }

    // What nobody should write.

    private void hostileBatches() throws Exception {
        byte[] good = v2(Compression.NONE).three();
        byte[] bad = v2(Compression.NONE).base(3).three();
        bad[bad.length - 2] ^= 1;
        file("bad-v2-crc", "a bit of the records is changed", Arrays.copyOf(bad, bad.length));
        file("bad-v2-crc-second", "the same in the second batch of three", good, bad, v2(Compression.NONE).base(6).three());
        file("bad-v2-crc-attributes", "a bit of the attributes is changed", set16(good.clone(), ATTRIBUTES, 0x10));
        for (int magic : new int[] {3, 127, -1, -128}) {
            file("bad-magic-" + (magic & 0xff), "a batch of magic " + magic, good, set8(good.clone(), MAGIC, magic));
        }
        for (int length : new int[] {-1, 0, 13, 14, 48, Integer.MIN_VALUE}) {
            file("bad-v2-length-" + (length < 0 ? "minus-" + -(long) length : length), "a batch of length " + length,
                    set32(good.clone(), LENGTH, length));
        }
        file("bad-v2-length-huge", "a batch of 2 GiB, of which some bytes are there", set32(good.clone(), LENGTH, Integer.MAX_VALUE));
        file("bad-v2-count-negative", "a batch of -1 records", sealed(set32(good.clone(), COUNT, -1)));
        file("bad-v2-count-more", "a batch with fewer records than it counts", sealed(set32(good.clone(), COUNT, 4)));
        file("bad-v2-count-less", "a batch with more records than it counts", sealed(set32(good.clone(), COUNT, 2)));
        file("bad-v2-count-none", "a batch with records that counts none", sealed(set32(good.clone(), COUNT, 0)));
        file("bad-v2-count-huge", "a batch of 2147483647 records, three of which are there",
                sealed(set32(good.clone(), COUNT, Integer.MAX_VALUE)));
        byte[] zstd = v2(Compression.zstd().build()).twenty();
        file("bad-v2-count-more-zstd", "the same in a compressed batch", sealed(set32(zstd.clone(), COUNT, 21)));
        file("bad-v2-count-less-zstd", "the same in a compressed batch", sealed(set32(zstd.clone(), COUNT, 19)));
        file("bad-v2-last-delta", "a last offset delta of -1: the batch ends before it begins",
                sealed(set32(good.clone(), LAST_DELTA, -1)));
        for (int codec = 5; codec < 8; codec++) {
            file("bad-v2-codec-" + codec, "a codec that does not exist", sealed(set16(good.clone(), ATTRIBUTES, codec)));
        }
    }

    private void hostileRecords() throws Exception {
        byte[] k = field("k");
        byte[] v = field("v");
        byte[] good = record(0, 0, k, v, bytes(0));
        file("bad-record-length-negative", "a record of length -1", assembled(1, 0, bytes(1, 0)));
        file("bad-record-length-zero", "a record of no bytes", assembled(1, 0, bytes(0)));
        file("bad-record-length-more", "a record longer than its batch", assembled(1, 0, bytes(40, 0, 0, 0, 2, 'k', 2, 'v', 0)));
        file("bad-record-length-less", "a record longer than its length, and one more", assembled(2, 1,
                bytes(12, 0, 0, 0, 2, 'k', 2, 'v', 0), record(0, 1, k, v, bytes(0))));
        file("bad-record-trailing", "a byte behind a record's last field", assembled(1, 0, bytes(18, 0, 0, 0, 2, 'k', 2, 'v', 0, 0)));
        file("bad-record-key-length", "a key longer than its record", assembled(1, 0, record(0, 0, bytes(100, 'k'), v, bytes(0))));
        file("bad-record-value-length", "a value longer than its record", assembled(1, 0, record(0, 0, k, bytes(100, 'v'), bytes(0))));
        file("bad-record-headers-negative", "-1 headers", assembled(1, 0, record(0, 0, k, v, bytes(1))));
        file("bad-record-headers-more", "more headers than there are", assembled(1, 0, record(0, 0, k, v, bytes(4, 2, 'h', 1))));
        file("bad-record-headers-huge", "1073741823 headers", assembled(1, 0,
                record(0, 0, k, v, bytes(0xfe, 0xff, 0xff, 0xff, 7))));
        file("bad-record-header-key-null", "a header whose key is null", assembled(1, 0, record(0, 0, k, v, bytes(2, 1, 1))));
        file("bad-record-header-value-length", "a header's value longer than its record",
                assembled(1, 0, record(0, 0, k, v, bytes(2, 2, 'h', 100))));
        file("bad-record-varint-long", "a length of six bytes", assembled(1, 0, bytes(0x80, 0x80, 0x80, 0x80, 0x80, 0)));
        file("bad-record-varint-bits", "a key's length of more bits than its type has; Java loses those",
                assembled(1, 0, record(0, 0, bytes(0x82, 0x80, 0x80, 0x80, 0x10, 'k'), v, bytes(0))));
        file("bad-record-varlong-long", "a timestamp delta of eleven bytes", assembled(1, 0,
                timed(bytes(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0), 0)));
        file("bad-record-varlong-bits", "a timestamp delta of more bits than its type has; Java loses those",
                assembled(1, 0, timed(bytes(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2), 0)));
        file("bad-record-cut-varint", "a batch that ends within a length", assembled(2, 1, good, bytes(0x80)));
        file("bad-record-offset-twice", "two records of the same offset; Java does not look",
                assembled(2, 1, good, record(0, 0, k, v, bytes(0))));
        file("bad-record-offset-back", "a record's offset below the batch's first; Java does not look",
                assembled(1, 0, record(0, -1, k, v, bytes(0))));
        file("bad-record-offset-beyond", "a record's offset above the batch's last; Java does not look",
                assembled(1, 0, record(0, 7, k, v, bytes(0))));
    }

    private void hostileStreams() throws Exception {
        byte[] payload = twentyRecords();
        var independent = LZ4FrameOutputStream.FLG.Bits.BLOCK_INDEPENDENCE;
        byte[][] streams = {gzip(payload), Snappy.compress(payload), lz4(payload, -1, independent), Zstd.compress(payload)};
        for (int codec = 1; codec <= 4; codec++) {
            byte[] whole = streams[codec - 1];
            String name = List.of("gzip", "snappy", "lz4", "zstd").get(codec - 1);
            file("bad-" + name + "-cut", "a " + name + " stream that ends early, in a batch that is whole",
                    compressed(codec, 20, Arrays.copyOf(whole, whole.length / 2)));
            file("bad-" + name + "-empty", "no " + name + " stream at all", compressed(codec, 20));
            file("bad-" + name + "-noise", "records that are not compressed with " + name, compressed(codec, 20, payload));
        }
        byte[] lz4 = streams[2].clone();
        lz4[6] ^= 1;
        file("bad-lz4-header-checksum", "magic 2 with the wrong lz4 header checksum of magic 0", compressed(3, 20, lz4));
        byte[] content = lz4(payload, -1, independent, LZ4FrameOutputStream.FLG.Bits.CONTENT_CHECKSUM);
        content[content.length - 1] ^= 1;
        file("bad-lz4-content-checksum", "an lz4 frame whose content is not what its checksum says; Java does not look",
                compressed(3, 20, content));
        byte[] gzip = streams[0].clone();
        gzip[gzip.length - 8] ^= 1;
        file("bad-gzip-checksum", "a gzip member whose content is not what its checksum says", compressed(1, 20, gzip));
    }

    private void hostileMessages() throws Exception {
        byte[] inner = message(V1, 0, NOW, text("a"), text("1"), 0);
        for (byte magic : new byte[] {V0, V1}) {
            String v = "bad-v" + magic;
            byte[] changed = message(magic, 4, NOW, text("k"), text("v"), 0);
            changed[changed.length - 1] ^= 1;
            file(v + "-crc", "a bit of a message is changed", message(magic, 3, NOW, text("k"), text("v"), 0), changed);
            byte[] within = concat(message(magic, 0, NOW, text("k"), text("v"), 0), set64(changed.clone(), 0, 1));
            file(v + "-inner-crc", "a bit of a message in a wrapper is changed", wrapper(magic, 1, 1, NOW, gzip(within)));
            file(v + "-nested", "a wrapper in a wrapper", wrapper(magic, 0, 1, NOW, gzip(
                    wrapper(magic, 0, 1, NOW, gzip(message(magic, 0, NOW, text("k"), text("v"), 0))))));
            file(v + "-zstd", "zstd, which magic " + magic + " does not have",
                    wrapper(magic, 0, 4, NOW, Zstd.compress(message(magic, 0, NOW, text("k"), text("v"), 0))));
            file(v + "-codec-5", "a codec that does not exist", wrapper(magic, 0, 5, NOW, inner));
            file(v + "-null-wrapper", "a wrapper without a value", wrapper(magic, 0, 1, NOW, null));
            file(v + "-empty-wrapper", "a wrapper around nothing", wrapper(magic, 0, 1, NOW, gzip(new byte[0])));
            file(v + "-empty-stream", "a wrapper of no bytes", wrapper(magic, 0, 1, NOW, new byte[0]));
            int keyAt = magic == 0 ? 18 : 26;
            file(v + "-key-length", "a key longer than its message",
                    oldSealed(set32(message(magic, 0, NOW, text("k"), text("v"), 0), keyAt, 100)));
            file(v + "-value-length", "a value longer than its message",
                    oldSealed(set32(message(magic, 0, NOW, text("k"), text("v"), 0), keyAt + 5, 100)));
        }
        byte[] lz4 = lz4(inner, -1, LZ4FrameOutputStream.FLG.Bits.BLOCK_INDEPENDENCE);
        lz4[6] ^= 1;
        file("bad-v1-lz4-header-checksum", "magic 1 with the wrong lz4 header checksum of magic 0", wrapper(V1, 0, 3, NOW, lz4));
        file("bad-v1-short", "a message of magic 1 too short for its timestamp",
                oldSealed(set32(Arrays.copyOf(message(V1, 0, NOW, null, null, 0), 26), LENGTH, 14)));
        file("bad-v1-wrapper-offset", "a wrapper at offset 3 around a message at 5",
                wrapper(V1, 3, 1, NOW, gzip(message(V1, 5, NOW, text("a"), text("1"), 0))));
        file("bad-v1-inner-length", "a message of 13 bytes in a wrapper, less than any message has",
                wrapper(V1, 3, 1, NOW, gzip(concat(inner, set32(message(V1, 3, NOW, text("a"), text("1"), 0), LENGTH, 13)))));
        file("bad-v1-inner-length-negative", "a message of -1 bytes in a wrapper",
                wrapper(V1, 3, 1, NOW, gzip(concat(inner, set32(message(V1, 3, NOW, text("a"), text("1"), 0), LENGTH, -1)))));
        file("bad-v1-inner-magic", "a message of magic 2 in a wrapper; Java reads it as magic 1",
                wrapper(V1, 0, 1, NOW, gzip(oldSealed(set8(inner.clone(), OLD_MAGIC, 2)))));
        file("bad-v0-offsets-back", "offsets that go back within a wrapper of magic 0; Java does not look",
                wrapper(V0, 6, 1, 0, gzip(concat(message(V0, 6, 0, null, text("a"), 0), message(V0, 5, 0, null, text("b"), 0)))));
        file("bad-v0-offset-beyond", "an offset above that of its wrapper of magic 0; Java does not look",
                wrapper(V0, 6, 1, 0, gzip(concat(message(V0, 5, 0, null, text("a"), 0), message(V0, 9, 0, null, text("b"), 0)))));
        file("bad-v1-gzip-cut", "a wrapper whose stream ends early", wrapper(V1, 0, 1, NOW,
                Arrays.copyOf(gzip(inner), 20)));
    }

    // The means.

    private void file(String name, String about, byte[]... parts) throws Exception {
        (DISPUTED.contains(name) ? disputed : records).add(name, about, concat(parts));
    }

    private interface Filling {
        void fill(MemoryRecordsBuilder batch);
    }

    private static Batch v2(Compression compression) {
        return new Batch(V2, compression);
    }

    private static Batch old(byte magic, Compression compression) {
        return new Batch(magic, compression);
    }

    /** What Kafka's builder is told. */
    private static final class Batch {
        private final byte magic;
        private final Compression compression;
        private TimestampType type;
        private long appendTime = RecordBatch.NO_TIMESTAMP;
        private long base;
        private long producer = RecordBatch.NO_PRODUCER_ID;
        private short epoch = RecordBatch.NO_PRODUCER_EPOCH;
        private int sequence = RecordBatch.NO_SEQUENCE;
        private boolean transactional;
        private int leaderEpoch = RecordBatch.NO_PARTITION_LEADER_EPOCH;

        Batch(byte magic, Compression compression) {
            this.magic = magic;
            this.compression = compression;
            type = magic == V0 ? NONE : CREATE;
        }

        Batch appendTime() {
            return appendTime(NOW + 5000);
        }

        Batch appendTime(long time) {
            type = APPEND;
            appendTime = time;
            return this;
        }

        Batch base(long offset) {
            base = offset;
            return this;
        }

        Batch leaderEpoch(int epoch) {
            leaderEpoch = epoch;
            return this;
        }

        Batch producer(long id, int epoch, int sequence) {
            producer = id;
            this.epoch = (short) epoch;
            this.sequence = sequence;
            return this;
        }

        Batch transactional() {
            transactional = true;
            return this;
        }

        byte[] three() {
            return build(batch -> {
                Header[] one = magic < V2 ? NO_HEADERS : new Header[] {header("h", "x")};
                batch.append(NOW, text("k1"), text("first"), one);
                batch.append(NOW + 10, null, text("second"), NO_HEADERS);
                batch.append(NOW + 5, text("k3"), null, NO_HEADERS);
            });
        }

        byte[] twenty() {
            return build(batch -> {
                for (int i = 0; i < 20; i++) {
                    batch.append(NOW + i, text("key-" + i % 3), text("a value that is compressed well, number " + i));
                }
            });
        }

        byte[] build(Filling filling) {
            MemoryRecordsBuilder batch = MemoryRecords.builder(ByteBuffer.allocate(1024), magic, compression, type, base,
                    appendTime, producer, epoch, sequence, transactional, leaderEpoch);
            filling.fill(batch);
            return toBytes(batch.build().buffer());
        }
    }

    private static byte[] marker(long offset, long producer, int epoch, ControlRecordType type, int coordinator) {
        return toBytes(MemoryRecords.withEndTransactionMarker(offset, NOW, 4, producer, (short) epoch,
                new EndTransactionMarker(type, coordinator)).buffer());
    }

    private static byte[] controlBatch(byte[]... keys) {
        MemoryRecordsBuilder batch = MemoryRecords.builder(ByteBuffer.allocate(512), V2, Compression.NONE, CREATE, 40,
                RecordBatch.NO_TIMESTAMP, 77, (short) 5, RecordBatch.NO_SEQUENCE, true, false, 4);
        for (int i = 0; i < keys.length; i++) {
            batch.appendWithOffset(40 + i, NOW, keys[i], bytes(0, 0, 0, 0, 0, 1));
        }
        // The builder refuses control records of its own making.
        byte[] built = sealBuilder(batch);
        return sealed(set16(built, ATTRIBUTES, 0x30));
    }

    /** Builds a transactional batch without sequence, which only control batches are. */
    private static byte[] sealBuilder(MemoryRecordsBuilder batch) {
        batch.setProducerState(77, (short) 5, 0, true);
        return set32(toBytes(batch.build().buffer()), 53, -1);
    }

    private static byte[] tombstones(Compression compression, TimestampType type) {
        Batch batch = v2(compression).base(50);
        if (type == APPEND) {
            batch.appendTime();
        }
        return batch.build(building -> {
            building.append(NOW, text("gone"), null);
            building.append(NOW + 1, text("stays"), text("v"));
            building.append(NOW + 2, text("gone too"), null);
        });
    }

    private static byte[] compact(byte[] log, Predicate<Record> kept, BatchRetention retention) {
        return compact(log, kept, retention, false);
    }

    /** What Kafka's log cleaner makes of a log. */
    private static byte[] compact(byte[] log, Predicate<Record> kept, BatchRetention retention, boolean emptyTransaction) {
        var filter = new RecordFilter(NOW + 60_000, 86_400_000) {
            @Override
            protected BatchRetentionResult checkBatchRetention(RecordBatch batch) {
                return new BatchRetentionResult(retention, emptyTransaction);
            }

            @Override
            protected boolean shouldRetainRecord(RecordBatch batch, Record record) {
                return kept.test(record);
            }
        };
        ByteBuffer cleaned = ByteBuffer.allocate(64 * 1024);
        ByteBuffer output = MemoryRecords.readableRecords(ByteBuffer.wrap(log))
                .filterTo(filter, cleaned, BufferSupplier.NO_CACHING).outputBuffer();
        output.flip();
        return toBytes(output);
    }

    /** The records of a batch as they are before they are compressed. */
    private static byte[] twentyRecords() {
        byte[] plain = v2(Compression.NONE).twenty();
        return Arrays.copyOfRange(plain, RECORDS, plain.length);
    }

    /** A batch around records that are compressed already. */
    private static byte[] compressed(int codec, int count, byte[]... streams) {
        return set16Sealed(assembled(count, count - 1, streams), codec);
    }

    private static byte[] set16Sealed(byte[] batch, int attributes) {
        return sealed(set16(batch, ATTRIBUTES, attributes));
    }

    /** A batch at offset 10 with these bytes for records. */
    private static byte[] assembled(int count, int lastDelta, byte[]... records) {
        byte[] header = Arrays.copyOf(v2(Compression.NONE).base(10).three(), RECORDS);
        byte[] batch = concat(header, concat(records));
        set32(batch, LENGTH, batch.length - 12);
        set32(batch, LAST_DELTA, lastDelta);
        return sealed(set32(batch, COUNT, count));
    }

    /** A record of fields that are encoded already; deltas of a byte. */
    private static byte[] record(int timestampDelta, int offsetDelta, byte[] key, byte[] value, byte[] headers) {
        byte[] body = concat(bytes(0, zigzag(timestampDelta), zigzag(offsetDelta)), key, value, headers);
        return concat(bytes(body.length * 2), body);
    }

    private static byte[] timed(byte[] timestampDelta, int offsetDelta) {
        byte[] body = concat(bytes(0), timestampDelta, bytes(zigzag(offsetDelta), 1, 1, 0));
        return concat(bytes(body.length * 2), body);
    }

    private static byte[] withAttributes(int attributes, byte[] record) {
        return set8(record, 1, attributes);
    }

    private static int zigzag(int value) {
        return (value << 1) ^ (value >> 31);
    }

    private static byte[] field(String text) {
        return concat(bytes(text.length() * 2), text(text));
    }

    /** A message with bytes behind its fields that its length counts. */
    private static byte[] longer(byte[] message, byte[] tail) {
        byte[] longer = concat(message, tail);
        return oldSealed(set32(longer, LENGTH, longer.length - 12));
    }

    /** A message set of one message. */
    private static byte[] message(byte magic, long offset, long time, byte[] key, byte[] value, int attributes) {
        var record = LegacyRecord.create(magic, magic == V0 ? RecordBatch.NO_TIMESTAMP : time, key, value,
                CompressionType.NONE, magic == V0 ? NONE : CREATE);
        byte[] body = toBytes(record.buffer());
        byte[] head = set32(set64(new byte[12], 0, offset), LENGTH, body.length);
        return oldSealed(set8(concat(head, body), OLD_ATTRIBUTES, attributes));
    }

    /** A message that holds others. */
    private static byte[] wrapper(byte magic, long offset, int attributes, long time, byte[] stream) {
        return message(magic, offset, time, null, stream, attributes);
    }

    /** With the checksum that a batch of magic 2 must have. */
    private static byte[] sealed(byte[] batch) {
        CRC32C crc = new CRC32C();
        crc.update(batch, ATTRIBUTES, batch.length - ATTRIBUTES);
        return set32(batch, CRC, (int) crc.getValue());
    }

    /** With the checksum that a message of magic 0 or 1 must have. */
    private static byte[] oldSealed(byte[] message) {
        CRC32 crc = new CRC32();
        crc.update(message, OLD_MAGIC, message.length - OLD_MAGIC);
        return set32(message, OLD_CRC, (int) crc.getValue());
    }

    private static byte[] gzip(byte[] plain) throws Exception {
        var out = new ByteArrayOutputStream();
        try (OutputStream gzip = new GZIPOutputStream(out)) {
            gzip.write(plain);
        }
        return out.toByteArray();
    }

    private static byte[] lz4(byte[] plain, long size, LZ4FrameOutputStream.FLG.Bits... flags) throws Exception {
        var out = new ByteArrayOutputStream();
        try (OutputStream lz4 =
                new LZ4FrameOutputStream(out, LZ4FrameOutputStream.BLOCKSIZE.SIZE_64KB, size, flags)) {
            lz4.write(plain);
        }
        return out.toByteArray();
    }

    /** Says of an lz4 frame that its blocks depend on each other. */
    private static byte[] linked(byte[] frame) {
        frame[4] &= ~0x20;
        int hash = XXHashFactory.fastestJavaInstance().hash32().hash(frame, 4, 2, 0);
        frame[6] = (byte) (hash >> 8);
        return frame;
    }

    private static byte[] sized(byte[] block) {
        return concat(set32(new byte[4], 0, block.length), block);
    }

    private static Header header(String key, String value) {
        return new RecordHeader(key, text(value));
    }

    private static byte[] text(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] filled(int length) {
        byte[] filled = new byte[length];
        Arrays.fill(filled, (byte) 'v');
        return filled;
    }

    private static byte[] bytes(int... values) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[i] = (byte) values[i];
        }
        return bytes;
    }

    private static byte[] concat(byte[]... parts) {
        var out = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            out.writeBytes(part);
        }
        return out.toByteArray();
    }

    private static byte[] toBytes(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }

    private static byte[] set8(byte[] bytes, int at, int value) {
        bytes[at] = (byte) value;
        return bytes;
    }

    private static byte[] set16(byte[] bytes, int at, int value) {
        ByteBuffer.wrap(bytes).putShort(at, (short) value);
        return bytes;
    }

    private static byte[] set32(byte[] bytes, int at, int value) {
        ByteBuffer.wrap(bytes).putInt(at, value);
        return bytes;
    }

    private static byte[] set64(byte[] bytes, int at, long value) {
        ByteBuffer.wrap(bytes).putLong(at, value);
        return bytes;
    }
}
