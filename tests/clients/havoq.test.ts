/** havoq's own clients in other languages: `clients/python` with pytest, `clients/java` with JUnit. */
import { delimiter, join } from "node:path";
import { cache, describeClients, root } from "./program.ts";

describeClients({ name: "havoq-python", commands: ["python3"], manifest: "clients/python/pyproject.toml" }, [
  {
    name: "pytest",
    needs: "binary",
    command: [
      join(cache, "python/bin/python"),
      "-m",
      "pytest",
      "-q",
      "-p",
      "no:cacheprovider",
      "-W",
      "ignore",
      join(import.meta.dir, "python/havoq"),
    ],
    cases: [
      "kafka python sees a fault set through the fixture",
      "each test has brokers that no other has touched",
      "pika sees a fault and the heal after it",
      "the same seed loses the same messages",
      "options come by the marker and brokers die and return",
      "a day is over at once",
      "a snapshot puts everything back",
      "the oracle tells what a rule lost",
      "a scenario runs and is judged",
      "what is wrong is told with its place",
      "every method of the control surface has its name",
      "a journal is replayed",
      "what runs already is used with its token",
      "a failed test tells the seed and how to repeat it",
      "within havoq exec the fixture puts its brokers back",
      "nothing is left behind",
      "a binary that does not start says why",
    ],
  },
]);

const java = join(root, "clients/java");
const classPath = [join(java, "target/classes"), join(java, "target/test-classes"), join(java, "target/lib/*")].join(delimiter);

describeClients(
  {
    name: "havoq-java",
    commands: ["java", "mvn"],
    manifest: "clients/java/pom.xml",
    build: ["mvn", "--offline", "--quiet", "--batch-mode", "--file", join(java, "pom.xml"), "test-compile", "dependency:copy-dependencies"],
  },
  [
    {
      name: "JUnit",
      needs: "binary",
      command: ["java", "-cp", classPath, "havoq.Cases"],
      cases: [
        "kafka clients see a fault set through the extension",
        "paho sees a fault and the heal after it",
        "the same seed loses the same messages",
        "a journal is replayed",
        "brokers die and return",
        "a snapshot puts everything back and time moves on",
        "the oracle tells what a scenario lost",
        "what is wrong is told with its place",
        "what runs already is used with its token",
        "every method of the control surface has its name",
        "nothing is left behind",
        "each test has brokers that no other has touched",
        "a class can have one for all its tests",
        "a failed test tells the seed and how to repeat it",
      ],
    },
  ],
);
