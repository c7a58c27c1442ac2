import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Callable;

/** What must be so. */
final class Expect {
    static void that(boolean holds, String otherwise) {
        if (!holds) {
            throw new AssertionError(otherwise);
        }
    }

    static void equal(String what, Object actual, Object expected) {
        that(Objects.equals(actual, expected), what + ": " + actual + ", not " + expected);
    }

    static void until(String what, int seconds, Callable<Boolean> holds) throws Exception {
        long until = System.nanoTime() + Duration.ofSeconds(seconds).toNanos();
        while (!holds.call()) {
            that(System.nanoTime() < until, "not within " + seconds + " s: " + what);
            Thread.sleep(20);
        }
    }

    /** The failure of that kind, which must come, possibly as the cause of another. */
    static <E extends Throwable> E failure(Class<E> kind, String what, Callable<?> act) throws Exception {
        try {
            act.call();
        } catch (Exception failure) {
            for (Throwable one = failure; one != null; one = one.getCause()) {
                if (kind.isInstance(one)) {
                    return kind.cast(one);
                }
            }
            throw new AssertionError(what + ": " + failure + ", not " + kind.getSimpleName(), failure);
        }
        throw new AssertionError(what + ": it passed; expected was " + kind.getSimpleName());
    }
}
