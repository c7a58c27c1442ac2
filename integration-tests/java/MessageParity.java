import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.jar.JarFile;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.InvalidMetadataException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.message.ResponseHeaderData;
import org.apache.kafka.common.protocol.ApiKeys;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;
import org.apache.kafka.common.record.internal.MemoryRecords;

/**
 * Answers what the parity tests ask about Kafka's messages, until its input ends. Questions and answers
 * are frames: a length of four bytes, then so many bytes; there is one answer for each question.
 * tests/parity/oracle.rs is the other side and describes them.
 */
public final class MessageParity {
    private static final ObjectMapper JSON =
            new ObjectMapper().configure(JsonParser.Feature.ALLOW_COMMENTS, true);

    public static void main(String[] args) throws Exception {
        Map<String, String> definitions = definitions();
        MessageParity parity = new MessageParity(definitions);
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in, 1 << 16));
        DataOutputStream out = new DataOutputStream(new BufferedOutputStream(System.out, 1 << 16));
        while (true) {
            int length;
            try {
                length = in.readInt();
            } catch (EOFException end) {
                return;
            }
            byte[] answer = parity.answer(in.readNBytes(length));
            out.writeInt(answer.length);
            out.write(answer);
            if (in.available() == 0) {
                out.flush();
            }
        }
    }

    private final Map<String, String> texts;
    private final Map<String, JsonNode> parsed = new HashMap<>();

    private MessageParity(Map<String, String> texts) {
        this.texts = texts;
    }

    /** The files that Kafka's own generator makes its classes from, which are in the jar as well. */
    private static Map<String, String> definitions() throws Exception {
        Path jar = Path.of(ApiKeys.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        Map<String, String> found = new TreeMap<>();
        try (JarFile file = new JarFile(jar.toFile())) {
            for (var entry : (Iterable<java.util.jar.JarEntry>) file.stream()::iterator) {
                String name = entry.getName();
                if (name.startsWith("common/message/") && name.endsWith(".json")) {
                    byte[] bytes = file.getInputStream(entry).readAllBytes();
                    String stem = name.substring("common/message/".length(), name.length() - 5);
                    found.put(stem, new String(bytes, StandardCharsets.UTF_8));
                }
            }
        }
        return found;
    }

    private byte[] answer(byte[] question) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        try {
            DataInputStream in = new DataInputStream(new ByteArrayInputStream(question));
            byte[] answer = switch (in.readByte()) {
                case 'D' -> allDefinitions();
                case 'E' -> errors();
                case 'A' -> again(in);
                case 'C' -> converted(in);
                case 'M' -> make(in);
                default -> throw new IllegalArgumentException("no such question");
            };
            out.writeByte(0);
            out.write(answer);
        } catch (Throwable error) {
            out.writeByte(1);
            out.write(String.valueOf(error).getBytes(StandardCharsets.UTF_8));
        }
        return bytes.toByteArray();
    }

    private byte[] allDefinitions() throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        for (String text : texts.values()) {
            byte[] encoded = text.getBytes(StandardCharsets.UTF_8);
            out.writeInt(encoded.length);
            out.write(encoded);
        }
        return bytes.toByteArray();
    }

    private static byte[] errors() {
        StringBuilder lines = new StringBuilder();
        for (Errors error : Errors.values()) {
            Exception exception = error.exception();
            lines.append(error.code()).append(' ').append(error.name())
                    .append(' ').append(exception instanceof RetriableException)
                    .append(' ').append(exception instanceof InvalidMetadataException).append('\n');
        }
        return lines.toString().getBytes(StandardCharsets.UTF_8);
    }

    /** Reads a message and writes it again. */
    private byte[] again(DataInputStream in) throws Exception {
        Subject subject = new Subject(in);
        ByteBuffer buffer = ByteBuffer.wrap(in.readAllBytes());
        Message header = subject.header();
        if (header != null) {
            header.read(new ByteBufferAccessor(buffer), subject.headerVersion());
            subject.check(header);
        }
        Message message = subject.message();
        message.read(new ByteBufferAccessor(buffer), subject.version);
        if (buffer.hasRemaining()) {
            throw new IllegalStateException(buffer.remaining() + " bytes are left over");
        }
        return write(subject, header, message);
    }

    /** Reads a message, without a header, and writes it at another version. */
    private byte[] converted(DataInputStream in) throws Exception {
        Subject subject = new Subject(in);
        short version = in.readShort();
        ByteBuffer buffer = ByteBuffer.wrap(in.readAllBytes());
        Message message = subject.message();
        message.read(new ByteBufferAccessor(buffer), subject.version);
        return writeBare(message, version);
    }

    /** Makes a message at random and writes it. */
    private byte[] make(DataInputStream in) throws Exception {
        Subject subject = new Subject(in);
        Filler filler = new Filler(subject, in.readLong());
        Message header = subject.header();
        if (header instanceof RequestHeaderData request) {
            request.setRequestApiKey(subject.key).setRequestApiVersion(subject.version)
                    .setCorrelationId(filler.random.nextInt())
                    .setClientId(filler.random.nextInt(4) == 0 ? null : filler.string());
        } else if (header instanceof ResponseHeaderData response) {
            response.setCorrelationId(filler.random.nextInt());
        }
        Message message = subject.message();
        filler.fill(message, subject.definition.get("fields"));
        return write(subject, header, message);
    }

    private static byte[] write(Subject subject, Message header, Message message) {
        byte[] body = writeBare(message, subject.version);
        if (header == null) {
            return body;
        }
        byte[] front = writeBare(header, subject.headerVersion());
        return ByteBuffer.allocate(front.length + body.length).put(front).put(body).array();
    }

    private static byte[] writeBare(Message message, short version) {
        ObjectSerializationCache cache = new ObjectSerializationCache();
        ByteBuffer buffer = ByteBuffer.allocate(message.size(cache, version));
        message.write(new ByteBufferAccessor(buffer), cache, version);
        if (buffer.hasRemaining()) {
            throw new IllegalStateException("fewer bytes than promised");
        }
        return buffer.array();
    }

    /** What a question is about: a message at a version, alone or with its header. */
    private final class Subject {
        final String name = "org.apache.kafka.common.message.";
        final Class<?> type;
        final JsonNode definition;
        final short version;
        final short key;
        final boolean framed;

        Subject(DataInputStream in) throws Exception {
            String message = in.readUTF();
            version = in.readShort();
            framed = in.readBoolean();
            definition = parsed.computeIfAbsent(message, this::parse);
            key = (short) definition.path("apiKey").asInt(-1);
            type = Class.forName(name + message + (key < 0 ? "" : "Data"));
        }

        private JsonNode parse(String message) {
            try {
                return JSON.readTree(texts.get(message));
            } catch (IOException error) {
                throw new IllegalStateException(message, error);
            }
        }

        Message message() throws Exception {
            return (Message) type.getDeclaredConstructor().newInstance();
        }

        boolean isRequest() {
            return definition.get("type").asText().equals("request");
        }

        Message header() {
            if (!framed) {
                return null;
            }
            return isRequest() ? new RequestHeaderData() : new ResponseHeaderData();
        }

        short headerVersion() {
            ApiKeys api = ApiKeys.forId(key);
            return isRequest() ? api.requestHeaderVersion(version) : api.responseHeaderVersion(version);
        }

        void check(Message header) {
            if (header instanceof RequestHeaderData request
                    && (request.requestApiKey() != key || request.requestApiVersion() != version)) {
                throw new IllegalStateException("a header of something else: " + request);
            }
        }
    }

    /** Fills messages by what their definitions say that a version can carry. */
    private static final class Filler {
        private static final int[] LETTERS = {'a', 'Z', '7', '.', 'ß', '€', 0x1f980};

        final SplittableRandom random;
        private final Subject subject;

        Filler(Subject subject, long seed) {
            this.subject = subject;
            this.random = new SplittableRandom(seed);
        }

        void fill(Object target, JsonNode fields) throws Exception {
            for (JsonNode field : fields) {
                if (!holds(field.get("versions"))) {
                    continue;
                }
                // A tagged field that has its default is not written at all.
                if (holds(field.get("taggedVersions")) && random.nextInt(3) == 0) {
                    continue;
                }
                String name = field.get("name").asText();
                Field slot = target.getClass()
                        .getDeclaredField(Character.toLowerCase(name.charAt(0)) + name.substring(1));
                slot.setAccessible(true);
                boolean isNull = holds(field.get("nullableVersions")) && random.nextInt(3) == 0;
                String type = field.get("type").asText();
                slot.set(target, isNull ? null : value(slot.getType(), type, field.get("fields")));
            }
        }

        @SuppressWarnings("unchecked")
        private Object value(Class<?> slot, String type, JsonNode fields) throws Exception {
            if (type.startsWith("[]")) {
                Collection<Object> elements = slot == List.class
                        ? new ArrayList<>()
                        : (Collection<Object>) slot.getDeclaredConstructor().newInstance();
                for (int left = random.nextInt(4); left > 0; left--) {
                    elements.add(value(Object.class, type.substring(2), fields));
                }
                return elements;
            }
            return switch (type) {
                case "bool" -> random.nextBoolean();
                case "int8" -> (byte) number(Byte.MIN_VALUE, Byte.MAX_VALUE);
                case "int16" -> (short) number(Short.MIN_VALUE, Short.MAX_VALUE);
                case "uint16" -> (int) number(0, 65535);
                case "int32" -> (int) number(Integer.MIN_VALUE, Integer.MAX_VALUE);
                case "int64" -> number(Long.MIN_VALUE, Long.MAX_VALUE);
                case "float64" -> Double.longBitsToDouble(random.nextLong());
                case "string" -> string();
                case "uuid" -> new Uuid(random.nextLong(), random.nextLong());
                case "bytes" -> slot == ByteBuffer.class ? ByteBuffer.wrap(bytes()) : bytes();
                case "records" -> MemoryRecords.readableRecords(ByteBuffer.wrap(bytes()));
                default -> struct(type, fields);
            };
        }

        private Object struct(String type, JsonNode fields) throws Exception {
            JsonNode known = fields;
            for (JsonNode common : subject.definition.path("commonStructs")) {
                if (common.get("name").asText().equals(type)) {
                    known = common.get("fields");
                }
            }
            Object made = Class.forName(subject.type.getName() + "$" + type)
                    .getDeclaredConstructor().newInstance();
            fill(made, known);
            return made;
        }

        private long number(long min, long max) {
            return switch (random.nextInt(8)) {
                case 0 -> 0;
                case 1 -> min;
                case 2 -> max;
                case 3 -> Math.max(-1, min);
                default -> min == Long.MIN_VALUE ? random.nextLong() : random.nextLong(min, max + 1);
            };
        }

        String string() {
            int length = random.nextInt(40) == 0 ? 120 + random.nextInt(20) : random.nextInt(7);
            StringBuilder text = new StringBuilder();
            for (; length > 0; length--) {
                text.appendCodePoint(LETTERS[random.nextInt(LETTERS.length)]);
            }
            return text.toString();
        }

        private byte[] bytes() {
            byte[] bytes = new byte[random.nextInt(10) == 0 ? 1100 : random.nextInt(7)];
            random.nextBytes(bytes);
            return bytes;
        }

        /** Whether the subject's version is among some that are written like 3+, 3-7 or none. */
        private boolean holds(JsonNode versions) {
            if (versions == null || versions.asText().equals("none")) {
                return false;
            }
            String text = versions.asText();
            if (text.endsWith("+")) {
                return subject.version >= Integer.parseInt(text.substring(0, text.length() - 1));
            }
            String[] ends = text.split("-");
            return subject.version >= Integer.parseInt(ends[0])
                    && subject.version <= Integer.parseInt(ends[ends.length - 1]);
        }
    }
}
