import { Errors, errorName } from "../../kafka/wire/errors.ts";
import type { Group } from "../../kafka/broker/groups/group.ts";
import { assigned, lagOf, positions } from "../../kafka/broker/inspect.ts";
import { answers, ApiError, createRoute, Done, enabled, missing, route, takes, z, type Resource } from "../api.ts";

const Summary = z
  .object({
    group: z.string(),
    state: z.string(),
    protocolType: z.string().nullable(),
    members: z.int(),
    /** Offsets behind, in all partitions with a committed position. */
    lag: z.int(),
  })
  .openapi("Group");

const Position = z
  .object({
    topic: z.string(),
    partition: z.int(),
    committed: z.int(),
    end: z.int(),
    lag: z.int(),
    metadata: z.string(),
  })
  .openapi("GroupPosition");

const Description = Summary.omit({ members: true })
  .extend({
    generation: z.int(),
    protocol: z.string().nullable(),
    leader: z.string().nullable(),
    coordinator: z.int(),
    members: z.array(
      z.object({
        memberId: z.string(),
        instanceId: z.string().nullable(),
        clientId: z.string(),
        host: z.string(),
        sessionTimeoutMs: z.int(),
        /** Null where it is not written as a consumer's is. */
        assignment: z.array(z.object({ topic: z.string(), partitions: z.array(z.int()) })).nullable(),
      }),
    ),
    offsets: z.array(Position),
  })
  .openapi("GroupDescription");

const Reset = z
  .strictObject({
    topic: z.string(),
    /** All of the topic's where it is left out. */
    partition: z.int().min(0).optional(),
    to: z.union([z.enum(["beginning", "end"]), z.int().min(0)]),
  })
  .openapi("OffsetReset");

const name = z.object({ group: z.string() });
const tags = ["kafka"];

const groups: Resource = (api, havoq) => {
  const cluster = () => enabled("kafka", havoq.kafka);
  const find = (group: string): Group => cluster().groups.groups.get(group) ?? missing("group", group, cluster().groups.groups.keys());
  const lag = (group: Group): number => lagOf(group, cluster().topics) ?? 0;
  const describe = (group: Group): z.output<typeof Description> => ({
    group: group.id,
    state: group.state,
    protocolType: group.protocolType,
    lag: lag(group),
    generation: group.generation,
    protocol: group.protocol,
    leader: group.leader,
    coordinator: cluster().nodes.coordinator(group.id)?.id ?? -1,
    members: [...group.members.values()].map(({ id, instanceId, clientId, clientHost, sessionTimeout, assignment }) => ({
      memberId: id,
      instanceId,
      clientId,
      host: clientHost,
      sessionTimeoutMs: sessionTimeout,
      assignment: assigned(assignment),
    })),
    offsets: [...positions(group, cluster().topics)],
  });

  route(
    api,
    createRoute({
      method: "get",
      path: "/api/kafka/groups",
      operationId: "listGroups",
      tags,
      summary: "All consumer groups",
      responses: answers(z.array(Summary), "By name"),
    }),
    (c) =>
      c.json(
        [...cluster().groups.groups.values()]
          .map((group) => ({
            group: group.id,
            state: group.state,
            protocolType: group.protocolType,
            members: group.members.size,
            lag: lag(group),
          }))
          .sort((a, b) => (a.group < b.group ? -1 : 1)),
        200,
      ),
  );

  route(
    api,
    createRoute({
      method: "get",
      path: "/api/kafka/groups/{group}",
      operationId: "describeGroup",
      tags,
      summary: "Members, what they were assigned, positions and lag",
      request: { params: name },
      responses: answers(Description, "The group"),
    }),
    (c) => c.json(describe(find(c.req.valid("param").group)), 200),
  );

  route(
    api,
    createRoute({
      method: "post",
      path: "/api/kafka/groups/{group}/offsets",
      operationId: "resetOffsets",
      tags,
      summary: "Moves a group without members to another position; a group that is not there is made",
      request: { params: name, body: takes(Reset) },
      responses: answers(Description, "The group"),
    }),
    (c) => {
      const id = c.req.valid("param").group;
      const { topic: wanted, partition, to } = c.req.valid("json");
      const topic = cluster().topics.get(wanted) ?? missing("topic", wanted, cluster().topics.keys());
      const known = cluster().groups.groups.get(id);
      if (known !== undefined && known.members.size > 0)
        throw new ApiError(409, `group ${id} has members: their consumers have to stop first`);
      const chosen =
        partition === undefined
          ? topic.partitions
          : [topic.partitions[partition] ?? missing(`partition of ${wanted}`, String(partition), [])];
      for (const { index, log, leaderEpoch } of chosen) {
        const offset = to === "beginning" ? log.start : to === "end" ? log.end : Math.min(Math.max(to, log.start), log.end);
        cluster().groups.commit(id, wanted, index, offset, leaderEpoch, "");
      }
      return c.json(describe(find(id)), 200);
    },
  );

  route(
    api,
    createRoute({
      method: "delete",
      path: "/api/kafka/groups/{group}",
      operationId: "deleteGroup",
      tags,
      summary: "Deletes a group without members",
      request: { params: name },
      responses: answers(Done, "It is gone"),
    }),
    (c) => {
      const { id } = find(c.req.valid("param").group);
      const error = cluster().groups.delete(id);
      if (error !== Errors.NONE) throw new ApiError(409, `${errorName(error)}: group ${id} has members`);
      return c.json({ done: true as const }, 200);
    },
  );

  route(
    api,
    createRoute({
      method: "delete",
      path: "/api/kafka/groups/{group}/members/{member}",
      operationId: "expelGroupMember",
      tags,
      summary: "Throws a member out: the group rebalances",
      request: { params: name.extend({ member: z.string() }) },
      responses: answers(Done, "It is out"),
    }),
    (c) => {
      const { group, member } = c.req.valid("param");
      const { members } = find(group);
      if (!members.has(member)) missing(`member of group ${group}`, member, members.keys());
      havoq.control.expelMember(group, member);
      return c.json({ done: true as const }, 200);
    },
  );
};

export default groups;
