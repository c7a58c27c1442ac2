package org.apache.kafka.clients.producer.internals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.utils.LogContext;
import org.apache.kafka.common.utils.Utils;

/**
 * Prints which partitions Java's producer chooses. Argument: a file of keys in hexadecimal, one a line.
 *
 * <p>It lives in the partitioner's own package, to be able to say what its random numbers are.
 */
public final class PartitionVectors {
    private static final int[] COUNTS = {1, 4, 7, 12, 1000};

    /** Queue sizes of the partitions in {@link #PARTITIONS}. */
    private static final int[][] QUEUES = {{0, 3, 1}, {5, 0, 0}, {2, 2, 2}, {0, 9, 4, 4}, {1, 0}, {7, 7, 0, 3, 1}};

    private static final int[][] PARTITIONS = {{0, 1, 2}, {0, 1, 2}, {0, 1, 2}, {0, 1, 2, 3}, {0, 1}, {4, 3, 2, 1, 0}};

    /** How many of the partitions are there to choose from. */
    private static final int[] AVAILABLE = {3, 3, 2, 4, 2, 4};

    public static void main(String[] args) throws Exception {
        for (String line : Files.readAllLines(Path.of(args[0]))) {
            byte[] key = HexFormat.of().parseHex(line);
            String partitions = Arrays.stream(COUNTS)
                .mapToObj(count -> String.valueOf(BuiltInPartitioner.partitionForKey(key, count)))
                .collect(Collectors.joining(" "));
            System.out.println("key x" + line + " " + Utils.murmur2(key) + " " + partitions);
        }
        for (int i = 0; i < QUEUES.length; i++) {
            System.out.println("load " + joined(QUEUES[i]) + " " + joined(PARTITIONS[i]) + " " + AVAILABLE[i] + " " + draws(i));
        }
    }

    /** What each random number leads to. */
    private static String draws(int i) {
        List<String> drawn = new ArrayList<>();
        for (int random = 0; random < 24; random++) {
            int fixed = random;
            BuiltInPartitioner partitioner = new BuiltInPartitioner(new LogContext(), "in", 1) {
                @Override
                int randomPartition() {
                    return fixed;
                }
            };
            partitioner.updatePartitionLoadStats(QUEUES[i].clone(), PARTITIONS[i].clone(), AVAILABLE[i]);
            drawn.add(String.valueOf(partitioner.peekCurrentPartitionInfo(cluster(PARTITIONS[i].length)).partition()));
        }
        return String.join(",", drawn);
    }

    private static Cluster cluster(int count) {
        Node[] nodes = {new Node(0, "localhost", 9092)};
        List<PartitionInfo> partitions = new ArrayList<>();
        for (int partition = 0; partition < count; partition++) {
            partitions.add(new PartitionInfo("in", partition, nodes[0], nodes, nodes));
        }
        return new Cluster("id", Arrays.asList(nodes), partitions, Set.of(), Set.of());
    }

    private static String joined(int[] numbers) {
        return Arrays.stream(numbers).mapToObj(String::valueOf).collect(Collectors.joining(","));
    }
}
