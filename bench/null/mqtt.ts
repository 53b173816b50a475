// Relays what the publisher sends to every subscriber, as bytes, without looking at a packet.
import { Outlet, listen } from "./relay.ts";

const CONNACK = Buffer.from([0x20, 2, 0, 0]);
const SUBACK = Buffer.from([0x90, 3, 0, 1, 0]);

interface Client {
  connected: boolean;
  outlet: Outlet;
}

const subscribers = new Set<Outlet>();

listen<Client>({
  open(socket) {
    socket.data = { connected: false, outlet: new Outlet(socket) };
  },
  data(socket, chunk) {
    const client = socket.data;
    if (!client.connected) {
      client.connected = true;
      socket.write(CONNACK);
    } else if (chunk[0] === 0x82 && !subscribers.has(client.outlet)) {
      subscribers.add(client.outlet);
      socket.write(SUBACK);
    } else {
      for (const outlet of subscribers) outlet.write(chunk);
    }
  },
  drain(socket) {
    socket.data.outlet.drain();
  },
  close(socket) {
    subscribers.delete(socket.data.outlet);
  },
});
