import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;

/** A group of three: one joins late, one leaves, one dies, while records keep coming. */
final class Groups {
    private static final int PARTITIONS = 6;

    static Case with(String strategy, boolean cooperative) {
        return bootstrap -> {
            String topic = Topics.create(bootstrap, "group", PARTITIONS);
            String[] arguments = {bootstrap, topic, Topics.unique("java-group"), strategy};
            Tally tally = new Tally();
            Traffic traffic = new Traffic(bootstrap, topic);
            Process dying = null;
            List<Tally.GivenUp> joins;
            List<Tally.GivenUp> leaves;
            List<Long> ends;
            Member first = new Member(arguments, line -> tally.note("first", line));
            Member second = new Member(arguments, line -> tally.note("second", line));
            try {
                Thread firstThread = start(first);
                tally.untilShared("the first has all", 6, "first");
                Thread secondThread = start(second);
                dying = startProcess(arguments, tally);
                tally.untilShared("two each", 2, "first", "second", "dying");
                joins = tally.revokedSoFar();
                leave(second, secondThread);
                tally.untilShared("three each", 3, "first", "dying");
                leaves = new ArrayList<>(tally.revokedSoFar()).subList(joins.size(), tally.revokedSoFar().size());
                OutputStream orders = dying.getOutputStream();
                orders.write("hold\n".getBytes());
                orders.flush();
                tally.until("one reads and does not commit", 10, () -> tally.afterHold.size() >= 20);
                dying.destroyForcibly().waitFor();
                tally.forget("dying");
                tally.untilShared("the first has all again", 6, "first");
                ends = traffic.end();
                long total = ends.stream().mapToLong(end -> end).sum();
                tally.until("everything is read", 20, () -> tally.read.size() >= total);
                // It commits after every batch, and once more when it leaves.
                leave(first, firstThread);
            } finally {
                traffic.ended = true;
                first.leaving = true;
                second.leaving = true;
                if (dying != null) {
                    dying.destroyForcibly();
                }
            }
            check(tally, ends);
            checkCommits(bootstrap, topic, arguments[2], ends);
            leaves.removeIf(one -> one.member().equals("second"));
            checkStyle(cooperative, joins, leaves);
            return tally.read.size() + " records, " + tally.afterHold.size()
                    + " twice, as the one that died had not committed them";
        };
    }

    private static Thread start(Member member) {
        Thread thread = new Thread(member);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    private static void leave(Member member, Thread thread) throws Exception {
        member.leaving = true;
        thread.join(Duration.ofSeconds(20).toMillis());
        Expect.that(!thread.isAlive(), "a member does not leave");
        if (member.failure != null) {
            throw new AssertionError("a member failed: " + member.failure, member.failure);
        }
    }

    private static Process startProcess(String[] arguments, Tally tally) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                System.getProperty("java.home") + "/bin/java",
                "-Xmx64m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
                "-cp",
                System.getProperty("java.class.path"),
                "Member"));
        command.addAll(List.of(arguments));
        Process process =
                new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        Thread listener = new Thread(() -> {
            try (var lines = new BufferedReader(new InputStreamReader(process.getInputStream()))) {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                    tally.note("dying", line);
                }
            } catch (java.io.IOException ended) {
                // It was killed.
            }
        });
        listener.setDaemon(true);
        listener.start();
        return process;
    }

    private static void check(Tally tally, List<Long> ends) {
        Set<Tally.Place> everything = new HashSet<>();
        for (int at = 0; at < PARTITIONS; at++) {
            for (long offset = 0; offset < ends.get(at); offset++) {
                everything.add(new Tally.Place(at, offset));
            }
        }
        Expect.that(tally.read.keySet().equals(everything), "what was read is not what was written");
        Set<Tally.Place> again = new HashSet<>();
        tally.read.forEach((place, count) -> {
            if (count > 1) {
                again.add(place);
            }
        });
        Expect.equal("what came twice and was committed", without(again, tally.afterHold), Set.of());
        Expect.equal("what was not committed and came once", without(tally.afterHold, again), Set.of());
        Expect.equal("lost", tally.lost, List.of());
    }

    private static Set<Tally.Place> without(Set<Tally.Place> all, Set<Tally.Place> some) {
        Set<Tally.Place> rest = new HashSet<>(all);
        rest.removeAll(some);
        return rest;
    }

    private static void checkCommits(String bootstrap, String topic, String group, List<Long> ends) {
        try (var reader = Records.reader(bootstrap, Map.of("group.id", group))) {
            List<TopicPartition> all = Records.places(topic, PARTITIONS);
            var committed = reader.committed(Set.copyOf(all));
            Expect.equal("committed", all.stream().map(at -> committed.get(at).offset()).toList(), ends);
        }
    }

    /** An eager member gives up everything in every rebalance, a cooperative one what must move. */
    private static void checkStyle(
            boolean cooperative, List<Tally.GivenUp> joins, List<Tally.GivenUp> leaves) {
        int most = joins.stream()
                .filter(one -> one.member().equals("first"))
                .mapToInt(one -> one.partitions().size())
                .max()
                .orElse(0);
        if (cooperative) {
            Expect.that(most > 0 && most < PARTITIONS, "given up at once when others joined: " + joins);
            Expect.equal("given up when a member left", leaves, List.of());
        } else {
            Expect.that(most == PARTITIONS, "kept when others joined: " + joins);
            Expect.that(!leaves.isEmpty(), "nothing was given up when a member left");
        }
    }

    /** Writes to every partition, all the time. */
    private static final class Traffic {
        volatile boolean ended;
        private final List<Future<RecordMetadata>> sent = new ArrayList<>();
        private final Thread thread;

        Traffic(String bootstrap, String topic) {
            thread = new Thread(() -> {
                try (var producer = Records.producer(bootstrap, Map.of())) {
                    while (!ended) {
                        int number = sent.size();
                        sent.add(producer.send(Records.described(topic, number % PARTITIONS, number)));
                        Thread.sleep(10);
                    }
                } catch (InterruptedException stopped) {
                    // As if it had ended.
                }
            });
            thread.setDaemon(true);
            thread.start();
        }

        /** How many records each partition has. */
        List<Long> end() throws Exception {
            ended = true;
            thread.join(Duration.ofSeconds(35).toMillis());
            Long[] ends = {0L, 0L, 0L, 0L, 0L, 0L};
            for (var one : sent) {
                ends[one.get().partition()]++;
            }
            return List.of(ends);
        }
    }
}
