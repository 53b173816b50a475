import { join } from "node:path";
import { all, amqpCases, faultCases, kafkaCases, mqttCases } from "./names.ts";
import { cache, describeClients, underFaults } from "./program.ts";

const target = join(cache, "rust");
const binary = (name: string) => [join(target, "debug", name)];

describeClients(
  {
    name: "rust",
    commands: ["cargo"],
    manifest: "tests/clients/rust/Cargo.toml",
    build: ["cargo", "build", "--quiet", "--offline", "--target-dir", target, "--manifest-path", join(import.meta.dir, "rust/Cargo.toml")],
  },
  [
    {
      name: "rskafka",
      needs: "kafka",
      command: binary("rskafka"),
      cases: [
        "10,000 keyed records over six partitions arrive in order",
        ...kafkaCases.compression,
        kafkaCases.contents,
        kafkaCases.timestamps,
        kafkaCases.deleted,
      ],
    },
    { name: "rdkafka", needs: "kafka", command: binary("rdkafka"), cases: all({ ...kafkaCases, ...faultCases }), serve: underFaults },
    {
      name: "rumqttc",
      needs: "mqtt",
      command: binary("rumqttc"),
      cases: [...all({ ...mqttCases, wildcards: "a wildcard matches one level or all" }), "properties of a publication arrive (5.0)"],
    },
    {
      name: "lapin",
      needs: "amqp",
      command: binary("lapin"),
      cases: [
        amqpCases.tenThousand,
        "direct, fanout, topic and headers exchanges route",
        amqpCases.returned,
        amqpCases.nack,
        amqpCases.drop,
        amqpCases.missing,
        "declaring a queue otherwise is 406",
      ],
    },
  ],
);
