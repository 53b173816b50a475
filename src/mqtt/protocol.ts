import type { Ack, Connack, Connect, Disconnect, Ping, Publish, Suback, Subscribe, Unsuback, Unsubscribe } from "./wire/packets.ts";
import type { ErrorName } from "./wire/reasons.ts";

type AckOf<Type extends Ack["type"]> = Ack & { type: Type };

/** What plugins can say and see of MQTT. */
export interface MqttVocabulary {
  /** Reason codes of MQTT 5.0 by name; below 5.0 the nearest answer that there is. */
  errors: ErrorName;
  requests: {
    CONNECT: Connect;
    PUBLISH: Publish;
    PUBACK: AckOf<"PUBACK">;
    PUBREC: AckOf<"PUBREC">;
    PUBREL: AckOf<"PUBREL">;
    PUBCOMP: AckOf<"PUBCOMP">;
    SUBSCRIBE: Subscribe;
    UNSUBSCRIBE: Unsubscribe;
    PINGREQ: Ping;
    DISCONNECT: Disconnect;
    AUTH: Disconnect;
  };
  /** All but PUBLISH, which is a delivery. */
  responses: {
    CONNACK: Connack;
    PUBACK: AckOf<"PUBACK">;
    PUBREC: AckOf<"PUBREC">;
    PUBREL: AckOf<"PUBREL">;
    PUBCOMP: AckOf<"PUBCOMP">;
    SUBACK: Suback;
    UNSUBACK: Unsuback;
    PINGRESP: Ping;
    DISCONNECT: Disconnect;
  };
}

declare module "../hooks/plugin.ts" {
  interface Protocols {
    mqtt: MqttVocabulary;
  }
}
