import { join } from "node:path";
import { all, amqpCases, kafkaCases, mqttCases } from "./names.ts";
import { cache, describeClients } from "./program.ts";

const binaries = join(cache, "go");

describeClients(
  {
    name: "go",
    commands: ["go"],
    manifest: "tests/clients/go/go.sum",
    build: ["go", "build", "-C", join(import.meta.dir, "go"), "-o", `${binaries}/`, "./..."],
  },
  [
    { name: "franz-go", needs: "kafka", command: [join(binaries, "franzgo")], cases: all(kafkaCases) },
    {
      name: "Sarama",
      needs: "kafka",
      command: [join(binaries, "sarama")],
      cases: all(kafkaCases).filter((name) => name !== kafkaCases.rebalance),
    },
    { name: "Paho for Go", needs: "mqtt", command: [join(binaries, "pahomqtt")], cases: all(mqttCases) },
    { name: "amqp091-go", needs: "amqp", command: [join(binaries, "amqp091")], cases: all(amqpCases) },
  ],
);
