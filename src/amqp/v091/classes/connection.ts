import { ReplyError } from "../replies.ts";
import type { AmqpConnection, State } from "../connection.ts";
import { admit } from "../../pipeline/connect.ts";
import { FRAME_MIN_SIZE, frameLength } from "../frames.ts";
import { amqpClass } from "../handlers.ts";
import { loginOf } from "../login.ts";

export default amqpClass("connection", {
  "start-ok"(session, { mechanism, response }) {
    expect(session, "starting");
    const login = loginOf(mechanism, response);
    if (login === undefined) throw new ReplyError("ACCESS_REFUSED", `${mechanism} is not a mechanism that this server offers`);
    if (login === null || !session.broker.admits(login.user, login.password)) return session.refuseLogin(mechanism);
    session.user = login.user;
    session.state = "tuning";
    const { channelMax, frameMax, heartbeatInterval } = session.broker.options;
    session.send(0, "connection.tune", { channelMax, frameMax, heartbeat: heartbeatInterval });
  },

  "secure-ok"() {
    throw new ReplyError("COMMAND_INVALID", "no challenge was sent");
  },

  "tune-ok"(session, { channelMax, frameMax, heartbeat }) {
    expect(session, "tuning");
    const { options } = session.broker;
    negotiated("channel_max", channelMax, 1, options.channelMax);
    negotiated("frame_max", frameMax, FRAME_MIN_SIZE, options.frameMax);
    session.channelMax = channelMax;
    session.frameMax = frameMax;
    session.heartbeat = heartbeat;
    session.connection.reframe(frameLength(frameMax));
    session.state = "opening";
  },

  open(session, { virtualHost }) {
    expect(session, "opening");
    const vhost = session.broker.vhosts.get(virtualHost);
    if (vhost === undefined) throw new ReplyError("NOT_ALLOWED", `vhost ${virtualHost} not found`);
    session.isKnown = true;
    admit(session.broker.host, session.connection, session, () => {
      session.opened(vhost);
      session.send(0, "connection.open-ok", {});
    });
  },

  close(session) {
    session.end();
    session.send(0, "connection.close-ok", {});
    session.connection.close();
  },

  "close-ok"(session) {
    if (session.state !== "closing" && session.state !== "closed") expect(session, "closing");
    session.end();
    session.connection.close();
  },

  "update-secret"(session) {
    expect(session, "running");
    session.send(0, "connection.update-secret-ok", {});
  },
});

function expect(session: AmqpConnection, state: State): void {
  if (session.state !== state) throw new ReplyError("CHANNEL_ERROR", `unexpected method in connection state ${session.state}`);
}

/** Both sides have a say; the client's word is last, within what was offered. */
function negotiated(name: string, value: number, least: number, most: number): void {
  if (value !== 0 && value < least)
    throw new ReplyError("NOT_ALLOWED", `negotiated ${name} = ${value} is lower than the minimum allowed value (${least})`);
  if (most !== 0 && (value === 0 || value > most)) {
    const spelled = value === 0 ? "0 (no limit)" : String(value);
    throw new ReplyError("NOT_ALLOWED", `negotiated ${name} = ${spelled} is higher than the maximum allowed value (${most})`);
  }
}
