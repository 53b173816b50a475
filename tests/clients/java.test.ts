import { delimiter, join } from "node:path";
import { all, amqpCases, faultCases, kafkaCases, mqttCases } from "./names.ts";
import { cache, describeClients, underFaults } from "./program.ts";

const classPath = [join(cache, "java/classes"), join(cache, "java/lib/*")].join(delimiter);
const java = (mainClass: string) => ["java", "-cp", classPath, mainClass];

describeClients(
  {
    name: "java",
    commands: ["java", "mvn"],
    manifest: "tests/clients/java/pom.xml",
    build: ["mvn", "--offline", "--quiet", "--batch-mode", "--file", join(import.meta.dir, "java/pom.xml"), "compile"],
  },
  [
    {
      name: "kafka-clients",
      needs: "kafka",
      command: java("KafkaCases"),
      cases: all({ ...kafkaCases, deleted: "a topic is created once, and a deleted topic is gone" }),
    },
    {
      name: "Spring Kafka",
      needs: "kafka",
      command: java("SpringKafkaCases"),
      cases: [
        kafkaCases.keyed,
        kafkaCases.rebalance,
        kafkaCases.resume,
        "an annotated method gets records, and its answer is sent on",
        "what a listener refuses is tried again, then lies with the dead letters",
        ...all(faultCases),
      ],
      serve: underFaults,
    },
    { name: "Paho for MQTT 3.1.1", needs: "mqtt", command: java("PahoV3Cases"), cases: all(mqttCases) },
    {
      name: "Paho for MQTT 5",
      needs: "mqtt",
      command: java("PahoV5Cases"),
      cases: [
        ...mqttCases.tenThousand,
        mqttCases.retained,
        "the will with its properties is sent when the client vanishes",
        "properties of a publication arrive",
        "a session lives as long as its expiry interval",
        "a persistent session keeps messages while offline, but for expired ones",
        "reason codes of UNSUBACK tell what was there",
        "a subscriber does not hear itself with no local",
        "a shared subscription gives each message to one member",
      ],
    },
    {
      name: "amqp-client",
      needs: "amqp",
      command: java("RabbitCases"),
      cases: [...all(amqpCases), "an exchange bound to an exchange passes messages on", "acknowledging an unknown delivery tag is 406"],
    },
  ],
);
