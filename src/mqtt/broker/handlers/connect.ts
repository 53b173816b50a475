import { admit } from "../../pipeline/connect.ts";
import type { Handler } from "../handler.ts";
import type { Link } from "../link.ts";
import { decode, type Connack, type Connect } from "../../wire/packets.ts";
import { MqttError } from "../../wire/reasons.ts";
import { isTopicName } from "../../wire/text.ts";

/** CONNECT (3.1). */
const connect: Handler = {
  type: "CONNECT",
  handle(link, buf, start, end) {
    const asked = decode(buf, start, end, link.version) as Connect;
    const { version, clientId, cleanStart, will, properties } = asked;
    link.version = version;
    link.five = version === 5;
    // 3.1 wants an id from everybody, 3.1.1 from those whose session is to last [MQTT-3.1.3-8].
    if (clientId === "" && (version === 3 || (version === 4 && !cleanStart))) {
      return link.refuseClient("Client Identifier not valid", version);
    }
    if (will !== undefined && !isTopicName(will.topic))
      throw new MqttError("Topic Name invalid", `CONNECT: Will topic ${JSON.stringify(will.topic)}`);
    if (properties?.authenticationMethod !== undefined) return link.refuseClient("Bad authentication method", version);
    link.identify(asked);
    admit(link.broker.host, link.connection, link, () => open(link, asked, link.connection.clientId));
  },
};
export default connect;

function open(link: Link, { version, cleanStart, keepAlive, clientId, will, properties = {} }: Connect, id: string): void {
  const { broker } = link;
  const { options } = broker;
  broker.sessions.get(id)?.link?.takenOver();
  if (cleanStart) broker.sessions.get(id)?.end(); // [MQTT-3.1.2-4]
  const present = broker.sessions.has(id);
  const session = broker.session(id);
  if (session === null) return link.refuseClient("Quota exceeded", version);

  const asked = version === 5 ? (properties.sessionExpiryInterval ?? 0) : cleanStart ? 0 : Infinity;
  link.will = will ?? null;
  link.maxPacketSize = properties.maximumPacketSize ?? Infinity;
  const window = Math.min(properties.receiveMaximum ?? 0xffff, options.maxInflight);
  session.attach(link, asked === 0xffff_ffff ? Infinity : asked, window);
  // [MQTT-3.1.2-21]: only 5.0 can be told to use another keep alive.
  const shorter = version === 5 && keepAlive > options.keepAliveSecs;
  link.open(session, shorter ? options.keepAliveSecs : keepAlive, properties.topicAliasMaximum ?? 0);

  const connack: Connack = { type: "CONNACK", sessionPresent: present && version > 3, code: 0 };
  if (version === 5) {
    connack.properties = {
      receiveMaximum: options.receiveMaximum < 0xffff ? options.receiveMaximum : undefined,
      maximumPacketSize: options.maxPacketSize,
      topicAliasMaximum: options.topicAliasMaximum,
      assignedClientIdentifier: clientId === "" ? id : undefined, // [MQTT-3.2.2-16]
      serverKeepAlive: shorter ? options.keepAliveSecs : undefined,
    };
  }
  link.send(connack);
  session.resume();
}
