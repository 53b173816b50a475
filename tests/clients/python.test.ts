import { join } from "node:path";
import { all, amqpCases, kafkaCases, mqttCases } from "./names.ts";
import { cache, describeClients } from "./program.ts";

const python = (file: string) => [join(cache, "python/bin/python"), join(import.meta.dir, "python", file)];

describeClients({ name: "python", commands: ["python3"], manifest: "tests/clients/python/requirements.txt" }, [
  {
    name: "kafka-python",
    needs: "kafka",
    command: python("kafka_python_cases.py"),
    cases: all(kafkaCases).filter((name) => name !== kafkaCases.rebalance),
  },
  { name: "confluent-kafka", needs: "kafka", command: python("confluent_cases.py"), cases: all(kafkaCases) },
  {
    name: "aiokafka",
    needs: "kafka",
    command: python("aiokafka_cases.py"),
    cases: all(kafkaCases).filter((name) => name !== kafkaCases.contents && name !== kafkaCases.unknown),
  },
  {
    name: "paho-mqtt",
    needs: "mqtt",
    command: python("paho_cases.py"),
    cases: [
      ...all(mqttCases),
      ...mqttCases.tenThousand.map((name) => `${name} (5.0)`),
      "a second client with the same id takes over",
      "properties of a publication arrive (5.0)",
      "a session lives as long as its expiry interval (5.0)",
      "reason codes of UNSUBACK tell what was there (5.0)",
      "subscription options: no local, retain as published, retain handling (5.0)",
      "a shared subscription gives each message to one member (5.0)",
    ],
  },
  {
    name: "pika",
    needs: "amqp",
    command: python("pika_cases.py"),
    cases: [...all(amqpCases), "get counts down what is left, purge empties"],
  },
]);
