import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.common.utils.AppInfoParser;

/**
 * The cases of the Java client: {@code Cases BROKER BOOTSTRAP [WORD...]}.
 *
 * <p>BROKER is the name that the results are to carry; with words only those cases run that have one
 * of them in their name. Every case prints one line of JSON. The exit code is 1 if any failed.
 */
public final class Cases {
    private record Named(String name, int seconds, Case test) {}

    private static List<Named> all() {
        List<Named> all = new ArrayList<>();
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            all.add(new Named("produce-" + codec, 40, Producing.with(codec)));
        }
        all.add(new Named("assign-seek-times", 30, Seeking::seeks));
        all.add(new Named("offset-out-of-range", 40, Seeking::beyond));
        String assignors = "org.apache.kafka.clients.consumer.";
        all.add(new Named("group-range", 60, Groups.with(assignors + "RangeAssignor", false)));
        all.add(new Named(
                "group-cooperative-sticky", 60, Groups.with(assignors + "CooperativeStickyAssignor", true)));
        all.add(new Named("transaction-commit-abort", 40, Transactions::commitAndAbort));
        all.add(new Named("transaction-open", 40, Transactions::open));
        all.add(new Named("transaction-offsets", 60, Transactions::offsets));
        all.add(new Named("transaction-zombie", 60, Transactions::zombie));
        all.add(new Named("admin-topics", 40, Administration::topics));
        all.add(new Named("admin-cluster", 20, Administration::cluster));
        all.add(new Named("admin-config", 20, Administration::config));
        all.add(new Named("admin-records", 40, Administration::records));
        all.add(new Named("admin-groups", 40, Administration::groups));
        return all;
    }

    public static void main(String[] arguments) {
        List<String> words = Arrays.asList(arguments).subList(2, arguments.length);
        int failed = 0;
        for (Named named : all()) {
            if (!words.isEmpty() && words.stream().noneMatch(named.name()::contains)) {
                continue;
            }
            long begun = System.nanoTime();
            boolean passed = false;
            String detail;
            // A case that hangs keeps its thread; the others have their own.
            ExecutorService thread = Executors.newSingleThreadExecutor(work -> {
                Thread made = new Thread(work, named.name());
                made.setDaemon(true);
                return made;
            });
            try {
                detail = thread.submit(() -> named.test().run(arguments[1]))
                        .get(named.seconds(), TimeUnit.SECONDS);
                passed = true;
            } catch (TimeoutException late) {
                detail = "not done after " + named.seconds() + " s";
            } catch (ExecutionException failure) {
                failure.getCause().printStackTrace();
                detail = causes(failure.getCause());
            } catch (InterruptedException stopped) {
                detail = stopped.toString();
            }
            thread.shutdownNow();
            failed += passed ? 0 : 1;
            System.out.printf(
                    Locale.ROOT,
                    "{\"client\": %s, \"broker\": %s, \"case\": %s, \"ok\": %b, \"seconds\": %.1f,"
                            + " \"detail\": %s}%n",
                    json("java " + AppInfoParser.getVersion()),
                    json(arguments[0]),
                    json(named.name()),
                    passed,
                    (System.nanoTime() - begun) / 1e9,
                    json(detail));
        }
        System.out.flush();
        // Threads that hang must not keep the process.
        Runtime.getRuntime().halt(failed > 0 ? 1 : 0);
    }

    private static String causes(Throwable failure) {
        StringBuilder text = new StringBuilder(failure.toString());
        for (Throwable cause = failure.getCause(); cause != null; cause = cause.getCause()) {
            text.append(", by ").append(cause);
        }
        return text.toString();
    }

    private static String json(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char one : text.toCharArray()) {
            if (one == '"' || one == '\\') {
                quoted.append('\\').append(one);
            } else if (one < ' ' || one > '~') {
                quoted.append(String.format("\\u%04x", (int) one));
            } else {
                quoted.append(one);
            }
        }
        return quoted.append('"').toString();
    }
}
