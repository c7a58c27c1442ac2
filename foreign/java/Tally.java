import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;

/** What the members of a group have told. */
final class Tally {
    record Place(int partition, long offset) {}

    record GivenUp(String member, Set<Integer> partitions) {}

    final Map<String, Set<Integer>> owned = new HashMap<>();
    final List<GivenUp> revoked = new ArrayList<>();
    final List<GivenUp> lost = new ArrayList<>();
    final Map<Place, Integer> read = new HashMap<>();
    final Map<String, Integer> byMember = new HashMap<>();
    final Set<String> held = new HashSet<>();
    final Set<Place> afterHold = new HashSet<>();

    synchronized void note(String member, String line) {
        String[] words = line.split(" ");
        List<Long> numbers = new ArrayList<>();
        for (int i = 1; i < words.length; i++) {
            numbers.add(Long.valueOf(words[i]));
        }
        Set<Integer> partitions = new TreeSet<>();
        numbers.forEach(number -> partitions.add(number.intValue()));
        Set<Integer> own = owned.computeIfAbsent(member, any -> new TreeSet<>());
        switch (words[0]) {
            case "assigned" -> own.addAll(partitions);
            case "revoked", "lost" -> {
                own.removeAll(partitions);
                (words[0].equals("lost") ? lost : revoked).add(new GivenUp(member, partitions));
            }
            case "held" -> held.add(member);
            case "read" -> {
                for (Long offset : numbers.subList(1, numbers.size())) {
                    Place place = new Place(numbers.get(0).intValue(), offset);
                    read.merge(place, 1, Integer::sum);
                    byMember.merge(member, 1, Integer::sum);
                    if (held.contains(member)) {
                        afterHold.add(place);
                    }
                }
            }
            default -> throw new IllegalArgumentException(line);
        }
    }

    synchronized void forget(String member) {
        owned.remove(member);
    }

    synchronized List<GivenUp> revokedSoFar() {
        return List.copyOf(revoked);
    }

    void until(String what, int seconds, BooleanSupplier holds) throws Exception {
        try {
            Expect.until(what, seconds, () -> {
                synchronized (this) {
                    return holds.getAsBoolean();
                }
            });
        } catch (AssertionError late) {
            synchronized (this) {
                throw new AssertionError(late.getMessage() + "; owned " + owned + ", read " + read.size());
            }
        }
    }

    /** Until the members own that many partitions each, and each has read from them since. */
    void untilShared(String what, int count, String... members) throws Exception {
        List<String> all = List.of(members);
        until(what, 20, () -> all.stream().allMatch(who -> owned.getOrDefault(who, Set.of()).size() == count));
        Map<String, Integer> before;
        synchronized (this) {
            before = new HashMap<>(byMember);
        }
        until(what + ", and all go on reading", 10, () -> all.stream()
                .allMatch(who -> byMember.getOrDefault(who, 0) > before.getOrDefault(who, 0)));
    }
}
