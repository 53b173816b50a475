// Takes payments: each becomes a record on the topic `payments`, from which the ledger is kept.
import { Kafka, logLevel } from "kafkajs";

export class Payments {
  /** `ledger`: what is told of each record, by `apply(payment)`. */
  constructor(brokers, ledger) {
    this.ledger = ledger;
    const kafka = new Kafka({
      clientId: "payments", brokers, logLevel: logLevel.NOTHING, connectionTimeout: 2000, requestTimeout: 2000,
      retry: { initialRetryTime: 20, maxRetryTime: 200, retries: 30 },
    });
    this.admin = kafka.admin();
    // Sends again until it is acknowledged: each payment is on the topic at least once.
    this.producer = kafka.producer({ allowAutoTopicCreation: false });
    this.consumer = kafka.consumer({ groupId: "ledger", heartbeatInterval: 200, sessionTimeout: 6000, maxWaitTimeInMs: 50 });
    /** The next offset that the ledger has not seen. */
    this.seen = 0n;
  }

  async start() {
    await this.admin.connect();
    await this.admin.createTopics({ topics: [{ topic: "payments", numPartitions: 1 }] });
    await this.producer.connect();
    await this.consumer.connect();
    await this.consumer.subscribe({ topic: "payments", fromBeginning: true });
    await this.consumer.run({
      eachMessage: async ({ message }) => {
        this.ledger.apply(JSON.parse(message.value.toString()));
        this.seen = BigInt(message.offset) + 1n;
      },
    });
  }

  /** Settles when the payment is safe. */
  async pay(payment) {
    await this.producer.send({ topic: "payments", messages: [{ key: payment.account, value: JSON.stringify(payment) }] });
  }

  /** Settles when the ledger has seen every record that there is. */
  async settled() {
    for (;;) {
      const [{ high }] = await this.admin.fetchTopicOffsets("payments");
      if (this.seen >= BigInt(high)) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async stop() {
    await Promise.allSettled([this.consumer.disconnect(), this.producer.disconnect(), this.admin.disconnect()]);
  }
}
