// Takes payments: each becomes a record on the topic `payments`, from which the ledger is kept.
import { Kafka, logLevel } from "kafkajs";

export class Payments {
  /** `ledger`: what is told of each record, by `apply(payment)`. */
  constructor(brokers, ledger) {
    this.ledger = ledger;
    const kafka = new Kafka({
      clientId: "payments",
      brokers,
      logLevel: logLevel.NOTHING,
      connectionTimeout: 2000,
      requestTimeout: 2000,
      retry: { initialRetryTime: 20, maxRetryTime: 200, retries: 30 },
    });
    this.admin = kafka.admin();
    // Sends again until it is acknowledged: each payment is on the topic at least once.
    this.producer = kafka.producer({ allowAutoTopicCreation: false });
    this.consumer = kafka.consumer({
      groupId: "ledger",
      heartbeatInterval: 200,
      sessionTimeout: 6000,
      rebalanceTimeout: 500,
      maxWaitTimeInMs: 50,
    });
    /** The next offset that the ledger has not seen. */
    this.seen = 0n;
  }

  async start() {
    await again(() => this.admin.connect());
    await again(() => this.admin.createTopics({ topics: [{ topic: "payments", numPartitions: 1 }] }));
    await again(() => this.producer.connect());
    await again(() => this.consumer.connect());
    await again(() => this.consumer.subscribe({ topic: "payments", fromBeginning: true }));
    await this.consumer.run({
      eachMessage: async ({ message }) => {
        this.ledger.apply(JSON.parse(message.value.toString()));
        this.seen = BigInt(message.offset) + 1n;
      },
    });
  }

  /** Settles when the payment is safe. */
  async pay(payment) {
    const messages = [{ key: payment.account, value: JSON.stringify(payment) }];
    await again(() => this.producer.send({ topic: "payments", messages }));
  }

  /** Settles when the ledger has seen every record that there is. */
  async settled() {
    for (;;) {
      const [{ high }] = await again(() => this.admin.fetchTopicOffsets("payments"));
      if (this.seen >= BigInt(high)) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async stop() {
    await Promise.allSettled([this.consumer.disconnect(), this.producer.disconnect(), this.admin.disconnect()]);
  }
}

/** Tries until it works: what a broker or the network says no to today is not lost. */
async function again(work) {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (error.name === "TypeError") throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
