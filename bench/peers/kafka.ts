import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { NotInstalled, findOrSkip, type Peer } from "./peer.ts";
import { Child, accepts, freePort, freshFolder, removeFolder } from "./process.ts";

const POM = join(import.meta.dir, "kafka/pom.xml");
const CLASS_PATH = join(import.meta.dir, "../../.cache/kafka.classpath");

/** Apache Kafka from Maven Central: one node that is broker and controller (KRaft). */
export async function startKafka(): Promise<Peer> {
  const java = findOrSkip("java", "a Java 17 runtime is needed for Kafka");
  const classPath = resolveClassPath();
  // In memory where the system offers it, so that the disk is not what is measured.
  const folder = freshFolder("kafka", existsSync("/dev/shm") ? "/dev/shm" : undefined);
  const [port, controller] = [freePort(), freePort()];
  const config = join(folder, "server.properties");
  await Bun.write(
    config,
    `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:${controller}
listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}
advertised.listeners=PLAINTEXT://127.0.0.1:${port}
controller.listener.names=CONTROLLER
log.dirs=${join(folder, "data")}
offsets.topic.replication.factor=1
# The runs write gigabytes: delete what a topic's retention.bytes gives up soon, not after five minutes.
log.retention.check.interval.ms=500
log.segment.delete.delay.ms=500
`,
  );
  const clusterId = Buffer.from(crypto.randomUUID().replaceAll("-", ""), "hex").toString("base64url");
  const format = Bun.spawnSync([java, "-cp", classPath, "kafka.tools.StorageTool", "format", "-t", clusterId, "-c", config]);
  if (!format.success) throw new Error(`Kafka's storage could not be formatted\n${format.stdout}${format.stderr}`);

  const child = new Child({
    // Heap and collector as in Kafka's own start script.
    command: [
      java,
      "-Xms1g",
      "-Xmx1g",
      "-server",
      "-XX:+UseG1GC",
      "-XX:MaxGCPauseMillis=20",
      "-XX:InitiatingHeapOccupancyPercent=35",
      "-XX:+ExplicitGCInvokesConcurrent",
      "-Djava.awt.headless=true",
      "-cp",
      classPath,
      "kafka.Kafka",
      config,
    ],
    log: join(folder, "log"),
  });
  const stop = async () => {
    await child.stop();
    removeFolder(folder);
  };
  try {
    await child.until(() => accepts(port));
  } catch (error) {
    await stop();
    throw error;
  }
  return { name: "kafka", version: version(), port, pid: child.pid, [Symbol.asyncDispose]: stop };
}

/** Asks Maven once and remembers the answer until the pom changes. */
function resolveClassPath(): string {
  const fresh = existsSync(CLASS_PATH) && statSync(CLASS_PATH).mtimeMs > statSync(POM).mtimeMs;
  const known = fresh ? readFileSync(CLASS_PATH, "utf8").trim() : "";
  if (known !== "" && known.split(":").every(existsSync)) return known;

  const maven = findOrSkip("mvn", "Maven fetches Kafka from Maven Central");
  const result = Bun.spawnSync([maven, "-B", "-q", "-f", POM, "dependency:build-classpath", `-Dmdep.outputFile=${CLASS_PATH}`]);
  if (!result.success) throw new NotInstalled(`Maven could not fetch Kafka:\n${result.stdout}`);
  return readFileSync(CLASS_PATH, "utf8").trim();
}

function version(): string {
  return readFileSync(POM, "utf8").match(/<artifactId>kafka_2.13<\/artifactId>\s*<version>([^<]+)/)?.[1] ?? "?";
}
