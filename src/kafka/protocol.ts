import type apis from "./broker/apis/index.ts";
import type { ErrorName as KafkaErrorName } from "./wire/errors.ts";
import type { RequestOf, ResponseOf } from "./wire/api.ts";

type Apis = (typeof apis)[number];

/** Operation and error names as plugins type them, taken from the API tables. */
declare module "../hooks/plugin.ts" {
  interface Protocols {
    kafka: {
      errors: KafkaErrorName;
      requests: { [A in Apis as A["name"]]: RequestOf<A> };
      responses: { [A in Apis as A["name"]]: ResponseOf<A> };
    };
  }
}
