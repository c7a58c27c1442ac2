/** Something to try on a cluster; it returns a word about what it saw. */
interface Case {
    String run(String bootstrap) throws Exception;
}
